"""Where a run stands and what happens next, in one sentence each; why it waits, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from shared.core.approval import rejection
from shared.core.judgeable import may_be_judged
from shared.core.run import Run
from shared.core.spec import Approval
from shared.core.status import GATES, STATUSES, Status

#: Ends that a person may undo for a while, and by what.
_AGAIN: Final = {
    Status.CANCELLED: "judged again",
    Status.NOT_PROMOTED: "judged again",
    Status.REJECTED: "judged again",
    Status.EXPIRED: "judged again",
    Status.FAILED: "tried again",
}


class Standing(NamedTuple):
    """Where a run stands.

    Attributes:
        now: what goes on.
        then: what comes next.
        why: why it waits or ended, with what to do; empty if there is nothing to say.
        by: until when; None if it does not wait.
        by_then: what happens then; empty without a time.
    """

    now: str
    then: str
    why: str
    by: datetime | None
    by_then: str


def standing(run: Run, approval: Approval, now: datetime) -> Standing:
    """Where a run stands, seen at a time.

    Args:
        run: with those votes only that count.
        approval: how people decide on it.
        now: the time.
    """
    facts = STATUSES[run.status]
    by, by_then = _limit(run, approval)
    if run.is_finished and by and by <= now:
        by, by_then = None, ""
    then = facts.then
    if run.cancel and not run.is_finished:
        then = f"{run.cancel.name} asked to stop it: it ends at its next step."
    elif run.gate and rejection(run.gate):
        then = "It is rejected; the run ends at its next step."
    elif run.gate and run.gate.is_approved:
        then = "It is approved; the run goes on at its next step."
    return Standing(now=facts.now, then=then, why=_why(run), by=by, by_then=by_then)


def not_stopped(run: Run) -> str:
    """Why there is nothing to stop any more, of a run that cannot be cancelled."""
    if run.is_finished:
        return "It has ended: there is nothing to stop."
    return "Wait until it has ended; what is being deployed was approved."


def stands(run: Run) -> str:
    """Where a run stands that nobody sends back to work, as a part of a sentence."""
    if run.is_finished:
        return f"this one has ended as {run.status.replace('_', ' ')}"
    if run.status in GATES.values():
        return "this one waits for a person to decide at its gate"
    return "this one goes on by itself"


def _limit(run: Run, approval: Approval) -> tuple[datetime | None, str]:
    """Until when it waits, and what happens then."""
    if gate := run.gate:
        if rejection(gate) or gate.is_approved:
            return None, ""
        return gate.approve_by, "without a decision the run ends as expired."
    deadline_s = STATUSES[run.status].deadline_s
    if deadline_s is not None:
        return run.status_since + timedelta(seconds=deadline_s), "if this is not over, the run fails."
    if run.status in _AGAIN and _may_go_on(run):
        over_at = run.status_since + timedelta(seconds=approval.expires_after_s)
        return over_at, f"after that it cannot be {_AGAIN[run.status]} any more."
    return None, ""


def _may_go_on(run: Run) -> bool:
    if run.status is Status.FAILED:
        return run.failure is not None and run.failure.can_retry
    return may_be_judged(run)


def _why(run: Run) -> str:
    """The last error while it keeps the run waiting; why it ended; what the gate asks for; how the job is."""
    if run.failure:
        return f"{run.failure.message} {run.failure.remedy}".strip()
    if run.trouble:
        return f"It waits because of {run.trouble}"
    if run.gate:
        return run.gate.reason
    if run.status is Status.TRAINING and run.job_status:
        return f"Foundry reports the job as {run.job_status}."
    if run.duplicate_of:
        return f"The same work is done by run {run.duplicate_of}."
    return ""
