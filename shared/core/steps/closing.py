"""Stopping a run, and clearing up after its end: nothing that costs is left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.core import endings, naming
from shared.core.decision import Decision, poll, wait
from shared.core.effects import CancelJob, DeleteDeployment, DeleteFiles
from shared.core.observations import Ended, Job, Observation, Submitting, Training
from shared.core.policy import Policy
from shared.core.run import Run, Status
from shared.core.steps.attempts import begin


def cancelling(run: Run, seen: Observation, now: datetime, policy: Policy) -> Decision:
    """A person asked to stop: cancel the job first, if there is one or may yet be one."""
    live: str | None = None
    if isinstance(seen, Submitting):
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
    return Decision(run=run.end(endings.CANCELLED, now, f"{run.cancel.name} cancelled the run."))


def sweep_until(run: Run, policy: Policy) -> datetime | None:
    """Until when a job that was asked for may still appear."""
    return run.job_attempted_at and run.job_attempted_at + timedelta(seconds=policy.sweep_window_s)


def is_settled(run: Run, now: datetime, policy: Policy) -> bool:
    """Whether a run has ended, has nothing left to clear up, and no job of it can appear any more."""
    until = sweep_until(run, policy)
    if not run.is_finished or (until and now < until):
        return False
    return not (may_have_candidate(run) or may_have_files(run) or may_have_early(run, now, policy))


def may_have_candidate(run: Run) -> bool:
    """Whether the candidate's deployment may be there."""
    return run.candidate is not None and not run.candidate_removed


def may_have_early(run: Run, now: datetime, policy: Policy) -> bool:
    """Whether a production deployment that was taken back, because the champion had changed, may appear once more.

    A request to put it may have been on its way for long.  What failed on its way to clients keeps its deployment for a retry.
    """
    if not run.evaluation_round or run.status is Status.DEPLOYED:
        return False
    if run.production in {None, naming.production_deployment(run.pipeline, run.id, "replace")}:
        return False  # clients of a shared deployment would have none
    if run.failure and run.failure.step in {Status.DEPLOYING, Status.VERIFYING}:
        return False
    return now < run.status_since + timedelta(seconds=policy.sweep_window_s)


def may_have_files(run: Run) -> bool:
    """Whether files of the run may be in Foundry.  They may be after any upload that was begun: its answer may have been lost."""
    return bool(run.files_attempted_at or run.training_file_id) and not run.files_removed


def live_duplicates(run: Run, jobs: Iterable[Job]) -> tuple[str, ...]:
    """Jobs that appeared late beside the job of a run that is under way, and still cost."""
    if run.job_id is None or run.is_finished:
        return ()
    return tuple(
        job.id
        for job in jobs
        if job.training_file in run.training_files and job.id != run.job_id and job.is_live
    )


def duplicates(run: Run, jobs: tuple[Job, ...], now: datetime, policy: Policy) -> Decision | None:
    """A job beside the run's own: cancelled while it lives, recorded when it is too late for that."""
    for job in jobs:
        is_own = job.id == run.job_id
        if job.is_live:
            if is_own and run.model is not None:
                continue
            return begin(run, CancelJob(job_id=job.id), now, policy)
        if job.id not in {run.job_id, *run.orphans, *run.retired_jobs} and job.status != "cancelled":
            return Decision(run=run.evolve(orphans=(*run.orphans, job.id), due_at=now))
    return None


def closing(run: Run, seen: Ended, now: datetime, policy: Policy) -> Decision:
    """Remove what a finished run still occupies: late duplicate jobs, the candidate's deployment, the uploaded files.

    What is seen is removed at once.  What is not seen may still appear, until the sweep window is over.
    """
    if decision := duplicates(run, seen.jobs, now, policy):
        return decision
    if seen.candidate and seen.candidate.state != "Deleting":
        return begin(run, DeleteDeployment(name=seen.candidate.name), now, policy)
    if seen.production and seen.production.state != "Deleting":
        return begin(run, DeleteDeployment(name=seen.production.name), now, policy)
    if seen.file_ids:
        return begin(run, DeleteFiles(file_ids=seen.file_ids), now, policy)
    if seen.candidate or seen.production:
        return poll(run, now)
    window = timedelta(seconds=policy.sweep_window_s)
    looks = [] if (until := sweep_until(run, policy)) is None else [until]
    run = run.evolve(attempt=None)
    if may_have_candidate(run):
        looks.append((run.candidate_attempted_at or run.status_since) + window)
        run = run.evolve(candidate_removed=now >= looks[-1])
    if may_have_files(run):
        looks.append((run.files_attempted_at or run.status_since) + window)
        run = run.evolve(files_removed=now >= looks[-1])
    if may_have_early(run, now, policy):
        looks.append(min(now + timedelta(seconds=policy.effect_lease_s), run.status_since + window))
    later = [look for look in looks if look > now]
    return wait(run, min(later)) if later else Decision(run=run.evolve(due_at=now))
