"""Claims, champions and the ledgers of money and looks on Azure Table storage."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from azure.data.tables import TableServiceClient

from shared.adapters.table_codec import from_iso, iso
from shared.adapters.tables import Table, version_of
from shared.core.errors import Conflict, Unavailable
from shared.core.evaluation.looks import ComingLook, Look
from shared.core.observations import Champion

_CHAMPION: Final = "champion"
_LEDGER_TRIES: Final = 5
#: Fewer workers than this append to one ledger within the time of one request.
_LEDGER_CROWD: Final = 1000
#: Each try that is lost is one that another worker of the same pipeline won.
_LOOK_TRIES: Final = 100
#: Row keys of looks count down from here, so that the newest comes first.
_LOOKS_MAX: Final = 99_999_999


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
    """Table `pipelines`: which deployment is in use, what was committed in which month, and who looked how often."""

    def __init__(self, service: TableServiceClient) -> None:
        self._table = Table(service, "pipelines")

    def champion(self, pipeline: str) -> Champion | None:
        """The deployment in use."""
        return _champion(self._table.get(pipeline, _CHAMPION), "")

    def previous(self, pipeline: str) -> Champion | None:
        """The one before it."""
        return _champion(self._table.get(pipeline, _CHAMPION), "Previous")

    def champions(self) -> dict[str, Champion]:
        """The deployments in use; other rows are skipped where they lie."""
        rows = self._table.query("RowKey eq @row", {"row": _CHAMPION})
        found = {str(row["PartitionKey"]): _champion(row, "") for row in rows}
        return {name: champion for name, champion in found.items() if champion}

    def promote(self, pipeline: str, champion: Champion, replacing: str | None) -> None:
        """Change the champion; see `ports.Pipelines`."""
        stored = self._table.get(pipeline, _CHAMPION)
        present = _champion(stored, "")
        if present and (present.run_id, present.deployment) == (champion.run_id, champion.deployment):
            return
        if (present.run_id if present else None) != replacing:
            msg = f"the champion of {pipeline} is another one by now"
            raise Conflict(msg)
        entity = {"PartitionKey": pipeline, "RowKey": _CHAMPION, **_columns(champion, "")}
        if present:
            entity |= _columns(present, "Previous")
        if stored is None:
            self._table.insert(entity)
        else:
            self._table.replace(entity, version_of(stored))

    def committed(self, pipeline: str, month: str) -> list[tuple[str, datetime, float]]:
        """The ledger of a month."""
        rows = self._lines(pipeline, month)
        return [(str(row["RunId"]), from_iso(row["At"]), float(row["Usd"])) for row in rows]

    def commit(self, pipeline: str, month: str, run_id: str, at: datetime, usd: float) -> None:
        """Write a line of the ledger; see `ports.Pipelines`."""
        for _ in range(_LEDGER_TRIES):
            line = {"RunId": run_id, "At": iso(at), "Usd": float(usd)}
            own = [row for row in self._lines(pipeline, month, run_id) if row["At"] >= line["At"]]
            if not own:
                if self._append(pipeline, month, line):
                    return
            elif own[0]["At"] > line["At"] or float(own[0]["Usd"]) <= usd:
                return
            else:
                with suppress(Conflict):
                    self._table.replace({**own[0], "Usd": float(usd)}, version_of(own[0]))
                    return
        msg = f"the ledger of {pipeline} is being written by too many at once"
        raise Unavailable(msg)

    def _lines(self, pipeline: str, month: str, run_id: str | None = None) -> list[dict[str, Any]]:
        where = "PartitionKey eq @pipeline and RowKey ge @first and RowKey lt @last"
        values = {"pipeline": pipeline, "first": f"spend-{month}-", "last": f"spend-{month}."}
        if run_id is not None:
            where, values = f"{where} and RunId eq @run", values | {"run": run_id}
        return self._table.query(where, values)

    def _append(self, pipeline: str, month: str, line: dict[str, Any]) -> bool:
        """Insert the next line; False if another worker wrote one of the run's lines.

        A line gets a number only when all smaller ones are taken.  So whoever sees its own line sees all that come before it, and
        those that come after it see it.  Of two runs that exceed a budget only together, the later one is stopped.
        """
        lines = self._lines(pipeline, month)
        if any(row["RunId"] == line["RunId"] and row["At"] >= line["At"] for row in lines):
            return False
        first = int(lines[-1]["RowKey"].rpartition("-")[2]) + 1 if lines else 1
        for number in range(first, first + _LEDGER_CROWD):
            key = f"spend-{month}-{number:08d}"
            try:
                self._table.insert({"PartitionKey": pipeline, "RowKey": key, **line})
            except Conflict:
                stored = self._table.get(pipeline, key)
                if stored is not None and stored["RunId"] == line["RunId"]:
                    return False
            else:
                return True
        return False

    def look(self, pipeline: str, *, digest: str, exam: str, run_id: str, at: datetime) -> Look:
        """Write a line of the ledger of looks; see `ports.Pipelines`.

        The last line is read before all else, and a line is only written right after it.  So what is read later knows all lines
        before the new one, and champions only get newer from line to line.
        """
        for _ in range(_LOOK_TRIES):
            last = self._newest_look(pipeline)
            counted = last and self._newest_look(pipeline, "Digest", digest)
            if counted:
                return _look(counted)
            since = self._champion_since(pipeline)
            same = last and self._newest_look(pipeline, "Exam", exam)
            line = {
                "PartitionKey": pipeline,
                "RowKey": f"look-{(int(last['RowKey'].rpartition('-')[2]) if last else _LOOKS_MAX) - 1:08d}",
                "Digest": digest,
                "Exam": exam,
                "RunId": run_id,
                "At": iso(at),
                "ChampionSince": since,
                "NumberOfSet": same["NumberOfSet"] + 1 if same else 1,
                "NumberOfPipeline": _number_after(last, since),
            }
            with suppress(Conflict):
                self._table.insert(line)
                return _look(line)
        msg = f"the looks of {pipeline} are being counted by too many at once"
        raise Unavailable(msg)

    def coming_look(self, pipeline: str) -> ComingLook:
        """What the next line will say."""
        last = self._newest_look(pipeline)
        number = _number_after(last, self._champion_since(pipeline))
        return ComingLook(number=number, last_run=str(last["RunId"]) if last else None)

    def _champion_since(self, pipeline: str) -> str:
        champion = self.champion(pipeline)
        return iso(champion.since) if champion else ""

    def _newest_look(self, pipeline: str, column: str = "", value: str = "") -> dict[str, Any] | None:
        """The newest line, or the newest with this value in this column."""
        where = "PartitionKey eq @pipeline and RowKey ge 'look-' and RowKey lt 'look.'"
        if column:
            where = f"{where} and {column} eq @value"
        return next(iter(self._table.first(where, {"pipeline": pipeline, "value": value}, 1)), None)


def _number_after(last: dict[str, Any] | None, champion_since: str) -> int:
    """The number among those of the pipeline of the line after this one."""
    return int(last["NumberOfPipeline"]) + 1 if last and last["ChampionSince"] == champion_since else 1


def _look(line: dict[str, Any]) -> Look:
    return Look(set=int(line["NumberOfSet"]), pipeline=int(line["NumberOfPipeline"]))


def _columns(champion: Champion, prefix: str) -> dict[str, Any]:
    route = {} if champion.route is None else {f"{prefix}Route": champion.route}
    return route | {
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
        route=entity.get(f"{prefix}Route"),
    )
