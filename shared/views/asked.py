"""What readers ask for: which runs, which period, which parts of long lists."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.core.status import FINISHED
from shared.ports import RunSummary
from shared.views.statuses import GROUPS


class Filter(NamedTuple):
    """Which runs: of a pipeline, in a group of statuses, with a text in the name of the dataset; empty: all."""

    pipeline: str = ""
    group: str = ""
    text: str = ""

    def has(self, row: RunSummary) -> bool:
        """Whether a run is one of them; the pipeline was asked for."""
        is_in_group = row.status in GROUPS[self.group] if self.group in GROUPS else True
        return is_in_group and self.text.casefold() in row.dataset_name.casefold()

    @property
    def query(self) -> dict[str, str]:
        """As it stands in addresses."""
        named = {"pipeline": self.pipeline, "status": self.group, "text": self.text}
        return {name: value for name, value in named.items() if value}


class Period(NamedTuple):
    """A time from (inclusive) and until (exclusive); None: no bound."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, at: datetime) -> bool:
        """Whether a time lies in it."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def may_have(self, row: RunSummary) -> bool:
        """Whether somebody may have decided about a run in it: from its beginning to its end, if it has ended."""
        has_begun = self.until is None or row.created_at < self.until
        is_open = row.status not in FINISHED
        return has_begun and (is_open or self.since is None or row.status_since >= self.since)


class Places(NamedTuple):
    """Which parts of the long lists are shown.

    Attributes:
        events: lines of the history before this number; None: the newest.
        findings: from this one on, from 0.
        items: likewise.
        item: the only item that is shown, from 0; None: a page of them.
    """

    events: int | None = None
    findings: int = 0
    items: int = 0
    item: int | None = None
