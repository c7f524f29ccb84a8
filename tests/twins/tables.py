"""Twins of the run store and the index.  What is stored is bytes, so that nothing is shared with the caller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from shared.core import naming
from shared.core.errors import Conflict, NotFound, Refused
from shared.core.history import Event
from shared.core.run import SCHEMA, DatasetRef, Run
from shared.ports import ActiveRun, PoisonMessage, RunSummary, Ticks
from tests.twins.faults import Faults

_PAGE_MAX = 100


class TwinRunStore(Faults):
    """Table `runs`."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, tuple[bytes, int]] = {}
        self._events: dict[str, dict[int, Event]] = {}

    def load(self, run_id: str) -> tuple[Run, str]:
        """See `ports.RunStore`."""
        with self._call("load"):
            if run_id not in self._rows:
                msg = f"there is no run {run_id!r}"
                raise NotFound(msg)
            raw, version = self._rows[run_id]
            run = msgspec.json.decode(raw, type=Run)
            if run.schema > SCHEMA:
                msg = f"run {run_id} was written by a newer release"
                raise Refused(msg)
            return run, str(version)

    def insert(self, run: Run, events: Iterable[Event]) -> None:
        """See `ports.RunStore`."""
        with self._call("insert"):
            if run.id in self._rows:
                msg = f"run {run.id} is there already"
                raise Conflict(msg)
            self._write(run, 1, events)

    def replace(self, run: Run, version: str, events: Iterable[Event]) -> str:
        """See `ports.RunStore`."""
        with self._call("replace"):
            if run.id not in self._rows or str(self._rows[run.id][1]) != version:
                msg = f"run {run.id}: somebody else wrote first"
                raise Conflict(msg)
            self._write(run, int(version) + 1, events)
            return str(int(version) + 1)

    def _write(self, run: Run, version: int, events: Iterable[Event]) -> None:
        known, new = self._events.setdefault(run.id, {}), {event.sequence: event for event in events}
        if known.keys() & new.keys():
            msg = f"run {run.id}: a history row is there already"
            raise Conflict(msg)
        known.update(new)
        self._rows[run.id] = (msgspec.json.encode(run), version)

    def history(
        self, run_id: str, *, kinds: tuple[str, ...] = (), after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """See `ports.RunStore`."""
        with self._call("history"):
            events = [event for _, event in sorted(self._events.get(run_id, {}).items())]
            found = [e for e in events if e.sequence > after and (not kinds or e.kind in kinds)]
            return found[:limit]


class TwinRunIndex(Faults):
    """Table `index`."""

    def __init__(self) -> None:
        super().__init__()
        self._active: dict[str, tuple[int, ActiveRun]] = {}
        self._listed: dict[tuple[str, str], tuple[int, RunSummary]] = {}
        self._ticks: Ticks | None = None
        self._poison: tuple[PoisonMessage, ...] = ()

    def announce(self, run_id: str, pipeline: str, dataset: DatasetRef, now: datetime) -> None:
        """See `ports.RunIndex`."""
        with self._call("announce"):
            row = ActiveRun(run_id=run_id, pipeline=pipeline, dataset=dataset, status=None, due_at=now)
            self._active.setdefault(run_id, (0, row))

    def project(self, run: Run, *, is_settled: bool, announced_since: datetime | None = None) -> None:
        """See `ports.RunIndex`."""
        with self._call("project"):
            summary = RunSummary.of(run)
            key = naming.newest_first(run.created_at, run.id)
            for partition in (naming.index_partition(run.pipeline), "all"):
                if self._listed.get((partition, key), (0, None))[0] <= run.revision:
                    self._listed[partition, key] = (run.revision, summary)
            if is_settled:
                revision, row = self._active.get(run.id, (0, None))
                is_announced = row and not row.status and announced_since and row.due_at > announced_since
                if revision <= run.revision and not is_announced:
                    self._active.pop(run.id, None)
            elif self._active.get(run.id, (0, None))[0] <= run.revision:
                self._active[run.id] = (run.revision, ActiveRun.of(run))

    def active(self) -> list[ActiveRun]:
        """See `ports.RunIndex`."""
        with self._call("active"):
            rows = [row for _, row in self._active.values()]
            return sorted(rows, key=lambda row: (row.due_at, row.run_id))

    def ticked(self, version: str, at: datetime) -> None:
        """See `ports.RunIndex`."""
        with self._call("ticked"):
            self._ticks = (self._ticks or Ticks(last_at=at, releases=())).after(version, at)

    def ticks(self) -> Ticks | None:
        """See `ports.RunIndex`."""
        with self._call("ticks"):
            return self._ticks

    def poisoned(self, message: PoisonMessage) -> None:
        """See `ports.RunIndex`."""
        with self._call("poisoned"):
            self._poison = message.among(self._poison)

    def poison(self) -> tuple[PoisonMessage, ...]:
        """See `ports.RunIndex`."""
        with self._call("poison"):
            return self._poison

    def newest(
        self, pipeline: str | None, limit: int, after: str | None
    ) -> tuple[list[RunSummary], str | None]:
        """See `ports.RunIndex`."""
        with self._call("newest"):
            partition = naming.index_partition(pipeline) if pipeline is not None else "all"
            keys = sorted(key for place, key in self._listed if place == partition and key > (after or ""))
            shown = keys[: max(1, min(limit, _PAGE_MAX))]
            cursor = shown[-1] if len(keys) > len(shown) else None
            return [self._listed[partition, key][1] for key in shown], cursor
