"""Writes runs: the row with its history first, then what follows from the row.

Index and ledger follow from rows and can always be written again.  A caller that has nothing to write refreshes
them all the same, which heals what a crash between row and index left behind.
"""

from __future__ import annotations

from datetime import datetime

from shared import ledger
from shared.core.clipping import clipped
from shared.core.history import events_between
from shared.core.run import Run
from shared.ports import World
from shared.telemetry import runs as telemetry
from shared.version import VERSION


class RunWriter:
    """The only writer of runs; each state that it stores bears the version of the app, and has texts that fit.

    All methods raise `FinetuneError` if a table does not answer.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def insert(self, run: Run) -> None:
        """Store a new run.

        The index row comes first: if this process dies before the run is stored, the poller finds the row and accepts again.

        Raises:
            Conflict: if it is stored already.
        """
        self._announce(run, run.created_at)
        stored, events = events_between(None, clipped(run.evolve(app_version=VERSION)))
        self._world.runs.insert(stored, events)
        self.refresh(stored)

    def store(self, before: Run, after: Run, version: str, now: datetime) -> tuple[Run, str]:
        """Store the next state of a run with its history, if `version` is still the stored one; the state as stored, its version.

        Raises:
            Conflict: if somebody else wrote first.
        """
        evolved = after.evolve(updated_at=now, app_version=VERSION)
        stored, events = events_between(before, clipped(evolved, stored=before))
        if before.is_finished and not stored.is_finished:
            # A retry.  Perhaps no row leads to the run any more: make it findable first.  Its next try is another commitment.
            self.commit(before)
            self._announce(stored, now)
        new_version = self._world.runs.replace(stored, version, events)
        telemetry.moved(before, stored)
        self.refresh(stored)
        if before.committed_at != stored.committed_at or before.status is not stored.status:
            self.commit(stored)
        return stored, new_version

    def refresh(self, run: Run) -> None:
        """Bring the index up to date."""
        self._world.index.project(run, is_settled=False)

    def settle(self, run: Run, announced_since: datetime) -> None:
        """Take a run that has nothing left to do out of the index; nobody looks at it again.

        Args:
            run: the run.
            announced_since: a row that announces the run since then is left: whoever announced it may still write.
        """
        self.commit(run)
        self._world.index.project(run, is_settled=True, announced_since=announced_since)

    def commit(self, run: Run) -> None:
        """Bring the ledger up to date."""
        ledger.write(self._world.pipelines, run)

    def _announce(self, run: Run, now: datetime) -> None:
        self._world.index.announce(run.id, run.pipeline, run.dataset, now)
