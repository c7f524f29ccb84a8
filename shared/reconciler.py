"""The only loop that moves runs: load, observe, decide, persist, perform.

The first attempt and the recovery are the same path: whatever died, the next look finds out how far the world got.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from shared import ledger
from shared.core.decide import after_error, decide
from shared.core.effects import Effect
from shared.core.errors import (
    Conflict,
    FinetuneError,
    NotFound,
    QuotaExhausted,
    Refused,
    Retryable,
    StartWindowPassed,
)
from shared.core.history import events_between
from shared.core.observations import Job, Observation, Unobserved
from shared.core.policy import Policy
from shared.core.run import Run, Status
from shared.core.steps.closing import is_settled, live_duplicates
from shared.observer import Observer
from shared.performer import Performer
from shared.ports import ActiveRun, World
from shared.telemetry import runs as telemetry

_decide: Final = telemetry.deciding(decide)


class Progress(Enum):
    """How an advance ended."""

    WAITING = auto()
    """Nothing to do until something happens or its time comes."""
    AGAIN = auto()
    """There is more to do: queue the run."""
    SETTLED = auto()
    """Nothing will ever be to do."""


@dataclass(frozen=True, slots=True)
class _Hint:
    """What one step tells the next: that something has just happened, and perhaps what it showed."""

    seen: Observation | None = None
    jobs: dict[str, Job] | None = None
    version: str | None = None
    """The stored version that `seen` is about: what an effect showed says nothing about a run that was moved meanwhile."""


class Reconciler:
    """Moves runs."""

    def __init__(self, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._observer = Observer(world, policy)
        self._performer = Performer(world, policy)

    @telemetry.advancing
    def advance(self, run_id: str, *, jobs: dict[str, Job] | None = None, may_act: bool = True) -> Progress:
        """Move a run as far as it goes now.

        Args:
            run_id: the run.
            jobs: a listing of jobs by id that was just taken, to spare a call a run.
            may_act: False to remember only what was seen; an effect that is due makes the answer AGAIN.

        Raises:
            NotFound: if there is no such run.
        """
        stop_at = self._world.clock.now() + timedelta(seconds=self._policy.advance_budget_s)
        hint = _Hint(jobs=jobs) if jobs is not None else None
        for _ in range(self._policy.steps_max):
            now = self._world.clock.now()  # before the look: a stale look must count as old
            if now >= stop_at:
                break
            outcome = self._step(run_id, now, hint, may_act=may_act)
            if isinstance(outcome, Progress):
                return outcome
            hint = outcome
        return Progress.AGAIN

    def _step(
        self, run_id: str, now: datetime, hint: _Hint | None, *, may_act: bool
    ) -> Progress | _Hint | None:
        """One look, one decision, at most one effect.

        Returns:
            How the advance ends, or what the next step should know (None: nothing).
        """
        run, version = self._world.runs.load(run_id)
        telemetry.identify(run)
        if is_settled(run, now, self._policy):
            ledger.write(
                self._world.pipelines, run
            )  # heals what a crash after the last state left undone; nobody looks again
            announced_since = now - timedelta(seconds=self._policy.late_write_s)
            self._world.index.project(run, is_settled=True, announced_since=announced_since)
            return Progress.SETTLED
        if run.status is Status.VALIDATING:
            # before others count it: a crash may have come between the intent and the ledger
            ledger.write(self._world.pipelines, run)
        if run.due_at > now and hint is None:
            self._world.index.project(run, is_settled=False)  # heals a projection that a crash left behind
            return Progress.WAITING
        policy = self._policy.for_pipeline(self._observer.pinned_spec(run))
        if run.spec_digest and policy.pipeline is None and not run.is_finished and run.gate is None:
            seen: Observation = Unobserved(
                message="artifact_gone: pinned.json was deleted or changed; restore it"
            )
        else:
            is_about_this = hint is not None and hint.version == version
            seen = (
                hint.seen
                if hint and hint.seen and is_about_this
                else self._look(run, hint.jobs if hint else None)
            )
        decision = _decide(run, seen, now, policy)
        if decision.effect is not None and not may_act:
            return self._make_due(run, version, now)
        if decision.run != run:
            try:
                run, version = self._persist(run, decision.run, version, now)
            except Conflict:
                return Progress.WAITING  # somebody else moved it, and goes on with it
        elif decision.effect is None:
            return Progress.WAITING
        if decision.effect is not None:
            return self._act(run, version, decision.effect, policy)
        return Progress.WAITING if run.due_at > now else None

    def _make_due(self, run: Run, version: str, now: datetime) -> Progress:
        """Let the run that is queued now be looked at, although nothing was expected of it yet; pauses after failures stay."""
        if run.due_at > now and not run.failures:
            try:
                self._persist(run, run.evolve(due_at=now), version, now)
            except Conflict:
                return Progress.WAITING
        return Progress.AGAIN

    def mirror(self, row: ActiveRun, jobs: dict[str, Job]) -> Progress:
        """Remember what a listing of jobs says about a run, without acting."""
        try:
            return self.advance(row.run_id, jobs=jobs, may_act=False)
        except NotFound:
            return Progress.AGAIN

    def sweep(self, run_id: str, jobs: dict[str, Job]) -> None:
        """Cancel the jobs that appeared late beside the job of a run that is under way; the intent is stored first.

        Raises:
            FinetuneError: if the world does not answer; the next listing shows them again.
        """
        now = self._world.clock.now()
        run, version = self._world.runs.load(run_id)
        found = live_duplicates(run, jobs.values())
        if new := tuple(job_id for job_id in found if job_id not in run.duplicates):
            try:
                self._persist(run, run.evolve(duplicates=run.duplicates + new), version, now)
            except Conflict:
                return
        for job_id in found:
            self._world.trainer.cancel(job_id)

    @telemetry.observing
    def _look(self, run: Run, jobs: dict[str, Job] | None) -> Observation:
        try:
            return self._observer.observe(run, jobs)
        except FinetuneError as error:
            telemetry.look_failed(run, error)
            wait_s = error.retry_after_s if isinstance(error, Retryable) else None
            return Unobserved(
                message=f"{error.code}: {error.message}",
                retry_after_s=wait_s,
                quota=isinstance(error, QuotaExhausted | Refused),
            )

    def _persist(self, before: Run, after: Run, version: str, now: datetime) -> tuple[Run, str]:
        """Compare-and-swap the next state with its history, then bring the projections up to date."""
        stored, events = events_between(before, after.evolve(updated_at=now))
        new_version = self._world.runs.replace(stored, version, events)
        telemetry.moved(before, stored)
        self._project(before, stored)
        return stored, new_version

    def _project(self, before: Run | None, run: Run) -> None:
        self._world.index.project(run, is_settled=False)
        if before is None or before.committed_at != run.committed_at or before.status is not run.status:
            ledger.write(self._world.pipelines, run)

    def _act(self, run: Run, version: str, effect: Effect, policy: Policy) -> Progress | _Hint:
        """Perform an effect whose intent is stored."""
        assert run.attempt is not None
        not_after = run.attempt.at + timedelta(seconds=policy.start_window_s)
        try:
            if self._world.clock.now() > not_after:
                raise StartWindowPassed
            return _Hint(seen=self._performer.perform(run, effect, not_after), version=version)
        except FinetuneError as error:
            telemetry.effect_failed(run, effect, error)
            return self._after_error(run, version, error, policy)

    def _after_error(self, run: Run, version: str, error: FinetuneError, policy: Policy) -> Progress | _Hint:
        now = self._world.clock.now()
        after = after_error(run, error, now, policy)
        if after != run:
            try:
                self._persist(run, after, version, now)
            except Conflict:
                return Progress.WAITING
        has_ended = after.is_finished and not run.is_finished
        return _Hint() if has_ended or isinstance(error, Conflict) else Progress.WAITING


def needs_job_listing(row: ActiveRun) -> bool:
    """Whether the poller's listing of jobs can tell something about a run."""
    return row.status is Status.TRAINING or bool(row.training_files)
