"""What is to be seen to when a run goes on that was measured, or had ended: old approvals, clean-up that is at work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.core.effects import DeleteDeployment
from shared.core.run import Attempt, Run
from shared.core.status import Status


def begun_anew(run: Run, why: str, now: datetime, **changes: Any) -> Run:
    """The run where its candidate is measured; no approval so far counts for what will be found."""
    gate = run.gates.get("deployment")
    stale = {gate.digest: why} if gate else {}
    return run.move(
        Status.QUEUEING,
        now,
        evaluation=None,
        evaluation_round=run.evaluation_round + 1,
        stale_digests=run.stale_digests | stale,
        **changes,
    )


def deletion(run: Run) -> Attempt | None:
    """The clean-up's attempt to delete a deployment, while it may still be at work."""
    attempt = run.attempt
    is_deletion = attempt is not None and attempt.effect.partition(":")[0] == DeleteDeployment.__name__
    return attempt if is_deletion and attempt and not attempt.is_settled else None
