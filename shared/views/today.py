"""What the app did today by itself: lines of histories that bear nobody's name.  At most 12 calls to storage a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import msgspec

from shared.core import naming
from shared.core.history import Event
from shared.ports import World
from shared.views.moments import When, when
from shared.views.statuses import brief

_RUNS_A_PAGE: Final = 9
_LINES_A_RUN: Final = 12
_LISTED: Final = 100
#: Kinds of lines that are about what a person did.
_OF_PERSONS: Final = frozenset({"decision", "hold", "cancel"})
_ASKED: Final = "asked by "


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done.

    Attributes:
        at: when.
        kind: of the line.
        words: what, in words.
    """

    at: When
    kind: str
    words: str


class RunToday(msgspec.Struct, frozen=True, kw_only=True):
    """What was done with a run today.

    Attributes:
        run_id: of the run.
        pipeline: its name.
        dataset: name of the blob.
        lines: the newest first.
        more: how many older ones of today are left out.
    """

    run_id: str
    pipeline: str
    dataset: str
    lines: tuple[Line, ...]
    more: int


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what was done today.

    Attributes:
        day: which day it is, in UTC.
        runs: those with something to show; what changed last comes first.
        next: address of the next page; empty: there is none.
    """

    day: str
    runs: tuple[RunToday, ...]
    next: str


class _Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A run with which something may have been done today."""

    run_id: str
    pipeline: str
    dataset: str
    key: str


class TodayView:
    """Makes the page."""

    def __init__(self, world: World) -> None:
        self._world = world

    def page(self, after: str | None) -> Today:
        """A page.

        Args:
            after: key of the last run of the page before.
        """
        now = self._world.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        touched = [one for one in self._touched(midnight) if one.key > (after or "")]
        shown = touched[:_RUNS_A_PAGE]
        following = (
            f"/api/ui/today?{urlencode({'after': shown[-1].key})}" if len(touched) > len(shown) else ""
        )
        runs = (self._run(one, midnight, now) for one in shown)
        return Today(
            day=f"{now.day} {now:%b %Y}", runs=tuple(run for run in runs if run.lines), next=following
        )

    def _touched(self, midnight: datetime) -> list[_Touched]:
        """Active runs, and those of the newest that ended today."""
        found = {
            row.run_id: _Touched(
                run_id=row.run_id,
                pipeline=row.pipeline,
                dataset=row.dataset.name,
                key=naming.newest_first(row.status_since or row.due_at, row.run_id),
            )
            for row in self._world.index.active()
        }
        for row in self._world.index.newest(None, _LISTED, None)[0]:
            if row.status_since >= midnight and row.run_id not in found:
                found[row.run_id] = _Touched(
                    run_id=row.run_id,
                    pipeline=row.pipeline,
                    dataset=row.dataset_name,
                    key=naming.newest_first(row.status_since, row.run_id),
                )
        return sorted(found.values(), key=lambda one: one.key)

    def _run(self, one: _Touched, midnight: datetime, now: datetime) -> RunToday:
        lines = list(_own(self._world.runs.history(one.run_id), midnight, now))
        return RunToday(
            run_id=one.run_id,
            pipeline=one.pipeline,
            dataset=brief(one.dataset),
            lines=tuple(reversed(lines[-_LINES_A_RUN:])),
            more=max(0, len(lines) - _LINES_A_RUN),
        )


def _own(events: Iterable[Event], midnight: datetime, now: datetime) -> Iterator[Line]:
    """What was done since midnight, and nobody asked for by name."""
    for event in events:
        if event.at < midnight or event.kind in _OF_PERSONS or _ASKED in (event.detail or ""):
            continue
        moved = (
            f"{event.before or 'begin'} to {event.after}"
            if event.kind in {"status", "job"}
            else event.after or ""
        )
        words = ": ".join(part for part in (moved.replace("_", " "), event.detail) if part)
        yield Line(at=when(event.at, now), kind=event.kind, words=brief(words))
