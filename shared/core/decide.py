"""The whole policy of a run, as a function.

`decide(run, seen, now, policy)` says what to remember and what to do next; `now` was read before `seen`, so that a stale
look counts as old.  `after_error` says what an effect's error means for the run.  Nothing here touches the world.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from shared.core import approval, endings
from shared.core.decision import Decision
from shared.core.errors import (
    Conflict,
    DatasetChanged,
    FinetuneError,
    OutcomeUnknown,
    QuotaExhausted,
    Retryable,
    Unforeseen,
)
from shared.core.observations import Observation, Proof, Unobserved
from shared.core.policy import Policy
from shared.core.run import CANCELLABLE, TRANSITIONS, Failure, Run, Status
from shared.core.steps import admission, closing, fine_tuning, promotion
from shared.core.steps.remembering import remember

#: Each status has one question to the world, and so one function; the observation's class belongs to the status.
_DECIDERS: Final[MappingProxyType[Status, Callable[[Run, Any, datetime, Policy], Decision]]] = (
    MappingProxyType(
        {
            Status.RECEIVED: admission.received,
            Status.VALIDATING: admission.validating,
            Status.AWAITING_SPEND_APPROVAL: admission.awaiting_spend_approval,
            Status.QUEUEING: fine_tuning.queueing,
            Status.UPLOADING: fine_tuning.uploading,
            Status.SUBMITTING: fine_tuning.submitting,
            Status.TRAINING: fine_tuning.training,
            Status.STAGING: promotion.staging,
            Status.EVALUATING: promotion.evaluating,
            Status.AWAITING_APPROVAL: promotion.awaiting_approval,
            Status.DEPLOYING: promotion.deploying,
            Status.VERIFYING: promotion.verifying,
        }
    )
)


def decide(run: Run, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """What to remember and what to do next.

    Args:
        run: the stored state.
        seen: what the look showed; its class belongs to the run's status.
        now: the time, read before the look.
        policy: the app's numbers with the run's pipeline file.
    """
    if isinstance(seen, Unobserved):
        return _within_deadline(run, _unobserved(run, seen, now, policy), now, policy)
    run = _recovered(run)
    if isinstance(seen, Proof):
        return remember(run, seen, now)
    if run.is_finished:
        return closing.closing(run, seen, now, policy)  # type: ignore[arg-type]  # the reconciler's look fits the status
    if run.cancel and run.status in CANCELLABLE:
        decision = closing.cancelling(run, seen, now, policy)
    else:
        decision = _DECIDERS[run.status](run, seen, now, policy)
    return _within_deadline(run, decision, now, policy)


def _unobserved(run: Run, seen: Unobserved, now: datetime, policy: Policy) -> Decision:
    if seen.is_lasting and (ended := _ended_unseen(run, now)):
        return Decision(run=ended)
    pause = policy.backoff(run.id, run.failures + 1, seen.retry_after_s)
    if seen.quota:
        pause = max(pause, timedelta(seconds=policy.quota_wait_s))
    return Decision(run=run.evolve(failures=run.failures + 1, due_at=now + pause, trouble=seen.message))


def _ended_unseen(run: Run, now: datetime) -> Run | None:
    """The run ended by a wish or by time, though nothing can be seen of it; the clean-up looks for what it left behind."""
    if run.cancel and run.status in CANCELLABLE:
        return run.end(endings.CANCELLED, now, f"{run.cancel.name} cancelled the run.")
    if run.gate and approval.is_lost(run.gate, now):
        return approval.expired(run, run.gate, now)
    return None


def _recovered(run: Run) -> Run:
    """The run after a look that worked.  An effect that keeps failing keeps its count, or its pauses would never grow."""
    if run.attempt and run.attempt.is_settled:
        return run
    return run.evolve(failures=0, trouble=None)


def _within_deadline(run: Run, decision: Decision, now: datetime, policy: Policy) -> Decision:
    """Fail a run that has waited too long and does not move now: no status waits for ever."""
    deadline = policy.deadline(run.status, run.status_since)
    if deadline is None or now < deadline or decision.run.status is not run.status:
        return decision
    since = run.status_since.isoformat(timespec="seconds")
    message = f"The run was {run.status} since {since}, longer than allowed."
    return Decision(run=run.end(endings.DEADLINE_EXCEEDED, now, message))


def after_error(run: Run, error: FinetuneError, now: datetime, policy: Policy) -> Run:
    """The run after its effect raised `error`; the same run if there is nothing to remember."""
    if isinstance(error, Unforeseen):
        return run.evolve(trouble=f"{error.code}: {error.message}")  # and look again, as below
    if isinstance(error, Conflict | OutcomeUnknown):
        return run  # look again: at once after a conflict, after the settle time otherwise
    if isinstance(error, DatasetChanged) and Status.SUPERSEDED in TRANSITIONS[run.status]:
        return _ended_by(error, Status.SUPERSEDED, run, now)
    if isinstance(error, Retryable) or run.is_finished:
        pause = policy.backoff(run.id, run.failures + 1, getattr(error, "retry_after_s", None))
        if isinstance(error, QuotaExhausted):
            pause = max(pause, timedelta(seconds=policy.quota_wait_s))
        attempt = run.attempt and run.attempt.__replace__(is_settled=True)
        trouble = f"{error.code}: {error.message}"
        return run.evolve(failures=run.failures + 1, due_at=now + pause, attempt=attempt, trouble=trouble)
    return _ended_by(error, Status.FAILED, run, now)


def _ended_by(error: FinetuneError, status: Status, run: Run, now: datetime) -> Run:
    """The run ended by an error, in the error's own words."""
    failure = Failure(
        step=run.status,
        code=error.code,
        message=error.message,
        remedy=error.remedy,
        can_retry=status is Status.FAILED,
    )
    return run.move(status, now, failure=failure)
