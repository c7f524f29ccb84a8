"""What models were trained on: held-out examples that a model knows already prove nothing about it.

The identity of each row that is trained on is kept, 8 bytes a row.  Runs of releases before 0.3.0 kept none: theirs are made from
their prepared rows, as long as these are there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared.core import artifacts, identity
from shared.core.artifacts import Artifact
from shared.core.dataset.validate import keys_of
from shared.core.errors import ArtifactGone, NotFound
from shared.core.evaluation.exam import CANDIDATE
from shared.core.observations import EvaluationPlan
from shared.core.run import Run
from shared.core.spec import MethodType
from shared.ports import World
from shared.run_folder import Evidence


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Which held-out examples are known.

    Attributes:
        places: target -> places, from 0, of the examples that its model was trained on.
        not_known: targets of which that cannot be found out, although the app trained their models.
    """

    places: Mapping[str, frozenset[int]]
    not_known: tuple[str, ...] = ()


class _Method(msgspec.Struct, frozen=True):
    type: MethodType


class _Spec(msgspec.Struct, frozen=True):
    method: _Method


class _Pin(msgspec.Struct, frozen=True):
    """What of `pinned.json` says how rows are to be read."""

    spec: _Spec


_decode_pin = msgspec.json.Decoder(_Pin).decode
_decode_places = msgspec.json.Decoder(list[int]).decode


def encoded(keys: Iterable[int]) -> bytes:
    """Keys of rows as they are stored: 8 bytes each, the lowest one first."""
    return b"".join(key.to_bytes(8, "little") for key in keys)


def find(world: World, run: Run, made: EvaluationPlan, groups: Sequence[int]) -> Known:
    """Which held-out examples the models of a plan were trained on, with those that are in one group with them.

    Args:
        world: where runs keep their artifacts.
        run: whose examples they are.
        made: the plan; it says which runs trained the models.
        groups: the group of each example.

    Raises:
        Retryable: if storage does not answer.
        ArtifactGone: if what is stored is not about these examples: to guess could take a known one for a new one.
    """
    evidence = Evidence(world.artifacts, run)
    asked = _keys(evidence, run, "evaluation", artifacts.EVALUATION_KEYS)
    if asked is not None and len(asked) != len(groups):
        msg = f"{artifacts.EVALUATION_KEYS.name} has {len(asked)} keys for {len(groups)} held-out examples"
        raise ArtifactGone(msg)
    places: dict[str, frozenset[int]] = {}
    not_known: list[str] = []
    for target, label in made.labels.items():
        trained_by = made.trained_by.get(target, ())
        found = [known_by(world, run_id, asked) for run_id in trained_by]
        if target == CANDIDATE:
            found.append(_known_by_candidate(evidence, run, asked, len(groups)))
        if None in found or (label == "champion" and not trained_by):
            not_known.append(target)
        known = {place for some in found if some is not None for place in some}
        known_groups = {groups[place] for place in known}
        places[target] = frozenset(place for place, group in enumerate(groups) if group in known_groups)
    return Known(places=places, not_known=tuple(not_known))


def _known_by_candidate(
    evidence: Evidence, run: Run, asked: Sequence[int] | None, count: int
) -> Iterable[int] | None:
    """Places of what the run's own training rows equal, or nearly."""
    places = evidence.decoded(artifacts.EVALUATION_TRAINED, _decode_places)
    if places is None:
        return _among(_keys(evidence, run, "training", artifacts.TRAINING_KEYS), asked)
    if not all(0 <= place < count for place in places):
        msg = (
            f"{artifacts.EVALUATION_TRAINED.name} names examples that are not among the {count} held-out ones"
        )
        raise ArtifactGone(msg)
    return places


def known_by(world: World, run_id: str, asked: Sequence[int] | None) -> Iterable[int] | None:
    """Places of what another run trained on; None if that is not known, or what says it was changed.

    Args:
        world: where runs keep their rows and artifacts.
        run_id: of that run.
        asked: identity of each held-out example; None if it is not known.
    """
    try:
        run, _ = world.runs.load(run_id)
        trained = _keys(Evidence(world.artifacts, run), run, "training", artifacts.TRAINING_KEYS)
    except (NotFound, ArtifactGone):
        return None
    return _among(trained, asked)


def _among(trained: Sequence[int] | None, asked: Sequence[int] | None) -> Iterable[int] | None:
    """Places of the examples that are among the rows that were trained on."""
    if trained is None or asked is None:
        return None
    known = frozenset(trained)
    return [place for place, key in enumerate(asked) if key in known]


def _keys(evidence: Evidence, run: Run, role: str, stored: Artifact) -> Sequence[int] | None:
    """The keys of a run's rows: as stored, else made from the rows; None if neither is there, or they cannot be read.

    Raises:
        ArtifactGone: if they were stored, and changed or deleted since.
    """
    raw = evidence.read(stored)
    if raw is not None:
        return struct.unpack(f"<{len(raw) // 8}Q", raw)
    pin = evidence.raw(artifacts.PINNED)
    if pin is None or not identity.is_pin(pin, run.spec_digest or ""):
        return None
    try:
        method = _decode_pin(pin).spec.method.type
        with evidence.open(artifacts.prepared(role)) as lines:
            return list(keys_of(lines, method))
    except (NotFound, ArtifactGone, ValueError):
        return None
