"""Where a run stands and what happens next, in one sentence each; why it waits, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from shared.core.approval import rejection
from shared.core.judgeable import may_be_judged
from shared.core.run import Run
from shared.core.spec import Approval
from shared.core.status import GATES, STATUSES, Status


class _Told(NamedTuple):
    now: str
    then: str


#: status -> what goes on, and what comes next if nothing is in the way.
_TOLD: Final[dict[Status, _Told]] = {
    Status.RECEIVED: _Told(
        "The dataset was noticed; the run is being pinned to this version and to today's pipeline file.",
        "Then every row is checked.",
    ),
    Status.VALIDATING: _Told(
        "Every row is being checked, and the cost estimated.",
        "Then a person is asked about the money, or the run queues for a place.",
    ),
    Status.AWAITING_SPEND_APPROVAL: _Told(
        "A person decides whether the money is spent; nothing has been sent to Foundry.",
        "If it is approved, the run queues for a place and is trained.",
    ),
    Status.QUEUEING: _Told(
        "The run waits for a place among the runs in flight.",
        "Then it goes on where it has work left: training, or its evaluation.",
    ),
    Status.UPLOADING: _Told(
        "The files are being sent to Foundry, which processes them.", "Then one job is started."
    ),
    Status.SUBMITTING: _Told(
        "One fine-tuning job is being started.", "Then it trains; that takes from minutes to hours."
    ),
    Status.TRAINING: _Told(
        "Foundry trains the model.", "Then the model is deployed for evaluation only, and measured."
    ),
    Status.STAGING: _Told(
        "The candidate is being deployed for evaluation only; clients do not get it.",
        "Then it answers the held-out examples.",
    ),
    Status.EVALUATING: _Told(
        "The candidate and its baselines answer the held-out examples.",
        "Then the verdict is given: a person is asked, or the run ends as not promoted.",
    ),
    Status.AWAITING_APPROVAL: _Told(
        "A person decides whether clients get the model.",
        "If it is approved, it is deployed, asked its smoke test, and becomes the champion.",
    ),
    Status.DEPLOYING: _Told(
        "What was approved is being deployed for clients.", "Then it is asked its smoke test."
    ),
    Status.VERIFYING: _Told(
        "The new deployment is asked its smoke test.", "If it answers, it becomes the pipeline's champion."
    ),
    Status.DEPLOYED: _Told(
        "The model answered its smoke test and became the pipeline's champion.",
        "Nothing more happens to this run.",
    ),
    Status.INVALID: _Told(
        "The dataset or the pipeline file cannot be used; nothing was sent to Foundry.",
        "Mend what is said below and drop the dataset again: that is another run.",
    ),
    Status.DUPLICATE: _Told(
        "Another run does the same work; nothing was paid for twice.", "Look at that run."
    ),
    Status.SUPERSEDED: _Told(
        "The dataset was overwritten while this run was at its beginning.",
        "The newer version has a run of its own.",
    ),
    Status.CANCELLED: _Told(
        "The run was stopped.",
        "With its model it may be judged again; without, drop the dataset again: that is another run.",
    ),
    Status.NOT_PROMOTED: _Told(
        "The candidate is not better by the pipeline's rule; clients keep the model that they have.",
        "Nothing happens by itself; the run may be judged again by a corrected pipeline file.",
    ),
    Status.REJECTED: _Told("A person rejected it; nothing was deployed.", "Nothing happens by itself."),
    Status.EXPIRED: _Told("Nobody decided in time; nothing was deployed.", "Nothing happens by itself."),
    Status.FAILED: _Told(
        "Something could not be done; the run has stopped.", "Nothing happens by itself; below is what to do."
    ),
}
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
    told = _TOLD[run.status]
    by, by_then = _limit(run, approval)
    if run.is_finished and by and by <= now:
        by, by_then = None, ""
    then = told.then
    if run.cancel and not run.is_finished:
        then = f"{run.cancel.name} asked to stop it: it ends at its next step."
    elif run.gate and rejection(run.gate):
        then = "It is rejected; the run ends at its next step."
    elif run.gate and run.gate.is_approved:
        then = "It is approved; the run goes on at its next step."
    return Standing(now=told.now, then=then, why=_why(run), by=by, by_then=by_then)


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
