"""What persons ask for: vote at a gate, stop a run, try a failed one again.  Each is one compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from shared import ledger
from shared.core import people
from shared.core.errors import Conflict, Unavailable
from shared.core.history import events_between
from shared.core.people import Person, Ruling
from shared.core.run import Run
from shared.core.status import GateName
from shared.ports import World
from shared.telemetry import runs as telemetry

_TRIES: Final = 6  # lost races against the poller; each is over in milliseconds


class People:
    """Records what persons want; the reconciler draws the conclusions."""

    def __init__(self, world: World) -> None:
        self._world = world

    def vote(
        self,
        run_id: str,
        gate: GateName,
        person: Person,
        *,
        decision: Literal["approve", "reject"],
        digest: str,
        comment: str,
    ) -> Ruling:
        """Record a vote at a gate.

        Raises:
            NotFound: no such run.
            GateClosed, StaleDigest, Expired, Forbidden: see `core.people.vote`.
            Unavailable: the store did not answer, or the race was lost too often; nothing was recorded.
        """
        ruling: Ruling | None = None

        def change(run: Run) -> Run:
            nonlocal ruling
            now = self._world.clock.now()
            ruling = people.vote(
                run, gate, person, decision=decision, digest=digest, comment=comment, now=now
            )
            return ruling.run

        self._change(run_id, change)
        assert ruling is not None
        return ruling

    def cancel(self, run_id: str, person: Person) -> Run:
        """Record the wish to stop a run.

        Raises:
            NotFound, GateClosed, Unavailable: as for `vote`.
        """
        return self._change(run_id, lambda run: people.cancel(run, person, self._world.clock.now()))

    def retry(self, run_id: str) -> Run:
        """Put a failed run back to work.

        Raises:
            NotFound, GateClosed, Unavailable: as for `vote`.
        """
        return self._change(run_id, lambda run: people.retry(run, self._world.clock.now()))

    def _change(self, run_id: str, change: Callable[[Run], Run]) -> Run:
        for _ in range(_TRIES):
            run, version = self._world.runs.load(run_id)
            changed = change(run)
            if changed == run:
                self._world.index.project(
                    run, is_settled=False
                )  # heals what a crash after the first time left undone
                return run
            stored, events = events_between(run, changed.evolve(updated_at=self._world.clock.now()))
            if run.is_finished:  # nothing may lead to it any more: make it findable first, as intake does
                ledger.write(self._world.pipelines, run)  # its next try is another commitment
                self._world.index.announce(run.id, run.pipeline, run.dataset, stored.updated_at)
            try:
                self._world.runs.replace(stored, version, events)
            except Conflict:
                continue
            telemetry.moved(run, stored)
            self._world.index.project(stored, is_settled=False)
            return stored
        msg = f"run {run_id} is being changed by others; nothing was recorded"
        raise Unavailable(msg, remedy="Send the request again.", retry_after_s=1)
