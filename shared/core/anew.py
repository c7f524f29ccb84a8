"""What is to be seen to when a run goes on that was measured, or had ended: old approvals, clean-up that is at work."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any, Final

from shared.core.effects import DeleteDeployment
from shared.core.run import Attempt, Run
from shared.core.status import Status

#: Of digests that count no more, so many are kept with why; of earlier ones it is only said that the gate is about another one.
_STALE_MAX: Final = 20


def begun_anew(run: Run, why: str, now: datetime, **changes: Any) -> Run:
    """The run where its candidate is measured; no approval so far counts for what will be found."""
    gate = run.gates.get("deployment")
    stale = run.stale_digests | ({gate.digest: why} if gate else {})
    return run.move(
        Status.QUEUEING,
        now,
        evaluation=None,
        evaluation_round=run.evaluation_round + 1,
        stale_digests=dict(islice(stale.items(), max(0, len(stale) - _STALE_MAX), None)),
        **changes,
    )


def deletion(run: Run) -> Attempt | None:
    """The clean-up's attempt to delete a deployment, while it may still be at work."""
    attempt = run.attempt
    is_deletion = attempt is not None and attempt.effect.partition(":")[0] == DeleteDeployment.__name__
    return attempt if is_deletion and attempt and not attempt.is_settled else None
