"""What persons ask for: vote at a gate, stop a run, try a failed one again.  Each is one compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from shared.core import people
from shared.core.errors import Conflict, Unavailable
from shared.core.people import Person, Ruling
from shared.core.run import Run
from shared.core.status import GateName
from shared.ports import World
from shared.run_writer import RunWriter
from shared.version import VERSION

_TRIES: Final = 6  # lost races against the poller; each is over in milliseconds


class People:
    """Records what persons want; the reconciler draws the conclusions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._writer = RunWriter(world)

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
                run,
                gate,
                person,
                decision=decision,
                digest=digest,
                comment=comment,
                now=now,
                app_version=VERSION,
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
                self._writer.refresh(run)  # heals what a crash after the first time left undone
                return run
            try:
                return self._writer.store(run, changed, version, self._world.clock.now())[0]
            except Conflict:
                continue
        msg = f"run {run_id} is being changed by others; nothing was recorded"
        raise Unavailable(msg, remedy="Send the request again.", retry_after_s=1)
