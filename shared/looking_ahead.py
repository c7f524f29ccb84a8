"""What the comparison of a run will be able to show: asked of the world while its dataset is validated, before money is spent."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec

from shared import evaluation_plan
from shared.core import artifacts
from shared.core import champion as champions
from shared.core.dataset.options import Options
from shared.core.dataset.validate import ValidatedDataset
from shared.core.errors import ArtifactGone, NotFound
from shared.core.evaluation.ahead import outlook
from shared.core.evaluation.grading import Examined
from shared.core.evaluation.held_out import exam_of
from shared.core.evaluation.outlook import Outlook
from shared.core.evaluation.prospect import Past, Prospect
from shared.core.observations import Champion
from shared.core.pipeline.file import file_of
from shared.core.spec import PipelineSpec
from shared.known_rows import known_by
from shared.pinning import Pinned
from shared.ports import World
from shared.run_folder import Evidence


class _Contest(msgspec.Struct, frozen=True):
    spread: float | None = None


class _Summary(msgspec.Struct, frozen=True):
    """What of `evaluation/summary.json` says how much scores differ."""

    contests: tuple[_Contest, ...] = ()


_decode_summary: Final = msgspec.json.Decoder(_Summary).decode


def look(
    world: World, pinned: Pinned, found: ValidatedDataset, options: Options, examined: Examined
) -> Outlook:
    """What the comparison will be able to show, as things are now.

    Raises:
        Retryable: if storage does not answer.  Of deployments that nobody answers for, it is said that they are not known.
    """
    spec = pinned.spec
    champion = world.pipelines.champion(spec.name)
    prospect = Prospect(
        spec=spec,
        source=pinned.source,
        file=file_of(spec.name),
        exam=exam_of(found, options, _known_to_champion(world, spec, found, champion)),
        examined=examined,
        baselines=evaluation_plan.ahead(world, spec.evaluation.baselines, champion),
        past=_past(world, spec.name),
    )
    return outlook(prospect)


def _known_to_champion(
    world: World, spec: PipelineSpec, found: ValidatedDataset, champion: Champion | None
) -> Iterable[int] | None:
    """Places of the examples that the champion was trained on, if its model is part of the comparison; None if not known."""
    if champion is None or not found.held_out:
        return ()
    deployments = {baseline.deployment for baseline in spec.evaluation.baselines}
    is_part = champion.deployment in deployments or champion.model == spec.model
    if not (is_part or champions.is_measured(spec)):
        return ()
    return known_by(world, champion.run_id, [row.key for row in found.held_out])


def _past(world: World, pipeline: str) -> Past:
    coming = world.pipelines.coming_look(pipeline)
    raw = None
    if coming.last_run:
        with suppress(NotFound, ArtifactGone):  # then the spread is assumed
            last, _ = world.runs.load(coming.last_run)
            raw = Evidence(world.artifacts, last).read(artifacts.EVALUATION_SUMMARY)
    return Past(coming=coming, spread=_spread_in(raw) if raw else None)


def _spread_in(raw: bytes) -> float | None:
    """The largest spread in the summary of a comparison; None if it does not say."""
    try:
        contests = _decode_summary(raw).contests
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return max((contest.spread for contest in contests if contest.spread is not None), default=None)
