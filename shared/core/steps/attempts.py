"""Attempts: how an effect is begun, repeated, and given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core import endings
from shared.core.decision import Decision, poll, wait
from shared.core.effects import CreateJob, Effect, PutDeployment, UploadFile
from shared.core.policy import Policy
from shared.core.run import Attempt, Run


def patience_s(effect: Effect, policy: Policy) -> float:
    """Seconds for which nobody repeats an effect whose outcome is not known yet."""
    if isinstance(effect, UploadFile):
        return policy.upload_settle_s
    return policy.effect_lease_s if effect.is_idempotent else policy.settle_s


def begin(run: Run, effect: Effect, now: datetime, policy: Policy) -> Decision:
    """Intend an effect, unless an earlier attempt may still show its result.

    An attempt that is known not to have been applied may be repeated at once and does not count; the status's deadline bounds
    those.  One that was lost (a crash, an answer that never came) is repeated only when its patience is over, and counts.
    """
    previous = run.attempt if run.attempt and run.attempt.effect == effect.key else None
    patience = timedelta(seconds=patience_s(effect, policy))
    count = 1
    if previous:
        if not previous.is_settled:
            if now < previous.at + patience:
                return wait(run, previous.at + patience)
            if previous.count >= policy.attempts_max:
                return give_up(run, previous, now)
        count = previous.count + (0 if previous.is_settled else 1)
    attempt = Attempt(effect=effect.key, count=count, at=now)
    changed = run.evolve(attempt=attempt, due_at=now + patience)
    if isinstance(effect, CreateJob):
        changed = changed.evolve(job_attempted_at=now, has_spent=True)
    elif isinstance(effect, UploadFile):
        changed = changed.evolve(files_attempted_at=now)
    elif isinstance(effect, PutDeployment) and effect.name == run.candidate:
        changed = changed.evolve(candidate_attempted_at=now)
    return Decision(run=changed, effect=effect)


def give_up(run: Run, attempt: Attempt, now: datetime) -> Decision:
    """Too many attempts whose outcome stayed unknown."""
    if run.is_finished:  # clean-up only: the sweep window ends it
        return poll(run, now)
    message = f"{attempt.effect} was tried {attempt.count} times and its result was never seen."
    return Decision(run=run.end(endings.ATTEMPTS_EXHAUSTED, now, message))
