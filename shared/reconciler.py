"""The only loop that moves runs: load, observe, decide, store, perform.

The first attempt and the recovery are the same path: whatever died, the next look finds out how far the world got.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import msgspec

from shared import evidence
from shared.core.decide import after_error, decide
from shared.core.decision import Decision
from shared.core.effects import Effect
from shared.core.errors import (
    ArtifactGone,
    Conflict,
    FinetuneError,
    NotFound,
    QuotaExhausted,
    Refused,
    Retryable,
    StartWindowPassed,
    Unforeseen,
    foreseen,
)
from shared.core.observations import Job, Observation, Proof, Unobserved
from shared.core.policy import Policy
from shared.core.progress import Progress
from shared.core.run import Run
from shared.core.status import Status
from shared.core.steps.closing import is_settled, live_duplicates
from shared.foresight import Foresight
from shared.observer import Observer
from shared.performer import Doing, Performer
from shared.pinning import Pinned, Pins
from shared.ports import ActiveRun, World
from shared.run_writer import RunWriter
from shared.telemetry import runs as telemetry


@dataclass(frozen=True, slots=True)
class _Hint:
    """What one step hands to the next: that something has just happened, and perhaps what it showed.

    An empty hint makes the next step look at once; without a hint it waits until the run is due.
    """

    seen: Observation | None = None
    jobs: dict[str, Job] | None = None
    version: str | None = None
    """The stored version that `seen` is about: what an effect showed says nothing about a run that was moved meanwhile."""

    @property
    def has_proof(self) -> bool:
        """Whether there is something to remember, which would have to be done again otherwise."""
        return isinstance(self.seen, Proof)


class Reconciler:
    """Moves runs."""

    def __init__(self, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._pins = Pins(world)
        self._writer = RunWriter(world)
        foresight = Foresight(world, policy)
        self._observer = Observer(world, policy, self._pins, foresight)
        self._performer = Performer(world, policy, self._pins, foresight)
        self._decide = telemetry.deciding(decide)

    @telemetry.advancing
    def advance(self, run_id: str, *, jobs: dict[str, Job] | None = None, may_act: bool = True) -> Progress:
        """Move a run as far as it goes now.

        Args:
            run_id: the run.
            jobs: a listing of jobs by id that was just taken, to spare a call per run.
            may_act: if False, what is seen is stored and nothing is performed; an effect that is due makes the answer AGAIN.

        Raises:
            NotFound: if there is no such run.
        """
        stop_at = self._world.clock.now() + timedelta(seconds=self._policy.advance_budget_s)
        hint = _Hint(jobs=jobs) if jobs is not None else None
        for number in count():
            now = self._world.clock.now()  # before the look: a stale look must count as old
            is_over = number >= self._policy.steps_max or now >= stop_at
            if is_over and not (hint and hint.has_proof):
                return Progress.AGAIN
            outcome = self._step(run_id, now, hint, may_act=may_act)
            if isinstance(outcome, Progress):
                return outcome
            hint = outcome
        raise AssertionError  # count() does not end

    def _step(
        self, run_id: str, now: datetime, hint: _Hint | None, *, may_act: bool
    ) -> Progress | _Hint | None:
        """One look, one decision, at most one effect.

        Returns:
            How the advance ends, or what the next step should know (None: nothing).
        """
        run, version = self._world.runs.load(run_id)
        telemetry.identify(run)
        if (progress := self._progress_if_idle(run, now, hint)) is not None:
            return progress
        counted, pin, seen = self._see(run, version, hint)
        decision = self._conclude(counted, pin, seen, now)
        if decision.effect is not None and not may_act:
            return self._make_due(run, version, now)
        if decision.effect is None and decision.run == run:
            return Progress.WAITING
        if decision.run != run:
            try:
                decision, version = self._store(run, decision, version, now)
            except Conflict:
                return Progress.WAITING  # somebody else moved it, and goes on with it
            run = decision.run
        if decision.effect is None:
            return Progress.WAITING if run.due_at > now else None
        return self._act(self._doing(run, pin, decision.effect), version)

    def _progress_if_idle(self, run: Run, now: datetime, hint: _Hint | None) -> Progress | None:
        """Bring up to date what follows from the row of a run that has nothing to do now; None if it may have."""
        if is_settled(run, now, self._policy):
            self._writer.settle(run, now - timedelta(seconds=self._policy.late_write_s))
            return Progress.SETTLED
        if run.status is Status.VALIDATING:
            # Before others count it: a crash may have come between the row and the ledger.
            self._writer.commit(run)
        if run.due_at > now and hint is None:
            self._writer.refresh(run)
            return Progress.WAITING
        return None

    def _see(self, run: Run, version: str, hint: _Hint | None) -> tuple[Run, Pinned | None, Observation]:
        """The run with the votes that count, what it is pinned to, and what the world shows.

        That is what the last effect showed, or else a look.
        """
        try:
            counted, pin = evidence.counted(self._world, run), self._pins.of(run)
        except Exception as error:  # noqa: BLE001  whatever it is, the run has to know
            return run, None, self._unseen(run, foreseen(error))
        if hint and hint.seen and hint.version == version:
            return counted, pin, hint.seen
        return counted, pin, self._look(counted, hint.jobs if hint else None)

    def _make_due(self, run: Run, version: str, now: datetime) -> Progress:
        """Make a run due, so that it is looked at when it is taken from the queue; a pause after failures stays as it is."""
        if run.due_at > now and not run.failures:
            try:
                self._writer.store(run, run.evolve(due_at=now), version, now)
            except Conflict:
                return Progress.WAITING
        return Progress.AGAIN

    def mirror(self, row: ActiveRun, jobs: dict[str, Job]) -> Progress:
        """Remember what a listing of jobs shows about a run, without acting."""
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
                self._writer.store(run, run.evolve(duplicates=run.duplicates + new), version, now)
            except Conflict:
                return
        for job_id in found:
            self._world.trainer.cancel(job_id)

    @telemetry.observing
    def _look(self, run: Run, jobs: dict[str, Job] | None) -> Observation:
        try:
            return self._observer.observe(run, jobs)
        except Exception as error:  # noqa: BLE001  whatever it is, the run has to know
            return self._unseen(run, foreseen(error))

    def _unseen(self, run: Run, error: FinetuneError) -> Unobserved:
        """What a look that failed comes to."""
        telemetry.look_failed(run, error)
        return Unobserved(
            message=f"{error.code}: {error.message}",
            retry_after_s=error.retry_after_s if isinstance(error, Retryable) else None,
            quota=isinstance(error, QuotaExhausted | Refused),
            is_lasting=isinstance(error, ArtifactGone | Unforeseen),
        )

    def _conclude(self, run: Run, pin: Pinned | None, seen: Observation, now: datetime) -> Decision:
        """The decision; where deciding raises, that of a look that failed, which takes nothing but time and a wish."""
        try:
            return self._decide(run, seen, now, self._policy.for_pipeline(pin.spec if pin else None))
        except Exception as error:  # noqa: BLE001  whatever it is, the run has to know
            return decide(run, self._unseen(run, foreseen(error)), now, self._policy)

    def _store(self, run: Run, decision: Decision, version: str, now: datetime) -> tuple[Decision, str]:
        """Store what was decided; where that cannot be stored, no more than that it cannot, and nothing is done then.

        Raises:
            Conflict: if somebody else wrote first.
            FinetuneError: if a table does not answer.
        """
        try:
            stored, new_version = self._writer.store(run, decision.run, version, now)
        except FinetuneError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the run has to know
            decision = decide(run, self._unseen(run, foreseen(error)), now, self._policy)
            stored, new_version = self._writer.store(run, decision.run, version, now)
        return msgspec.structs.replace(decision, run=stored), new_version

    def _doing(self, run: Run, pin: Pinned | None, effect: Effect) -> Doing[Effect]:
        assert run.attempt is not None
        not_after = run.attempt.at + timedelta(seconds=self._policy.start_window_s)
        return Doing(run=run, pin=pin, effect=effect, not_after=not_after)

    def _act(self, doing: Doing[Effect], version: str) -> Progress | _Hint:
        """Perform an effect whose intent is stored."""
        try:
            return _Hint(seen=self._perform(doing), version=version)
        except Exception as raised:  # noqa: BLE001  whatever it is, the run has to know
            error = foreseen(raised)
            telemetry.effect_failed(doing.run, doing.effect, error)
            return self._after_error(doing.run, version, error)

    def _perform(self, doing: Doing[Effect]) -> Observation | None:
        if self._world.clock.now() > doing.not_after:
            raise StartWindowPassed
        return self._performer.perform(doing)

    def _after_error(self, run: Run, version: str, error: FinetuneError) -> Progress | _Hint:
        now = self._world.clock.now()
        after = after_error(run, error, now, self._policy)
        if after != run:
            try:
                self._writer.store(run, after, version, now)
            except Conflict:
                return Progress.WAITING
        has_ended = after.is_finished and not run.is_finished
        return _Hint() if has_ended or isinstance(error, Conflict) else Progress.WAITING


def needs_job_listing(row: ActiveRun) -> bool:
    """Whether the poller's listing of jobs may show something about a run."""
    return row.status is Status.TRAINING or bool(row.training_files)
