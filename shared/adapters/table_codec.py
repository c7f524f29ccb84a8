"""Runs and events as table entities: readable columns for people, one JSON state for us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared.core.clipping import clip
from shared.core.errors import Refused
from shared.core.history import Event
from shared.core.run import SCHEMA, DatasetRef, Gate, Run, Status
from shared.ports import ActiveRun, OpenGate, PoisonMessage, Quality, RunSummary, Ticks

#: A string property holds 64 KiB of UTF-16, in which a character takes up to 4 bytes; larger states are cut into several.
_PROPERTY_CHARS: Final = 15_000
#: Far above any run seen; as many full ones still fit into an entity, which holds 1 MiB.
_STATE_PARTS_MAX: Final = 16
_TEXT_UNITS: Final = 8_000

_STATUSES: Final = frozenset(Status)


class _RunOfSchema1(Run, frozen=True, kw_only=True):
    """A run as 0.1.0 stored it: each gate in a field of its own."""

    spend_gate: Gate | None = None
    deployment_gate: Gate | None = None

    def as_run(self) -> Run:
        """The same run in the shape of today."""
        values = {name: getattr(self, name) for name in Run.__struct_fields__}
        gates = {gate.name: gate for gate in (self.spend_gate, self.deployment_gate) if gate}
        return Run(**(values | {"schema": SCHEMA, "gates": gates}))


_decode_run: Final = msgspec.json.Decoder(Run).decode
_decode_schema_1: Final = msgspec.json.Decoder(_RunOfSchema1).decode
_decode_dataset: Final = msgspec.json.Decoder(DatasetRef).decode
_decode_gate: Final = msgspec.json.Decoder(OpenGate | None).decode
_decode_quality: Final = msgspec.json.Decoder(Quality | None).decode
_decode_poison: Final = msgspec.json.Decoder(tuple[PoisonMessage, ...]).decode
_decode_releases: Final = msgspec.json.Decoder(tuple[tuple[str, datetime], ...]).decode

Entity = dict[str, Any]


def iso(at: datetime) -> str:
    """A time as text of fixed width, so that order of text is order of time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str) -> datetime:
    """The time that `iso` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def run_to_entity(run: Run) -> Entity:
    """The row `run`: columns for people, `State0..n` for us.

    Raises:
        AssertionError: if the state is larger than rows may be; lists that grow belong in artifacts.
    """
    state = msgspec.json.encode(run).decode()
    parts = [state[at : at + _PROPERTY_CHARS] for at in range(0, len(state), _PROPERTY_CHARS)]
    assert len(parts) <= _STATE_PARTS_MAX, f"state of run {run.id} has {len(state)} characters"
    columns = {
        "Pipeline": run.pipeline,
        "DatasetName": clip(run.dataset.name, _TEXT_UNITS),
        "Status": run.status.value,
        "StatusSince": iso(run.status_since),
        "CreatedAt": iso(run.created_at),
        "UpdatedAt": iso(run.updated_at),
        "AppVersion": run.app_version or None,
        "DueAt": iso(run.due_at),
        "JobId": run.job_id,
        "JobStatus": run.job_status,
        "Model": run.model,
        "Candidate": run.candidate,
        "Production": run.production,
        "DuplicateOf": run.duplicate_of,
        "FailureCode": run.failure.code if run.failure else None,
        "FailureMessage": clip(run.failure.message, _TEXT_UNITS) if run.failure else None,
    }
    return {
        "PartitionKey": run.id,
        "RowKey": "run",
        "Schema": run.schema,
        "Revision": run.revision,
        **{name: value for name, value in columns.items() if value is not None},
        **{f"State{number}": part for number, part in enumerate(parts)},
    }


def run_from_entity(entity: Mapping[str, Any]) -> Run:
    """The run of a row, whichever release wrote it.

    Raises:
        Refused: if a newer release wrote it; it is left alone.
    """
    schema = int(entity["Schema"])
    if schema > SCHEMA or not has_known_status(entity):
        msg = (
            f"run {entity['PartitionKey']} was written by a newer release "
            f"(schema {schema}, known: {SCHEMA}; status {entity['Status']})"
        )
        raise Refused(msg, remedy="Finish the roll-out of the newer release; this one leaves the run alone.")
    parts: list[str] = []
    while (part := entity.get(f"State{len(parts)}")) is not None:
        parts.append(part)
    state = "".join(parts)
    if schema == 1:
        return _decode_schema_1(state).as_run()
    return _decode_run(state).evolve(schema=SCHEMA)  # 2 is the same shape, with less in it


def event_key(sequence: int) -> str:
    """Row key of a line of the history."""
    return f"event-{sequence:06d}"


def event_to_entity(run_id: str, event: Event) -> Entity:
    """A row of the history."""
    columns = {
        "Before": event.before,
        "After": event.after,
        "Detail": event.detail,
        "AppVersion": event.app_version or None,
        "Person": event.person or None,
        "Role": event.role or None,
        "Comment": event.comment,
    }
    return {
        "PartitionKey": run_id,
        "RowKey": event_key(event.sequence),
        "At": iso(event.at),
        "Kind": event.kind,
        **{name: clip(value, _TEXT_UNITS) for name, value in columns.items() if value is not None},
    }


def event_from_entity(entity: Mapping[str, Any]) -> Event:
    """The event of a row."""
    return Event(
        sequence=int(entity["RowKey"].removeprefix("event-")),
        at=from_iso(entity["At"]),
        kind=entity["Kind"],
        before=entity.get("Before"),
        after=entity.get("After"),
        detail=entity.get("Detail"),
        app_version=entity.get("AppVersion", ""),
        person=entity.get("Person", ""),
        role=entity.get("Role", ""),
        comment=entity.get("Comment"),
    )


def active_to_entity(row: ActiveRun, revision: int) -> Entity:
    """A row of the partition `active`."""
    return {
        "PartitionKey": "active",
        "RowKey": row.run_id,
        "Revision": revision,
        "Pipeline": row.pipeline,
        "Status": row.status.value if row.status else "",
        "DueAt": iso(row.due_at),
        "Dataset": msgspec.json.encode(row.dataset).decode(),
        "JobId": row.job_id or "",
        "TrainingFileId": " ".join(sorted(row.training_files)),
        "StatusSince": iso(row.status_since) if row.status_since else "",
        "Contending": row.waits_for_account,
        "Trouble": row.trouble or "",
        "Failures": row.failures,
        "Gate": msgspec.json.encode(row.gate).decode(),
    }


def has_known_status(entity: Mapping[str, Any]) -> bool:
    """Whether this release knows the status in a row (empty: announced only); a newer one may have others."""
    return not entity["Status"] or entity["Status"] in _STATUSES


def active_from_entity(entity: Mapping[str, Any]) -> ActiveRun:
    """The active run of a row."""
    return ActiveRun(
        run_id=entity["RowKey"],
        pipeline=entity["Pipeline"],
        dataset=_decode_dataset(entity["Dataset"]),
        status=Status(entity["Status"]) if entity["Status"] else None,
        due_at=from_iso(entity["DueAt"]),
        job_id=entity["JobId"] or None,
        training_files=frozenset(str(entity["TrainingFileId"]).split()),
        status_since=from_iso(since) if (since := entity.get("StatusSince")) else None,
        waits_for_account=bool(entity.get("Contending", False)),
        trouble=entity.get("Trouble") or None,
        failures=int(entity.get("Failures", 0)),
        gate=_decode_gate(entity.get("Gate", "null")),
    )


def ticks_to_entity(ticks: Ticks, partition: str, key: str) -> Entity:
    """The row with the ticks."""
    releases = msgspec.json.encode(ticks.releases).decode()
    return {"PartitionKey": partition, "RowKey": key, "LastAt": iso(ticks.last_at), "Releases": releases}


def ticks_from_entity(entity: Mapping[str, Any] | None) -> Ticks | None:
    """The ticks of a row; None if there is none, or somebody else wrote it: nothing but words depends on it."""
    if entity is None:
        return None
    try:
        return Ticks(last_at=from_iso(entity["LastAt"]), releases=_decode_releases(entity["Releases"]))
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError):
        return None


def poison_to_entity(messages: tuple[PoisonMessage, ...], partition: str, key: str) -> Entity:
    """The row with the messages that failed in all their tries."""
    return {"PartitionKey": partition, "RowKey": key, "Messages": msgspec.json.encode(messages).decode()}


def poison_from_entity(entity: Mapping[str, Any] | None) -> tuple[PoisonMessage, ...]:
    """The messages of a row; none if there is none, or somebody else wrote it: nothing but words depends on it."""
    try:
        return _decode_poison((entity or {}).get("Messages", "[]"))
    except (TypeError, msgspec.MsgspecError):
        return ()


def summary_to_entity(run: Run, partition: str, key: str) -> Entity:
    """A row of a listing."""
    row = RunSummary.of(run)
    return {
        "PartitionKey": partition,
        "RowKey": key,
        "Revision": run.revision,
        "RunId": row.run_id,
        "Pipeline": row.pipeline,
        "DatasetName": clip(row.dataset_name, _TEXT_UNITS),
        "Status": row.status.value,
        "StatusSince": iso(row.status_since),
        "CreatedAt": iso(row.created_at),
        "JobId": row.job_id or "",
        "JobStatus": row.job_status or "",
        "Quality": msgspec.json.encode(row.quality).decode(),
    }


def summary_from_entity(entity: Mapping[str, Any]) -> RunSummary:
    """The summary of a row."""
    return RunSummary(
        run_id=entity["RunId"],
        pipeline=entity["Pipeline"],
        dataset_name=entity["DatasetName"],
        status=Status(entity["Status"]),
        status_since=from_iso(entity["StatusSince"]),
        created_at=from_iso(entity["CreatedAt"]),
        job_id=entity["JobId"] or None,
        job_status=entity["JobStatus"] or None,
        quality=_decode_quality(entity.get("Quality", "null")),
    )
