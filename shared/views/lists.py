"""Lists that are made of many rows, page by page.  A page takes at most 10 calls to storage, so it may be short, or empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from shared.core import approval, naming, served
from shared.core.errors import NotFound, Refused
from shared.core.history import DONE_BY_PEOPLE, SAID, wish_told
from shared.core.run import Run
from shared.core.status import GATES
from shared.ports import RunSummary, World
from shared.views import decisions, parts
from shared.views.asked import Period

#: Calls to storage that one page may take.
CALLS_MAX: Final = 10
_INDEX_PAGE: Final = 100
#: Calls about one run: itself and its history, of which one may not be needed.
_OF_A_RUN: Final = 2


class ListViews:
    """Answers with lists."""

    def __init__(self, world: World, endpoint: str = "") -> None:
        self._world = world
        self._endpoint = endpoint

    def pipelines(self, limit: int, after: str | None) -> served.Pipelines:
        """A page of the pipelines that have a file, by name."""
        rest = [name for name in self._world.pipeline_files.names() if name > (after or "")]
        shown = rest[: min(limit, CALLS_MAX - 1)]
        rows = (
            served.PipelineRow(
                name=name, champion=parts.champion(self._world.pipelines.champion(name), self._endpoint)
            )
            for name in shown
        )
        return served.Pipelines(pipelines=tuple(rows), next=shown[-1] if len(rest) > len(shown) else None)

    def waiting(self, limit: int, after: str | None) -> served.Waiting:
        """A page of the runs at an open gate, the one that waits longest first."""
        gates = set(GATES.values())
        keys = sorted(
            naming.oldest_first(row.status_since or row.due_at, row.run_id)
            for row in self._world.index.active()
            if row.status in gates
        )
        calls, found, last = 1, list[served.WaitingRun](), after
        for key in keys:
            if key <= (after or ""):
                continue
            if calls + _OF_A_RUN > CALLS_MAX or len(found) == limit:
                return served.Waiting(waiting=tuple(found), next=last)
            run, asked = self._at_gate(naming.run_of_key(key))
            calls += asked
            if run and (row := _waiting(run)):
                found.append(row)
            last = key
        return served.Waiting(waiting=tuple(found), next=None)

    def _at_gate(self, run_id: str) -> tuple[Run | None, int]:
        """A run with the votes that count, and the calls it took; None if it is not there, or is of a newer release."""
        try:
            stored, _ = self._world.runs.load(run_id)
        except (NotFound, Refused):
            return None, 1
        if not approval.has_said(stored):
            return stored, 1
        return approval.counted(stored, self._world.runs.history(run_id, kinds=SAID)), 2

    def history(self, run_id: str, kinds: tuple[str, ...], limit: int, after: int | None) -> served.History:
        """A page of a run's history, oldest first.

        Raises:
            NotFound: if there is no such run.
        """
        found = self._world.runs.history(run_id, kinds=kinds, after=after or 0, limit=limit + 1)
        if not found:
            self._world.runs.load(run_id)
        shown = found[:limit]
        following = str(shown[-1].sequence) if len(found) > limit else None
        return served.History(run=run_id, history=tuple(map(parts.event, shown)), next=following)

    def decisions(self, period: Period, limit: int, after: str | None) -> served.Decisions:
        """A page of what people decided in a period, run by run, the newest run first.

        Args:
            period: when it was decided.
            limit: so many at most.
            after: key of a run in the index, and behind a slash the number of a line of its history: all up to there was shown.
        """
        shown, _, line = (after or "").partition("/")
        calls, found = 0, list[served.DecisionRow]()
        while True:
            rows, following = self._world.index.newest(None, _INDEX_PAGE, shown or None)
            calls += 1
            for place in _places(rows, period, shown, line):
                if place.is_candidate:
                    if calls + _OF_A_RUN > CALLS_MAX or len(found) == limit:
                        return served.Decisions(decisions=tuple(found), next=shown)
                    done = self._done(place.run_id, period, place.line)
                    calls += _OF_A_RUN if done else 1
                    room = limit - len(found)
                    found += [row for row, _ in done[:room]]
                    if len(done) > room:
                        last = done[room - 1][1]
                        return served.Decisions(decisions=tuple(found), next=f"{place.key}/{last}")
                shown = place.key
            if following is None or calls + 1 + _OF_A_RUN > CALLS_MAX:
                return served.Decisions(decisions=tuple(found), next=following)
            shown, line = following, ""

    def _done(self, run_id: str, period: Period, after: int) -> list[tuple[served.DecisionRow, int]]:
        """What people did about a run in a period, each with the number of its line."""
        events = self._world.runs.history(run_id, kinds=DONE_BY_PEOPLE, after=after)
        within = [
            event for event in events if period.has(event.at) and (event.kind in SAID or wish_told(event))
        ]
        run: Run | None = None
        if within:
            with suppress(NotFound, Refused):
                run, _ = self._world.runs.load(run_id)
        return [(decisions.row(run_id, run, event), event.sequence) for event in within]


class _Place(NamedTuple):
    """A run, and from which line of its history on it is to be shown."""

    run_id: str
    key: str
    line: int
    is_candidate: bool


def _places(rows: Iterable[RunSummary], period: Period, key: str, line: str) -> Iterator[_Place]:
    """Where decisions may stand: the rest of a run, then others."""
    if line:
        yield _Place(naming.run_of_key(key), key, int(line), is_candidate=True)
    for row in rows:
        is_candidate = period.may_have(row)
        yield _Place(row.run_id, naming.newest_first(row.created_at, row.run_id), 0, is_candidate)


def _waiting(run: Run) -> served.WaitingRun | None:
    """A run with its open gate; None if it went on since."""
    gate = parts.gate(run)
    if gate is None:
        return None
    return served.WaitingRun(
        id=run.id,
        pipeline=run.pipeline,
        dataset=run.dataset.name,
        status=run.status,
        status_since=parts.iso(run.status_since),
        gate=gate,
        links=parts.links(run),
    )
