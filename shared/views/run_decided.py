"""Gates of a run that are over: exactly what was decided on, its digest, who decided and with which words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.core import identity
from shared.core.approval import rejection
from shared.core.run import Gate, Run
from shared.core.spec import PipelineSpec
from shared.views.offers import said_at
from shared.views.run_ask import subject_of
from shared.views.run_shown import Decided, Fact

_CHANGED = (
    "What it was about was replaced since, by another try or another evaluation, so only its digest is left here; the timeline "
    "has the rest."
)


def decided(run: Run, spec: PipelineSpec | None, now: datetime) -> tuple[Decided, ...]:
    """The gates that nobody decides on any more, in the order in which they were opened.

    Args:
        run: with the votes that count.
        spec: its pipeline file; None if that cannot be read.
        now: the time.
    """
    over = [
        gate for gate in run.gates.values() if gate is not run.gate or gate.is_approved or rejection(gate)
    ]
    return tuple(_decided(run, gate, spec, now) for gate in sorted(over, key=lambda gate: gate.opened_at))


def _decided(run: Run, gate: Gate, spec: PipelineSpec | None, now: datetime) -> Decided:
    is_whole = gate.digest == _present(run, gate, spec)
    digest = Fact(what="digest", said=gate.digest)
    return Decided(
        gate=gate.name,
        outcome=_outcome(run, gate),
        facts=subject_of(run, gate, spec) if is_whole else (digest,),
        note=" ".join(_notes(run, gate, is_whole=is_whole)),
        said=said_at(gate, now),
    )


def _present(run: Run, gate: Gate, spec: PipelineSpec | None) -> str | None:
    """The digest over what the run is about now; None if that cannot be told."""
    if gate.name == "spend":
        return identity.spend_digest(run) if run.summary else None
    return identity.deployment_digest(run, spec) if run.evaluation and spec else None


def _outcome(run: Run, gate: Gate) -> str:
    if rejected := rejection(gate):
        return f"{rejected.name} rejected it."
    approvals = f"{gate.approvals} of {gate.approvals_needed} approvals"
    if gate.is_approved:
        return f"It was approved: {approvals}."
    return f"It was not decided: {approvals}." if run.is_finished else f"It counts no more: {approvals}."


def _notes(run: Run, gate: Gate, *, is_whole: bool) -> Iterator[str]:
    if why := run.stale_digests.get(gate.digest):
        yield why
    if not is_whole:
        yield _CHANGED
