"""Lists that are made of many rows, page by page.  A page takes at most 10 calls to storage, so it may be short, or empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from shared.core import approval, naming, served
from shared.core.errors import NotFound, Refused
from shared.core.history import SAID, Event, vote_told
from shared.core.run import Run
from shared.core.status import GATES
from shared.ports import RunSummary, World
from shared.views import parts
from shared.views.asked import Period

#: Calls to storage that one page may take.
CALLS_MAX: Final = 10
_INDEX_PAGE: Final = 100


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
        rest = [key for key in keys if key > (after or "")]
        shown = rest[: min(limit, (CALLS_MAX - 1) // 2)]
        found = (self._waiting(naming.run_of_key(key)) for key in shown)
        return served.Waiting(
            waiting=tuple(row for row in found if row), next=shown[-1] if len(rest) > len(shown) else None
        )

    def _waiting(self, run_id: str) -> served.WaitingRun | None:
        """A run with its open gate; None if it went on since, or is of a newer release."""
        try:
            stored, _ = self._world.runs.load(run_id)
        except (NotFound, Refused):
            return None
        run = stored
        if approval.has_said(stored):
            run = approval.counted(stored, self._world.runs.history(run_id, kinds=SAID))
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
        rows, following = self._world.index.newest(None, _INDEX_PAGE, shown or None)
        calls, found = 1, list[served.DecisionRow]()
        for place in _places(rows, period, shown, line):
            if place.is_candidate:
                if calls + 2 > CALLS_MAX or len(found) == limit:
                    return served.Decisions(decisions=tuple(found), next=shown)
                calls += 2
                said = self._said(place.run_id, period, place.line)
                room = limit - len(found)
                found += [row for row, _ in said[:room]]
                if len(said) > room:
                    return served.Decisions(decisions=tuple(found), next=f"{place.key}/{said[room - 1][1]}")
            shown = place.key
        return served.Decisions(decisions=tuple(found), next=following)

    def _said(self, run_id: str, period: Period, after: int) -> list[tuple[served.DecisionRow, int]]:
        """What people said about a run in a period, each with the number of its line."""
        events = self._world.runs.history(run_id, kinds=SAID, after=after)
        within = [event for event in events if period.has(event.at)]
        run: Run | None = None
        if within:
            with suppress(NotFound, Refused):
                run, _ = self._world.runs.load(run_id)
        return [(_decision(run_id, run, event), event.sequence) for event in within]


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


def _decision(run_id: str, run: Run | None, event: Event) -> served.DecisionRow:
    """A line of the history for audits; what older releases did not write into it is taken from the run."""
    gate, name, digest = vote_told(event.detail or "")
    votes = run.gates[gate].decisions if run and gate in run.gates else ()
    same = [vote for vote in votes if (vote.name, vote.decision, vote.digest) == (name, event.after, digest)]
    comment = event.comment if event.comment is not None or not same else same[0].comment
    return served.DecisionRow(
        at=parts.iso(event.at),
        run=run_id,
        pipeline=run.pipeline if run else None,
        dataset=run.dataset.name if run else None,
        gate=gate,
        decision=event.after or "",
        digest=digest,
        person=event.person or (same[0].person if same else None),
        name=name,
        role=event.role or None,
        comment=comment,
        app_version=event.app_version or None,
        pipeline_file=run.spec_digest if run else None,
    )
