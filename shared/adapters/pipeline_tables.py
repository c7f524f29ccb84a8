"""Claims, champions and the ledger on Azure Table storage."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from azure.data.tables import TableServiceClient

from shared.adapters.table_codec import from_iso, iso
from shared.adapters.tables import Table, version_of
from shared.core.errors import Conflict, Unavailable
from shared.core.observations import Champion

_CHAMPION: Final = "champion"
_LEDGER_TRIES: Final = 5


class TableClaims:
    """Table `claims`: who may spend money on which work."""

    def __init__(self, service: TableServiceClient) -> None:
        self._table = Table(service, "claims")

    def holder(self, pipeline: str, fingerprint: str) -> str | None:
        """The run that holds the claim."""
        entity = self._table.get(pipeline, fingerprint)
        return str(entity["Holder"]) if entity else None

    def take(self, pipeline: str, fingerprint: str, run_id: str, previous_holder: str | None) -> None:
        """Insert the claim, or take it over; see `ports.Claims`."""
        entity = {"PartitionKey": pipeline, "RowKey": fingerprint, "Holder": run_id}
        stored = self._table.get(pipeline, fingerprint)
        if stored is None:
            self._table.insert(entity)
        elif stored["Holder"] == run_id:
            return
        elif stored["Holder"] == previous_holder:
            self._table.replace(entity, version_of(stored))
        else:
            msg = f"run {stored['Holder']} holds the claim"
            raise Conflict(msg)


class TablePipelines:
    """Table `pipelines`: which deployment is in use, and what was committed in which month."""

    def __init__(self, service: TableServiceClient) -> None:
        self._table = Table(service, "pipelines")

    def champion(self, pipeline: str) -> Champion | None:
        """The deployment in use."""
        return _champion(self._table.get(pipeline, _CHAMPION), "")

    def previous(self, pipeline: str) -> Champion | None:
        """The one before it."""
        return _champion(self._table.get(pipeline, _CHAMPION), "Previous")

    def promote(self, pipeline: str, champion: Champion) -> None:
        """Change the champion; see `ports.Pipelines`."""
        stored = self._table.get(pipeline, _CHAMPION)
        present = _champion(stored, "")
        if present and (present.run_id, present.deployment) == (champion.run_id, champion.deployment):
            return
        entity = {"PartitionKey": pipeline, "RowKey": _CHAMPION, **_columns(champion, "")}
        if present:
            entity |= _columns(present, "Previous")
        if stored is None:
            self._table.insert(entity)
        else:
            self._table.replace(entity, version_of(stored))

    def committed(self, pipeline: str, month: str) -> list[tuple[str, datetime, float]]:
        """The ledger of a month."""
        rows = self._table.query(
            "PartitionKey eq @pipeline and RowKey ge @first and RowKey lt @last",
            {"pipeline": pipeline, "first": f"spend-{month}-", "last": f"spend-{month}."},
        )
        return [(str(row["RunId"]), from_iso(row["At"]), float(row["Usd"])) for row in rows]

    def commit(self, pipeline: str, month: str, run_id: str, at: datetime, usd: float) -> None:
        """Write a run's line of the ledger."""
        key = f"spend-{month}-{run_id}"
        entity = {"PartitionKey": pipeline, "RowKey": key, "RunId": run_id, "At": iso(at), "Usd": float(usd)}
        for _ in range(_LEDGER_TRIES):
            stored = self._table.get(pipeline, key)
            try:
                if stored is None:
                    self._table.insert(entity)
                elif (stored["At"], -float(stored["Usd"])) < (entity["At"], -float(usd)):
                    self._table.replace(entity, version_of(stored))
            except Conflict:
                continue
            return
        msg = f"the ledger of {pipeline} is being written by too many at once"
        raise Unavailable(msg)


def _columns(champion: Champion, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}Deployment": champion.deployment,
        f"{prefix}Model": champion.model,
        f"{prefix}RunId": champion.run_id,
        f"{prefix}Since": iso(champion.since),
    }


def _champion(entity: dict[str, Any] | None, prefix: str) -> Champion | None:
    if entity is None or f"{prefix}Deployment" not in entity:
        return None
    return Champion(
        deployment=entity[f"{prefix}Deployment"],
        model=entity[f"{prefix}Model"],
        run_id=entity[f"{prefix}RunId"],
        since=from_iso(entity[f"{prefix}Since"]),
    )
