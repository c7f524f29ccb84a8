"""One tick: looks at what has changed since the last one, and finds the runs that have something to do.

Its calls depend on the active runs, on the pages of jobs, and on how many files the container of datasets holds: see
`shared.lost_datasets`.  Apart from that, settled runs cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from shared.core.errors import foreseen
from shared.core.observations import Job
from shared.core.policy import Policy
from shared.core.progress import Progress
from shared.core.run import FINISHED, IN_FLIGHT, Status
from shared.intake import Intake
from shared.lost_datasets import LostDatasets
from shared.ports import ActiveRun, World
from shared.reconciler import Reconciler, needs_job_listing
from shared.telemetry import names
from shared.telemetry import runs as telemetry
from shared.telemetry.records import log
from shared.tick_budget import TickBudget
from shared.version import VERSION


class _Listing:
    """The jobs of one tick, by id and by training file, so that a look-up for each of a thousand runs does not go through all."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._by_id = {job.id: job for job in jobs}
        self._by_file: dict[str, list[Job]] = {}
        for job in self._by_id.values():
            self._by_file.setdefault(job.training_file, []).append(job)

    def own(self, row: ActiveRun) -> dict[str, Job]:
        """The run's job, if it is listed."""
        job = self._by_id.get(row.job_id) if row.job_id else None
        return {job.id: job} if job else {}

    def duplicates(self, row: ActiveRun) -> dict[str, Job]:
        """Jobs on a run's training files that are not its own and were not cancelled."""
        found = (job for file_id in row.training_files for job in self._by_file.get(file_id, ()))
        return {job.id: job for job in found if job.id != row.job_id and job.status != "cancelled"}

    def news(self, row: ActiveRun) -> dict[str, Job]:
        """The jobs that matter to a run: its own while it trains, and after its end the duplicates that appeared."""
        if row.status is Status.TRAINING:
            return self.own(row)
        return self.duplicates(row) if row.status in FINISHED else {}


class Poller:
    """Finds the runs that have something to do."""

    def __init__(self, world: World, policy: Policy, reconciler: Reconciler, intake: Intake) -> None:
        self._world = world
        self._policy = policy
        self._reconciler = reconciler
        self._intake = intake
        self._lost = LostDatasets(world, policy, intake)

    @telemetry.ticking
    def tick(self) -> list[str]:
        """Look once at everything that is active.

        Returns:
            Ids of the runs to queue: first those of uploads that nobody reported, then those longest in their status.
        """
        now = self._world.clock.now()
        budget = TickBudget(self._policy.tick_work_max)
        rows = sorted(
            self._world.index.active(), key=lambda row: (row.status_since or row.due_at, row.run_id)
        )
        telemetry.looked(rows, now)
        jobs = self._list_jobs(rows)
        queue = self._lost.accept(rows, budget)
        due, next_in_line = self._due(rows, now), self._next_in_line(rows)
        for row in rows:
            if row.status is None:
                if budget.take():
                    self._intake.accept(row.dataset)  # announced, but its run was never stored
                    queue.append(row.run_id)
                continue
            self._cancel_duplicates(row, jobs)
            has_more, news = row.run_id in due, jobs.news(row)
            if news or (row.run_id in next_in_line and not has_more):
                has_more |= self._mirror(row, news, budget)
            if has_more:
                queue.append(row.run_id)
        with suppress(
            Exception
        ):  # whatever it is, what the tick found out is worth more; pages say when the last one was
            self._world.index.ticked(VERSION, now)
        return list(dict.fromkeys(queue))

    def _due(self, rows: Sequence[ActiveRun], now: datetime) -> set[str]:
        """The runs whose time has come.

        Writes to the Foundry account are made one at a time.  Of the runs that wait to make one, only a few try in a tick: those
        that have waited longest, and the one whose last try was longest ago, in case the others are stuck.
        """
        due = [row for row in rows if row.due_at <= now]
        line = [row for row in due if row.waits_for_account]
        last = sorted(line, key=lambda row: row.due_at)[:1]
        turn = {row.run_id for row in line[: self._policy.contenders_max - 1] + last}
        return {row.run_id for row in due if not row.waits_for_account or row.run_id in turn}

    def _next_in_line(self, rows: Sequence[ActiveRun]) -> set[str]:
        """The queued runs for which there should be places among the runs in flight: those whose datasets came first."""
        places = self._policy.in_flight_max - sum(row.status in IN_FLIGHT for row in rows)
        line = sorted(
            (row for row in rows if row.status is Status.QUEUEING),
            key=lambda row: (row.dataset.modified_at, row.run_id),
        )
        return {row.run_id for row in line[: max(places, 0)]}

    def _list_jobs(self, rows: Sequence[ActiveRun]) -> _Listing:
        """One listing of jobs for all runs that have one; empty if the service cannot be asked."""
        concerned = [row for row in rows if needs_job_listing(row)]
        if not concerned:
            return _Listing()
        since = min(row.dataset.modified_at for row in concerned) - timedelta(
            seconds=self._policy.clock_skew_s
        )
        try:
            return _Listing(self._world.trainer.jobs(since))
        except Exception as error:  # noqa: BLE001  without the listing each run looks for itself
            log(names.JOBS_UNLISTED, code=foreseen(error).code)
            return _Listing()

    def _cancel_duplicates(self, row: ActiveRun, jobs: _Listing) -> None:
        """Cancel jobs that run beside a run's own: they cost money in every status, also while people take days to decide."""
        if row.status in FINISHED or row.job_id is None:
            return  # a run that ended cancels them itself when it is advanced with this listing
        live = {job_id: job for job_id, job in jobs.duplicates(row).items() if job.is_live}
        if not live:
            return
        try:
            self._reconciler.sweep(row.run_id, live)
        except Exception as error:  # noqa: BLE001  one run that goes wrong keeps no other from being looked at
            log(names.SWEEP_FAILED, **telemetry.keys_of(row), code=foreseen(error).code)

    def _mirror(self, row: ActiveRun, news: dict[str, Job], budget: TickBudget) -> bool:
        """Let a run remember what the listing of jobs shows, or look for its place; True if it then has more to do."""
        if not budget.take():
            return True  # whoever takes it from the queue does it
        try:
            return self._reconciler.mirror(row, news) is Progress.AGAIN
        except Exception as error:  # noqa: BLE001  one run that goes wrong keeps no other from being looked at
            log(names.MIRROR_FAILED, **telemetry.keys_of(row), code=foreseen(error).code)
            return False
