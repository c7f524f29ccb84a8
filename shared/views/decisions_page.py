"""What people decided in a period: page by page, and whole for audits.

A page takes at most 10 calls to storage; as long as nothing is found it looks further, with at most 50.
"""

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
#: So many pages of the list are looked through before a page says that nothing was found so far.
_LOOKED_THROUGH: Final = 5
_EXPORTED_A_PAGE: Final = 100
#: An export ends with the period or not at all: after so long somebody has to ask for less.
_EXPORT_MAX: Final = timedelta(seconds=120)
_PATH: Final = "/api/ui/decisions"
#: What people did, as people say it; what is missing says itself.
_WORDS: Final = {"cancel": "asked to cancel", "retry": "asked to retry", "rejudge": "asked to judge again"}
#: Columns of the export: the fields of a row, by their names.
COLUMNS: Final = served.DecisionRow.__struct_fields__


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did about a run.

    Attributes:
        at: when.
        row: all of it.
        said: in a word, as people say it.
    """

    at: When
    said: str
    row: served.DecisionRow


class DecisionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of decisions.

    Attributes:
        since: first day or time, as it was asked for; empty: from the beginning.
        until: the first one that is not shown, likewise; empty: until now.
        period: both in words.
        rows: of the newest runs first.
        next: address of the next page; empty: there is none.
        first: address of the first page; empty: this is it.
        csv: address of the export for spreadsheets.
        json: address of the export for programs.
    """

    since: str
    until: str
    period: str
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
        found = self._found(period, after)
        query = {name: value for name, value in zip(("from", "to"), asked, strict=True) if value}
        return DecisionsPage(
            since=asked[0],
            until=asked[1],
            period=_in_words(period),
            rows=tuple(
                DecisionLine(
                    at=when(datetime.fromisoformat(row.at), now),
                    said=_WORDS.get(row.decision, row.decision),
                    row=row,
                )
                for row in found.decisions
            ),
            next=_address("", query | {"after": found.next}) if found.next else "",
            first=_address("", query) if after else "",
            csv=_address(".csv", query),
            json=_address(".json", query),
        )

    def _found(self, period: Period, after: str | None) -> served.Decisions:
        """The first page of the list from there on that has any, as far as one page of people looks."""
        found = self._lists.decisions(period, _SHOWN, after)
        for _ in range(_LOOKED_THROUGH - 1):
            if found.decisions or found.next is None:
                break
            found = self._lists.decisions(period, _SHOWN, found.next)
        return found

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


def _in_words(period: Period) -> str:
    """A period for people; days and times are in UTC."""
    since, until = (_moment(at) if at else "" for at in period)
    if since and until:
        return f"From {since} to before {until}."
    if since:
        return f"From {since} until now."
    if until:
        return f"From the beginning to before {until}."
    return "All that was decided, from the beginning until now."


def _moment(at: datetime) -> str:
    day = f"{at.day} {at:%b %Y}"
    return day if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{day} {at:%H:%M:%S} UTC"


def _address(kind: str, query: dict[str, str]) -> str:
    return f"{_PATH}{kind}?{urlencode(query)}" if query else f"{_PATH}{kind}"
