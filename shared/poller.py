"""One tick: sees what the world did meanwhile, and says which runs have something to do.

Its cost depends on the active runs and the pages of jobs, never on how many runs ever finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from shared.core import identity, naming
from shared.core.errors import FinetuneError, NotFound
from shared.core.observations import Job
from shared.core.policy import Policy
from shared.core.run import FINISHED, IN_FLIGHT, Status
from shared.intake import Intake
from shared.ports import ActiveRun, World
from shared.reconciler import Progress, Reconciler, needs_job_listing
from shared.telemetry import names
from shared.telemetry import runs as telemetry
from shared.telemetry.records import log

_KNOWN_MAX: Final = 50_000


class _Listing:
    """The jobs of one tick, by id and by training file: a look at each of a thousand runs must not look at all jobs."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._by_id = {job.id: job for job in jobs}
        self._by_file: dict[str, list[Job]] = {}
        for job in self._by_id.values():
            self._by_file.setdefault(job.training_file, []).append(job)

    def own(self, row: ActiveRun) -> dict[str, Job]:
        """The run's job, if it is listed."""
        job = self._by_id.get(row.job_id) if row.job_id else None
        return {job.id: job} if job else {}

    def beside(self, row: ActiveRun) -> dict[str, Job]:
        """Jobs on a run's training files that are not its own and were not cancelled."""
        found = (job for file_id in row.training_files for job in self._by_file.get(file_id, ()))
        return {job.id: job for job in found if job.id != row.job_id and job.status != "cancelled"}


class Poller:
    """Finds the runs that have something to do."""

    def __init__(self, world: World, policy: Policy, reconciler: Reconciler, intake: Intake) -> None:
        self._world = world
        self._policy = policy
        self._reconciler = reconciler
        self._intake = intake
        self._known: set[str] = (
            set()
        )  # datasets that have a run; only spares calls, so a new process may forget it
        self._work_left = policy.tick_work_max

    @telemetry.ticking
    def tick(self) -> list[str]:
        """Look once at everything that is active.

        Returns:
            Ids of the runs to queue, those first that have been in their status longest.
        """
        now = self._world.clock.now()
        self._work_left = self._policy.tick_work_max
        rows = sorted(
            self._world.index.active(), key=lambda row: (row.status_since or row.due_at, row.run_id)
        )
        telemetry.looked(rows, now)
        jobs = self._list_jobs(rows)
        queue = self._accept_lost(rows)
        next_in_line = self._next_in_line(rows)
        due = self._due(rows, now)
        for row in rows:
            if row.status is None:
                if not self._has_budget():
                    continue
                self._intake.accept(row.dataset)  # announced, but its run was never stored
                queue.append(row.run_id)
            elif self._has_news(row, jobs) or row.run_id in due or self._is_woken(row, next_in_line):
                queue.append(row.run_id)
        return list(dict.fromkeys(queue))

    def _due(self, rows: list[ActiveRun], now: datetime) -> set[str]:
        """The runs whose time has come.

        Of those that wait for what is done for one at a time, only the first in line try, and the one that has not tried for
        longest, should those at the head be stuck.
        """
        due = [row for row in rows if row.due_at <= now]
        line = [row for row in due if row.is_contending]
        last = sorted(line, key=lambda row: row.due_at)[:1]
        turn = {row.run_id for row in line[: self._policy.contenders_max - 1] + last}
        return {row.run_id for row in due if not row.is_contending or row.run_id in turn}

    def _next_in_line(self, rows: list[ActiveRun]) -> set[str]:
        """The queued runs for which there should be places among the runs in flight: those whose datasets came first."""
        places = self._policy.in_flight_max - sum(row.status in IN_FLIGHT for row in rows)
        line = sorted(
            (row for row in rows if row.status is Status.QUEUEING),
            key=lambda row: (row.dataset.modified_at, row.run_id),
        )
        return {row.run_id for row in line[: max(places, 0)]}

    def _is_woken(self, row: ActiveRun, next_in_line: set[str]) -> bool:
        """Let a queued run look for its place; True if it found one."""
        return row.run_id in next_in_line and self._mirror(row, {})

    def _has_news(self, row: ActiveRun, jobs: _Listing) -> bool:
        """Mirror what the listing says about a run; True if the run then has more to do."""
        late = jobs.beside(row)
        if late and row.status not in FINISHED:
            self._sweep(row, {job_id: job for job_id, job in late.items() if job.is_live})
        if row.status is Status.TRAINING and (own := jobs.own(row)):
            return self._mirror(row, own)
        return bool(late) and row.status in FINISHED and self._mirror(row, late)

    def _sweep(self, row: ActiveRun, late: dict[str, Job]) -> None:
        """A duplicate that runs costs money in every status, while people think for days as well."""
        if not late or row.job_id is None:
            return
        try:
            self._reconciler.sweep(row.run_id, late)
        except FinetuneError as error:
            log(names.SWEEP_FAILED, **telemetry.keys_of(row), code=error.code)

    def _has_budget(self) -> bool:
        """Whether one more piece of work fits into this tick."""
        self._work_left -= 1
        return self._work_left >= 0

    def _mirror(self, row: ActiveRun, jobs: dict[str, Job]) -> bool:
        if not self._has_budget():
            return True  # the queue scales out
        try:
            return self._reconciler.mirror(row, jobs) is Progress.AGAIN
        except FinetuneError as error:
            log(names.MIRROR_FAILED, **telemetry.keys_of(row), code=error.code)
            return False

    def _list_jobs(self, rows: list[ActiveRun]) -> _Listing:
        """One listing of jobs for all runs that have one; empty if the service cannot be asked."""
        concerned = [row for row in rows if needs_job_listing(row)]
        if not concerned:
            return _Listing()
        since = min(row.dataset.modified_at for row in concerned) - timedelta(
            seconds=self._policy.clock_skew_s
        )
        try:
            return _Listing(self._world.trainer.jobs(since))
        except FinetuneError as error:
            log(names.JOBS_UNLISTED, code=error.code)
            return _Listing()

    def _accept_lost(self, rows: list[ActiveRun]) -> list[str]:
        """Accept datasets that no event told us about."""
        self._known.update(row.run_id for row in rows)
        since = self._world.clock.now() - timedelta(seconds=self._policy.lost_event_window_s)
        accepted: list[str] = []
        try:
            for dataset in self._world.datasets.changed_since(since):
                run_id = identity.run_id(dataset.container, dataset.name, dataset.etag)
                if run_id in self._known or naming.companion_role(dataset.name):
                    continue
                if not self._has_budget():
                    break  # the next tick goes on
                if not self._exists(run_id):
                    self._intake.accept(dataset)
                    accepted.append(run_id)
                if len(self._known) < _KNOWN_MAX:
                    self._known.add(run_id)
        except FinetuneError as error:
            log(names.DATASETS_UNLISTED, code=error.code)
        return accepted

    def _exists(self, run_id: str) -> bool:
        try:
            self._world.runs.load(run_id)
        except NotFound:
            return False
        return True
