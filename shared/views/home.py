"""What is wrong now, and what waits for people."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.core.people import Person
from shared.core.status import GATES, Status
from shared.ports import ActiveRun, World
from shared.views.moments import When, when
from shared.views.statuses import Badge, badge


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run at an open gate.

    Attributes:
        run_id: of the run.
        pipeline: its name.
        dataset: name of the blob.
        status: which gate is open.
        since: when it was opened.
        is_own: whether the reader uploaded the dataset.
    """

    run_id: str
    pipeline: str
    dataset: str
    status: Badge
    since: When
    is_own: bool


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The first page.

    Attributes:
        waiting: runs at an open gate, the one that waits longest first.
    """

    waiting: tuple[WaitingRow, ...]


class HomeView:
    """Makes the first page."""

    def __init__(self, world: World) -> None:
        self._world = world

    def page(self, person: Person) -> Home:
        """The page for somebody."""
        now = self._world.clock.now()
        gates = set(GATES.values())
        rows = [row for row in self._world.index.active() if row.status in gates]
        return Home(waiting=tuple(_waiting(row, row.status, person, now) for row in rows if row.status))


def _waiting(row: ActiveRun, status: Status, person: Person, now: datetime) -> WaitingRow:
    return WaitingRow(
        run_id=row.run_id,
        pipeline=row.pipeline,
        dataset=row.dataset.name,
        status=badge(status),
        since=when(row.status_since or row.due_at, now),
        is_own=row.dataset.uploaded_by == person.id,
    )
