"""Runs with filters, page by page.  What the index can answer: at most 11 calls to storage."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import msgspec

from shared.core import naming
from shared.ports import RunSummary, World
from shared.views.asked import Filter
from shared.views.moments import When, when
from shared.views.statuses import GROUPS, Badge, badge, brief

_SHOWN: Final = 50
_INDEX_PAGE: Final = 100
_INDEX_PAGES: Final = 10
_PATH: Final = "/api/ui/runs"


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list.

    Attributes:
        run_id: of the run.
        pipeline: its name.
        dataset: name of the blob.
        status: of the run.
        since: in this status since.
        verdict: of its evaluation, in words; empty: not known.
    """

    run_id: str
    pipeline: str
    dataset: str
    status: Badge
    since: When
    verdict: str


class RunsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs.

    Attributes:
        pipeline: that was asked for.
        group: of statuses that was asked for.
        text: that was asked for.
        pipelines: names to choose from.
        groups: words to choose from.
        rows: newest first.
        next: address of the next page; empty: there is none.
        first: address of the first page; empty: this is it.
        is_cut: whether more runs have to be looked through than one page does.
    """

    pipeline: str
    group: str
    text: str
    pipelines: tuple[str, ...]
    groups: tuple[str, ...]
    rows: tuple[RunRow, ...]
    next: str
    first: str
    is_cut: bool


def run_row(summary: RunSummary, now: datetime) -> RunRow:
    """A run in a list."""
    quality = summary.quality
    return RunRow(
        run_id=summary.run_id,
        pipeline=summary.pipeline,
        dataset=brief(summary.dataset_name),
        status=badge(summary.status),
        since=when(summary.status_since, now),
        verdict=quality.outcome.replace("_", " ") if quality else "",
    )


class RunsView:
    """Makes pages of runs."""

    def __init__(self, world: World) -> None:
        self._world = world

    def page(self, wanted: Filter, after: str | None) -> RunsPage:
        """A page.

        Args:
            wanted: which runs.
            after: key in the index of the last run of the page before.
        """
        now, found, cursor = self._world.clock.now(), list[RunSummary](), after
        is_all = not (wanted.group or wanted.text)
        for _ in range(_INDEX_PAGES):
            size = _SHOWN if is_all else _INDEX_PAGE
            rows, cursor = self._world.index.newest(wanted.pipeline or None, size, cursor)
            found += [row for row in rows if wanted.has(row)]
            if cursor is None or len(found) >= _SHOWN:
                break
        shown = found[:_SHOWN]
        if len(found) > _SHOWN:
            cursor = naming.newest_first(shown[-1].created_at, shown[-1].run_id)
        known = self._world.pipeline_files.names()
        return RunsPage(
            pipeline=wanted.pipeline,
            group=wanted.group,
            text=wanted.text,
            pipelines=tuple(sorted({*known, *([wanted.pipeline] if wanted.pipeline else ())})),
            groups=tuple(GROUPS),
            rows=tuple(run_row(row, now) for row in shown),
            next=_address(wanted, cursor) if cursor else "",
            first=_address(wanted, None) if after else "",
            is_cut=cursor is not None and len(shown) < _SHOWN,
        )


def _address(wanted: Filter, after: str | None) -> str:
    query = wanted.query | ({"after": after} if after else {})
    return f"{_PATH}?{urlencode(query)}" if query else _PATH
