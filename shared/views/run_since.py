"""What changed since the last approval: a run beside the last one whose model its pipeline promoted."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.core.run import Run
from shared.core.since_approval import Side, changes
from shared.pinning import Pinned
from shared.views.moments import when
from shared.views.run_evaluation import verdict_of
from shared.views.run_shown import Since

_NONE = "Nothing of this pipeline was promoted before, so there is nothing to compare with."


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A run, what it is pinned to, and its rows' identities, as far as they could be read."""

    run: Run
    pinned: Pinned | None = None
    keys: bytes | None = None


def since(now: Known, before: Known | None, at: datetime) -> Since:
    """What differs.

    Args:
        now: the run of the page.
        before: the pipeline's last promoted run; None: there is none that can be read.
        at: the time.
    """
    if before is None:
        return Since(run_id="", said=_NONE, changes=None, figures=())
    ended = when(before.run.status_since, at)
    # While a run is judged again no grader has decided yet: then those of both files are compared.
    has_decided = now.run.evaluation is not None and before.run.evaluation is not None
    one, other = (_side(known, has_decided=has_decided) for known in (now, before))
    is_same_exam = one.exam is not None and one.exam == other.exam
    exam = (
        "on the same exam, so scores may be compared"
        if is_same_exam
        else "on another exam, or one that is not known: do not compare scores"
    )
    return Since(
        run_id=before.run.id,
        said=f"The last one is run {before.run.id}, {before.run.status} since {ended.text} ({ended.away}), measured {exam}.",
        changes=changes(one, other),
        figures=tuple(_figures(now.run, before.run)),
    )


def _side(known: Known, *, has_decided: bool) -> Side:
    run, pinned = known.run, known.pinned
    files = run.summary.files if run.summary else {}
    champion = run.evaluation.champion if run.evaluation else msgspec.UNSET
    return Side(
        run_id=run.id,
        source=pinned.source if pinned else None,
        model=pinned.spec.model if pinned else None,
        graders=_graders(run, pinned, has_decided=has_decided),
        exam=pinned.evaluation_set.sha256 if pinned and pinned.evaluation_set else files.get("evaluation"),
        rows=files.get("training"),
        examples=run.summary.examples if run.summary else None,
        keys=known.keys,
        against=None if champion is msgspec.UNSET else champion or "",
    )


def _graders(run: Run, pinned: Pinned | None, *, has_decided: bool) -> str | None:
    """The one that decided, if one did in both runs; else those that the pipeline file names."""
    if has_decided and run.evaluation:
        return run.evaluation.metric
    if pinned is None:
        return None
    names = [str(grader.get("name", grader.get("type", ""))) for grader in pinned.spec.evaluation.graders]
    return ", ".join(names) or "chosen from the held-out rows"


def _figures(now: Run, before: Run) -> list[tuple[str, str, str]]:
    rows = [_numbers(run) for run in (now, before)]
    return [(name, rows[0][name], rows[1][name]) for name in rows[0]]


def _numbers(run: Run) -> dict[str, str]:
    seen, summary = run.evaluation, run.summary
    return {
        "verdict": verdict_of(seen)[0] if seen else "none",
        "score": "" if seen is None or seen.candidate_score is None else f"{seen.candidate_score:.3f}",
        "gain": "" if seen is None or seen.gain is None else f"{seen.gain:+.3f}",
        "at least": "" if seen is None or seen.lower_bound is None else f"{seen.lower_bound:+.3f}",
        "compared examples": "" if seen is None else f"{seen.examples:,}",
        "training cost, estimated": ""
        if summary is None or summary.estimated_usd is None
        else f"US$ {summary.estimated_usd:,.2f}",
    }
