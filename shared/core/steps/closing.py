"""Stopping a run, and clearing up after its end: nothing that costs stays behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core.effects import CancelJob, DeleteDeployment, DeleteFiles
from shared.core.observations import Jobs, Leftovers, Observation, Training
from shared.core.policy import Policy
from shared.core.run import Run, Status
from shared.core.steps.attempts import Decision, begin, poll, wait


def cancelling(run: Run, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """A person asked to stop: cancel the job first, if there is one or may yet be one."""
    live: str | None = None
    if isinstance(seen, Jobs):
        live = next((job.id for job in seen.jobs if job.is_live), None)
        attempted = run.job_attempted_at
        if live is None and attempted and now < attempted + timedelta(seconds=policy.settle_s):
            return wait(run, attempted + timedelta(seconds=policy.settle_s))
    elif isinstance(seen, Training):
        live = seen.job.id if seen.job and seen.job.is_live else None
        run = run.evolve(job_status=seen.job.status) if seen.job else run
    if live:
        return begin(run, CancelJob(job_id=live), now, policy)
    assert run.cancel
    return Decision(
        run=run.end(
            Status.CANCELLED,
            now,
            code="cancelled",
            message=f"{run.cancel.name} cancelled the run.",
            remedy="Drop the dataset again to start over.",
        )
    )


def sweep_until(run: Run, policy: Policy) -> datetime | None:
    """Until when a job that was asked for may still appear."""
    return run.job_attempted_at and run.job_attempted_at + timedelta(seconds=policy.sweep_window_s)


def is_settled(run: Run, now: datetime, policy: Policy) -> bool:
    """Whether a finished run has nothing left to clear up and nothing left to fear."""
    until = sweep_until(run, policy)
    if not run.is_finished or (until and now < until):
        return False
    return (run.candidate is None or run.candidate_removed) and (
        run.training_file_id is None or run.files_removed
    )


def duplicates(run: Run, seen_jobs: Leftovers, now: datetime, policy: Policy) -> Decision | None:
    """A job beside the run's own: cancelled while it lives, recorded when it is too late for that."""
    known = {*run.orphans, *run.retired_jobs}
    for job in seen_jobs.jobs:
        is_own = job.id == run.job_id
        if job.id in known or job.status == "cancelled" or (is_own and not job.is_live):
            continue
        if job.is_live:
            if is_own and run.model is not None:
                continue
            return begin(run, CancelJob(job_id=job.id), now, policy)
        return Decision(run=run.evolve(orphans=(*run.orphans, job.id), due_at=now))
    return None


def closing(run: Run, seen: Leftovers, now: datetime, policy: Policy) -> Decision:
    """What a finished run still occupies: late duplicate jobs, the candidate's deployment, the uploaded files."""
    if decision := duplicates(run, seen, now, policy):
        return decision
    if run.candidate and not run.candidate_removed:
        if seen.candidate and seen.candidate.state != "Deleting":
            return begin(run, DeleteDeployment(name=run.candidate), now, policy)
        if seen.candidate is None:
            return Decision(run=run.evolve(candidate_removed=True, attempt=None, due_at=now))
        return poll(run, now)
    if run.training_file_id and not run.files_removed:
        if seen.file_ids:
            return begin(run, DeleteFiles(file_ids=seen.file_ids), now, policy)
        return Decision(run=run.evolve(files_removed=True, attempt=None, due_at=now))
    until = sweep_until(run, policy)
    return wait(run, until) if until and now < until else poll(run, now)
