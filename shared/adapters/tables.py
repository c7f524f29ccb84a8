"""Run store and index on Azure Table storage.  There is no unconditional write of anything that matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Final, cast

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, TableServiceClient, TableTransactionError, UpdateMode

from shared.adapters import table_codec as codec
from shared.adapters.azure_errors import from_azure, translated
from shared.core import naming
from shared.core.errors import Conflict, FinetuneError, NotFound, Unavailable
from shared.core.history import Event
from shared.core.run import DatasetRef, Run
from shared.ports import ActiveRun, PoisonMessage, RunSummary, Ticks

_PAGE_MAX: Final = 100
_PROJECTION_TRIES: Final = 20  # each lost race is one that another writer of the same run won
#: Partition and row of the ticks.
_TICKS: Final = ("app", "ticks")
#: Those of messages that failed in all their tries.
_POISON: Final = ("app", "poison")
_RACED: Final = frozenset({404, 409, 412})


class Table:
    """One table, made when it is missing."""

    def __init__(self, service: TableServiceClient, name: str) -> None:
        self._service = service
        self.name = name

    @cached_property
    def client(self) -> TableClient:
        """The client, after the table is there."""
        with translated(f"table {self.name}"):
            return self._service.create_table_if_not_exists(self.name)

    def get(self, partition: str, row: str) -> dict[str, Any] | None:
        """One entity with its metadata, or None."""
        with self._reading("read"):
            try:
                entity = cast("dict[str, Any]", self.client.get_entity(partition, row))
            except ResourceNotFoundError as error:
                if _is_table_missing(error):
                    raise
                return None
            # An answer without it is not about this row; no columns at all would read as "nobody holds it".
            _ = entity["RowKey"]
            return entity

    def query(self, where: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """All entities that fit; values only ever travel as parameters."""
        with self._reading("query"):
            return [
                cast("dict[str, Any]", e) for e in self.client.query_entities(where, parameters=parameters)
            ]

    def first(self, where: str, parameters: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        """The first `limit` entities that fit.

        The service may cut a page short, even to nothing, and go on in the next: an empty page is not the end.
        """
        with self._reading("query"):
            found = self.client.query_entities(where, parameters=parameters, results_per_page=limit)
            return [cast("dict[str, Any]", entity) for entity in islice(found, limit)]

    def insert(self, entity: codec.Entity) -> None:
        """Insert.

        Raises:
            Conflict: if it is there, perhaps by our own request whose answer was lost.
        """
        self._write(lambda: self.client.create_entity(entity))

    def replace(self, entity: codec.Entity, version: str) -> None:
        """Replace, if `version` is the stored one.

        Raises:
            Conflict: otherwise.
        """
        self._write(
            lambda: self.client.update_entity(
                entity, mode=UpdateMode.REPLACE, etag=version, match_condition=MatchConditions.IfNotModified
            )
        )

    def batch(self, operations: list[tuple[Any, ...]]) -> list[Any]:
        """Several writes to one partition: all or none.

        Raises:
            Conflict: if a condition of any does not hold.
        """
        return cast("list[Any]", self._write(lambda: self.client.submit_transaction(operations)))

    def delete(self, partition: str, row: str, version: str) -> None:
        """Delete, if `version` is the stored one.

        Raises:
            Conflict: otherwise.
        """
        self._write(
            lambda: self.client.delete_entity(
                partition, row, etag=version, match_condition=MatchConditions.IfNotModified
            )
        )

    def _write(self, request: Callable[[], Any]) -> Any:
        with translated(f"write of table {self.name}"):
            try:
                return request()
            except (ResourceExistsError, ResourceModifiedError) as error:
                msg = f"table {self.name}: somebody else wrote first"
                raise Conflict(msg) from error
            except (TableTransactionError, HttpResponseError) as error:
                if error.status_code in _RACED and not _is_table_missing(error):
                    msg = f"table {self.name}: somebody else wrote first"
                    raise Conflict(msg) from error
                raise self._failure("write", error) from error

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        with translated(f"{what} of table {self.name}"):
            try:
                yield
            except ResourceNotFoundError as error:
                raise self._failure(what, error) from error

    def _failure(self, what: str, error: AzureError) -> FinetuneError:
        if isinstance(error, HttpResponseError) and _is_table_missing(error):
            return Unavailable(f"table {self.name} is gone; a restart of the app makes it again, empty")
        return from_azure(f"{what} of table {self.name}", error)


def _is_table_missing(error: HttpResponseError) -> bool:
    """Whether it is the table that is not there.  The SDK keeps the code for some requests, the text for all."""
    code: Any = getattr(error, "error_code", None)
    return (
        "TableNotFound" in f"{getattr(code, 'value', code)} {error.response.text() if error.response else ''}"
    )


def version_of(entity: Any) -> str:
    """The ETag of an entity that was read."""
    return str(entity.metadata["etag"])


class TableRunStore:
    """Table `runs`: the state and the history of a run in one partition, written in one batch."""

    def __init__(self, service: TableServiceClient) -> None:
        self._table = Table(service, "runs")

    def load(self, run_id: str) -> tuple[Run, str]:
        """The run and its version; see `ports.RunStore`."""
        entity = self._table.get(run_id, "run") if run_id.isalnum() else None
        if entity is None:
            msg = f"there is no run {run_id[:64]!r}"
            raise NotFound(msg)
        return codec.run_from_entity(entity), version_of(entity)

    def insert(self, run: Run, events: Iterable[Event]) -> None:
        """Store a new run; see `ports.RunStore`."""
        self._table.batch([("create", codec.run_to_entity(run)), *self._events(run.id, events)])

    def replace(self, run: Run, version: str, events: Iterable[Event]) -> str:
        """Store the next state; see `ports.RunStore`."""
        condition = {
            "mode": UpdateMode.REPLACE,
            "etag": version,
            "match_condition": MatchConditions.IfNotModified,
        }
        written = self._table.batch(
            [("update", codec.run_to_entity(run), condition), *self._events(run.id, events)]
        )
        return str(written[0]["etag"])

    def _events(self, run_id: str, events: Iterable[Event]) -> list[tuple[Any, ...]]:
        return [("create", codec.event_to_entity(run_id, event)) for event in events]

    def history(
        self, run_id: str, *, kinds: tuple[str, ...] = (), after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """History rows, oldest first; see `ports.RunStore`."""
        where = "PartitionKey eq @run and RowKey gt @after and RowKey lt 'event.'"
        values = {"run": run_id, "after": codec.event_key(after)}
        named = {f"kind{number}": kind for number, kind in enumerate(kinds)}
        if (
            named
        ):  # blanks around parentheses: the SDK takes what stands between blanks for the name of a value
            where += f" and ( {' or '.join(f'Kind eq @{name}' for name in named)} )"
        if limit is None:
            rows = self._table.query(where, values | named)
        else:
            rows = self._table.first(where, values | named, limit)
        return [codec.event_from_entity(row) for row in rows]


class TableRunIndex:
    """Table `index`: rows that follow from runs and can always be written again."""

    def __init__(self, service: TableServiceClient) -> None:
        self._table = Table(service, "index")

    def announce(self, run_id: str, pipeline: str, dataset: DatasetRef, now: datetime) -> None:
        """Make a run findable before it is stored."""
        row = ActiveRun(run_id=run_id, pipeline=pipeline, dataset=dataset, status=None, due_at=now)
        try:
            self._table.insert(codec.active_to_entity(row, 0))
        except Conflict:
            return  # announced before

    def project(self, run: Run, *, is_settled: bool, announced_since: datetime | None = None) -> None:
        """Bring the rows up to date; the active row last, so that it still leads to whatever is missing after a crash."""
        key = naming.newest_first(run.created_at, run.id)
        for partition in (naming.index_partition(run.pipeline), "all"):
            self._put(codec.summary_to_entity(run, partition, key))
        if is_settled:
            self._drop(run, announced_since)
            return
        self._put(codec.active_to_entity(ActiveRun.of(run), run.revision))

    def _drop(self, run: Run, announced_since: datetime | None) -> None:
        """Delete the active row, unless a newer state of the run wrote it: a retry that a slow worker has not seen."""
        for _ in range(_PROJECTION_TRIES):
            stored = self._table.get("active", run.id)
            if stored is None or int(stored["Revision"]) > run.revision:
                return
            if announced_since and not stored["Status"] and codec.from_iso(stored["DueAt"]) > announced_since:
                return
            try:
                self._table.delete("active", run.id, version_of(stored))
            except Conflict:
                continue
            return
        msg = f"table {self._table.name}: row {run.id} is being written by too many at once"
        raise Unavailable(msg)

    def _put(self, entity: codec.Entity) -> None:
        """Write a row unless a newer state of the run wrote it already.

        Raises:
            Unavailable: if the race was lost too often; the row is written again at the next look.
        """
        for _ in range(_PROJECTION_TRIES):
            stored = self._table.get(entity["PartitionKey"], entity["RowKey"])
            if stored is not None and int(stored["Revision"]) > entity["Revision"]:
                return
            if stored is not None and all(stored.get(name) == value for name, value in entity.items()):
                return
            try:
                if stored is None:
                    self._table.insert(entity)
                else:
                    self._table.replace(entity, version_of(stored))
            except Conflict:
                continue
            return
        msg = f"table {self._table.name}: row {entity['RowKey']} is being written by too many at once"
        raise Unavailable(msg)

    def active(self) -> list[ActiveRun]:
        """All runs that are not settled, soonest due first; those in a status of a newer release are left to it."""
        rows = self._table.query("PartitionKey eq @partition", {"partition": "active"})
        known = (codec.active_from_entity(row) for row in rows if codec.has_known_status(row))
        return sorted(known, key=lambda row: (row.due_at, row.run_id))

    def ticked(self, version: str, at: datetime) -> None:
        """Remember a tick; see `ports.RunIndex`."""
        stored = self._table.get(*_TICKS)
        known = codec.ticks_from_entity(stored) or Ticks(last_at=at, releases=())
        with suppress(Conflict):  # another tick, which is as good
            self._put_over(codec.ticks_to_entity(known.after(version, at), *_TICKS), stored)

    def _put_over(self, entity: codec.Entity, stored: codec.Entity | None) -> None:
        """Write a row in the place of what was read there.

        Raises:
            Conflict: somebody else wrote it meanwhile.
        """
        if stored is None:
            self._table.insert(entity)
        else:
            self._table.replace(entity, version_of(stored))

    def ticks(self) -> Ticks | None:
        """When the timer looked."""
        return codec.ticks_from_entity(self._table.get(*_TICKS))

    def poisoned(self, message: PoisonMessage) -> None:
        """Remember a message; see `ports.RunIndex`."""
        for _ in range(_PROJECTION_TRIES):
            stored = self._table.get(*_POISON)
            known = codec.poison_from_entity(stored)
            with suppress(Conflict):
                return self._put_over(codec.poison_to_entity(message.among(known), *_POISON), stored)
        return None

    def poison(self) -> tuple[PoisonMessage, ...]:
        """The newest messages that failed in all their tries."""
        return codec.poison_from_entity(self._table.get(*_POISON))

    def newest(
        self, pipeline: str | None, limit: int, after: str | None
    ) -> tuple[list[RunSummary], str | None]:
        """A page of runs, newest first; those in a status of a newer release are not shown, and count all the same."""
        partition = naming.index_partition(pipeline) if pipeline is not None else "all"
        size = max(1, min(limit, _PAGE_MAX))
        parameters = {"partition": partition, "after": after or ""}
        where = "PartitionKey eq @partition and RowKey gt @after"
        rows = self._table.first(where, parameters, size + 1)  # one more shows whether there is a next page
        shown = rows[:size]
        cursor = str(shown[-1]["RowKey"]) if len(rows) > size else None
        return [codec.summary_from_entity(row) for row in shown if codec.has_known_status(row)], cursor
