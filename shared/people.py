"""What persons ask for: vote at a gate, stop a run, try a failed one again, judge one again.  Each is one compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from shared import evaluation_plan, evidence
from shared.core import champion, holds, people
from shared.core.errors import Conflict, FinetuneError, StaleDigest, Unavailable
from shared.core.people import Choice, Person, Ruling
from shared.core.run import Run
from shared.core.status import GATES, GateName
from shared.pinning import Pins
from shared.ports import World
from shared.rejudging import Prepared, Rejudging
from shared.run_writer import RunWriter
from shared.version import VERSION

_TRIES: Final = 6  # lost races against the poller; each is over in milliseconds


class People:
    """Records what persons want; the reconciler draws the conclusions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._writer = RunWriter(world)
        self._pins = Pins(world)
        self._rejudging = Rejudging(world, self._pins)

    def vote(
        self,
        run_id: str,
        gate: GateName,
        person: Person,
        *,
        decision: Choice,
        digest: str,
        comment: str,
    ) -> Ruling:
        """Record a vote at a gate.

        Raises:
            NotFound: no such run.
            ArtifactGone: what is to be approved is not there as it was stored.
            GateClosed, StaleDigest, Expired, Forbidden, Malformed: see `core.people.vote`.  A run whose evaluation counts no
                more is due.
            Unavailable: the store did not answer, or the race was lost too often; nothing was recorded.
        """
        ruling: Ruling | None = None

        def change(stored: Run) -> Run:
            nonlocal ruling
            run = evidence.counted(self._world, stored)
            if decision == "approve" and run.status is GATES[gate]:
                evidence.insist(self._world, run, gate)
            now = self._world.clock.now()
            ruling = people.vote(
                run,
                gate,
                person,
                decision=decision,
                digest=digest,
                comment=comment,
                now=now,
                app_version=VERSION,
                replacement=self._replacement(run, gate),
            )
            return ruling.run

        try:
            self._change(run_id, change)
        except StaleDigest:
            with suppress(FinetuneError):  # else it is seen at the next look
                self._change(run_id, lambda run: self._due(run, gate))
            raise
        assert ruling is not None
        return ruling

    def hold(self, run_id: str, gate: GateName, person: Person, *, digest: str, comment: str) -> Ruling:
        """Record what a person asks or answers at a gate.

        Raises:
            NotFound, Unavailable: as for `vote`.
            Malformed, GateClosed, StaleDigest, Expired: see `core.holds.hold`.
        """
        ruling: Ruling | None = None

        def change(stored: Run) -> Run:
            nonlocal ruling
            ruling = holds.hold(
                evidence.counted(self._world, stored),
                gate,
                person,
                digest=digest,
                comment=comment,
                now=self._world.clock.now(),
                app_version=VERSION,
            )
            return ruling.run

        self._change(run_id, change)
        assert ruling is not None
        return ruling

    def _replacement(self, run: Run, gate: GateName) -> str | None:
        """Why the evaluation that an open deployment gate shows counts no more, if it does not."""
        if gate != "deployment" or run.status is not GATES[gate]:
            return None
        present = self._world.pipelines.champion(run.pipeline)
        if champion.is_recorded(run):
            return champion.replacement(run, present, None, None)
        pin, plan = self._pins.of(run), evaluation_plan.if_needed(self._world, run)
        return champion.replacement(run, present, plan, pin.spec if pin else None)

    def _due(self, run: Run, gate: GateName) -> Run:
        """The run, to be looked at now if it waits at a gate whose evaluation counts no more."""
        return run.evolve(due_at=self._world.clock.now()) if self._replacement(run, gate) else run

    def cancel(self, run_id: str, person: Person, comment: str = "") -> Run:
        """Record the wish to stop a run.

        Raises:
            NotFound, GateClosed, Unavailable: as for `vote`.
        """
        return self._change(run_id, lambda run: people.cancel(run, person, self._world.clock.now(), comment))

    def retry(self, run_id: str, person: Person, comment: str = "") -> Run:
        """Put a failed run back to work.

        Raises:
            NotFound, GateClosed, Unavailable: as for `vote`.
            Forbidden, Expired: see `core.people.retry`.
        """
        return self._change(
            run_id,
            lambda run: people.retry(run, person, self._pins.approval(run), self._world.clock.now(), comment),
        )

    def rejudge(self, run_id: str, person: Person, comment: str = "") -> tuple[Run, Prepared]:
        """Have a run judged again by today's pipeline file, without another job; the run, and what it will be judged by.

        Raises:
            NotFound, GateClosed, Unavailable: as for `vote`.
            Forbidden, Expired: see `core.people.insist_on_judge`.
            CannotJudge, Retryable: see `Rejudging.prepare`; nothing was changed.
        """
        prepared: Prepared | None = None

        def change(run: Run) -> Run:
            nonlocal prepared
            prepared = self._rejudging.prepare(run, person)
            now = self._world.clock.now()
            judging = msgspec.structs.replace(prepared.judging, comment=comment)
            return people.rejudge(run, judging, now, is_answered=prepared.is_answered)

        run = self._change(run_id, change)
        assert prepared is not None
        return run, prepared

    def _change(self, run_id: str, change: Callable[[Run], Run]) -> Run:
        for _ in range(_TRIES):
            run, version = self._world.runs.load(run_id)
            changed = change(run)
            if changed == run:
                self._writer.refresh(run)  # heals what a crash after the first time left undone
                return run
            try:
                return self._writer.store(run, changed, version, self._world.clock.now())[0]
            except Conflict:
                continue
        msg = f"run {run_id} is being changed by others; nothing was recorded"
        raise Unavailable(msg, remedy="Send the request again.", retry_after_s=1)
