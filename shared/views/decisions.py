"""What a person did about a run, as it is answered: a line of its history, and what the run knows beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from shared.core import served
from shared.core.history import Event, WishTold, vote_told, wish_told
from shared.core.run import GateDecision, Judging, Run, Wish
from shared.views import parts

#: A wish is stored with its line; whatever lies further apart is another one.
_AT_ONCE: Final = timedelta(minutes=1)


class _What(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and what the run still knows of it."""

    decision: str
    name: str
    gate: str | None = None
    digest: str | None = None
    evaluation: str | None = None
    known: GateDecision | Wish | Judging | None = None


def row(run_id: str, run: Run | None, event: Event) -> served.DecisionRow:
    """A line of the history for audits.

    Args:
        run_id: of the run.
        run: as it is stored; None: it cannot be read.
        event: a line of a vote, a hold or a wish.
    """
    wish = wish_told(event)
    what = _asked(run, event, wish) if wish else _said(run, event)
    known = what.known
    return served.DecisionRow(
        at=parts.iso(event.at),
        run=run_id,
        pipeline=run.pipeline if run else None,
        dataset=run.dataset.name if run else None,
        gate=what.gate,
        decision=what.decision,
        digest=what.digest,
        evaluation=what.evaluation,
        person=event.person or (known.person if known else None),
        name=what.name,
        role=event.role or None,
        comment=event.comment if event.comment is not None or wish or not known else known.comment,
        app_version=event.app_version or None,
        pipeline_file=run.spec_digest if run else None,
    )


def _said(run: Run | None, event: Event) -> _What:
    """A vote or a hold."""
    gate, name, digest = vote_told(event.detail or "")
    stored = run.gates.get(gate) if run else None
    votes = stored.decisions if stored else ()
    same = (vote for vote in votes if (vote.name, vote.decision, vote.digest) == (name, event.after, digest))
    return _What(
        decision=event.after or "",
        name=name,
        gate=gate,
        digest=digest,
        evaluation=_evaluation(run, digest) if gate == "deployment" else None,
        known=next(same, None),
    )


def _evaluation(run: Run | None, digest: str) -> str | None:
    """Digest of the evaluation that a deployment gate showed, as long as the run has that one."""
    gate = run.gates.get("deployment") if run else None
    if run is None or gate is None or run.evaluation is None:
        return None
    is_the_same = gate.digest == digest and digest not in run.stale_digests
    return run.evaluation.digest if is_the_same else None


def _asked(run: Run | None, event: Event, wish: WishTold) -> _What:
    """A wish; the run has the last one of each kind."""
    last: Wish | Judging | None = None
    if run:
        last = {"cancel": run.cancel, "retry": run.retry, "rejudge": run.judging}[wish.kind]
    is_it = last is not None and last.name == wish.name and abs(event.at - last.at) <= _AT_ONCE
    return _What(decision=wish.kind, name=wish.name, known=last if is_it else None)
