"""The month's ledger: what runs may spend, counted before they do."""

from __future__ import annotations

from shared.core.run import Run
from shared.ports import Pipelines


def write(pipelines: Pipelines, run: Run) -> None:
    """Set a run's estimated cost against its month's budget, or give it back if it ended without asking for a job; idempotent.

    Raises:
        FinetuneError: if the table does not answer.
    """
    if run.committed_at is None:
        return
    usd = (run.summary.estimated_usd if run.summary else None) or 0.0
    is_unspent = run.is_finished and not run.has_spent
    month = run.committed_at.strftime("%Y-%m")
    pipelines.commit(run.pipeline, month, run.id, run.committed_at, 0.0 if is_unspent else usd)
