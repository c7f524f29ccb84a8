"""What people decided in a period: page by page, and whole for audits.  A page takes at most 10 calls to storage."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from urllib.parse import urlencode

import msgspec

from shared.core import served
from shared.core.csv_text import csv_of
from shared.core.errors import Malformed, Unavailable
from shared.ports import World
from shared.views.asked import Period
from shared.views.lists import ListViews
from shared.views.moments import When, when

_SHOWN: Final = 25
_EXPORTED_A_PAGE: Final = 100
#: An export ends with the period or not at all: after so long somebody has to ask for less.
_EXPORT_MAX: Final = timedelta(seconds=120)
_PATH: Final = "/api/ui/decisions"
#: Columns of the export: the fields of a row, by their names.
COLUMNS: Final = served.DecisionRow.__struct_fields__


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said at a gate.

    Attributes:
        at: when.
        row: all of it.
    """

    at: When
    row: served.DecisionRow


class DecisionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of decisions.

    Attributes:
        since: first day or time, as it was asked for; empty: from the beginning.
        until: the first one that is not shown, likewise; empty: until now.
        rows: of the newest runs first.
        next: address of the next page; empty: there is none.
        first: address of the first page; empty: this is it.
        csv: address of the export for spreadsheets.
        json: address of the export for programs.
    """

    since: str
    until: str
    rows: tuple[DecisionLine, ...]
    next: str
    first: str
    csv: str
    json: str


class DecisionViews:
    """Makes pages and exports of decisions."""

    def __init__(self, world: World, lists: ListViews) -> None:
        self._world = world
        self._lists = lists
        self._exporting = Lock()

    def page(self, period: Period, asked: tuple[str, str], after: str | None) -> DecisionsPage:
        """A page.

        Args:
            period: when it was decided.
            asked: the same, as it was asked for.
            after: where the page before ended.
        """
        now = self._world.clock.now()
        found = self._lists.decisions(period, _SHOWN, after)
        query = {name: value for name, value in zip(("from", "to"), asked, strict=True) if value}
        return DecisionsPage(
            since=asked[0],
            until=asked[1],
            rows=tuple(
                DecisionLine(at=when(datetime.fromisoformat(row.at), now), row=row) for row in found.decisions
            ),
            next=_address("", query | {"after": found.next}) if found.next else "",
            first=_address("", query) if after else "",
            csv=_address(".csv", query),
            json=_address(".json", query),
        )

    def csv(self, period: Period) -> str:
        """All decisions of a period for a spreadsheet; raises what `export` raises."""
        found = self.export(period)
        return csv_of(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in found.decisions))

    def export(self, period: Period) -> served.Decisions:
        """All decisions of a period, whole; one export at a time, since each keeps a thread for long, and an instance has few.

        Raises:
            Malformed: there are more than can be read at once.
            Unavailable: another export is being made.
        """
        if not self._exporting.acquire(blocking=False):
            msg = "another export of decisions is being made"
            raise Unavailable(msg, remedy="Ask again in a minute.", retry_after_s=60)
        try:
            return self._export(period)
        finally:
            self._exporting.release()

    def _export(self, period: Period) -> served.Decisions:
        until = self._world.clock.now() + _EXPORT_MAX
        rows, after = list[served.DecisionRow](), None
        while True:
            found = self._lists.decisions(period, _EXPORTED_A_PAGE, after)
            rows += found.decisions
            if found.next is None:
                return served.Decisions(decisions=tuple(rows), next=None)
            if self._world.clock.now() > until:
                msg = "the period has more runs than one export reads"
                raise Malformed(msg, remedy="Export it in parts: give both days, and take a shorter period.")
            after = found.next


def _address(kind: str, query: dict[str, str]) -> str:
    return f"{_PATH}{kind}?{urlencode(query)}" if query else f"{_PATH}{kind}"
