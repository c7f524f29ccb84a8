"""A world as its stores hold it: to text and back, so that what a release wrote can be given to the code of today.

What is kept are the rows of the tables, in the columns that the adapters write, the blobs, and what Foundry and Resource Manager
would answer.  Each row and each blob is kept once, by its hash; a moment is a list of hashes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from shared.adapters import table_codec as codec
from shared.core.errors import Conflict, NotFound
from shared.core.evaluation.looks import Look
from shared.core.history import Event
from shared.core.observations import Champion, DeploymentView, FoundryFile, Job
from shared.core.run import DatasetRef, Run
from tests.twins.pipeline_tables import LookLine
from tests.twins.tables import TwinRunStore
from tests.twins.world import TwinWorld

Moment = dict[str, Any]


class RowStore(TwinRunStore):
    """Table `runs` whose rows stay in the columns in which they were written, whichever release did."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, tuple[codec.Entity, int]] = {}
        self.listeners: list[Callable[[Run], None]] = []
        """Called after each write of a run."""

    def load(self, run_id: str) -> tuple[Run, str]:
        """See `ports.RunStore`."""
        with self._call("load"):
            if run_id not in self.rows:
                msg = f"there is no run {run_id!r}"
                raise NotFound(msg)
            row, version = self.rows[run_id]
            return codec.run_from_entity(row), str(version)

    def insert(self, run: Run, events: Iterable[Event]) -> None:
        """See `ports.RunStore`."""
        if run.id in self.rows:
            msg = f"run {run.id} is there already"
            raise Conflict(msg)
        self._write(run, 1, events)

    def replace(self, run: Run, version: str, events: Iterable[Event]) -> str:
        """See `ports.RunStore`."""
        with self._call("replace"):
            if str(self.rows[run.id][1]) != version:
                msg = f"run {run.id}: somebody else wrote first"
                raise Conflict(msg)
            self._write(run, int(version) + 1, events)
            return str(int(version) + 1)

    def _write(self, run: Run, version: int, events: Iterable[Event]) -> None:
        known = self._events.setdefault(run.id, {})
        for event in events:
            assert known.setdefault(event.sequence, event) is event, "a history row is there already"
        self.rows[run.id] = (codec.run_to_entity(run), version)
        for listener in list(self.listeners):
            listener(run)


class Pool:
    """Texts by hash."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self.texts = texts if texts is not None else {}

    def put(self, text: str) -> str:
        """The key under which a text is kept."""
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        assert self.texts.setdefault(key, text) == text
        return key

    def put_json(self, value: Any) -> str:
        """The key under which a value is kept as JSON."""
        return self.put(json.dumps(msgspec.to_builtins(value), sort_keys=True, ensure_ascii=False))

    def get_json(self, key: str) -> Any:
        """The value of a key."""
        return json.loads(self.texts[key])


def freeze(world: TwinWorld, pool: Pool) -> Moment:
    """Everything that is stored, and the time."""
    return {
        "at": world.clock.now().isoformat(),
        "runs": [pool.put_json(row) for row in _run_rows(world)],
        "index": [pool.put_json(row) for row in _index_rows(world)],
        "claims": [
            pool.put_json({"PartitionKey": pipeline, "RowKey": fingerprint, "Holder": holder})
            for (pipeline, fingerprint), holder in world.claims._holders.items()
        ],
        "pipelines": [pool.put_json(row) for row in _pipeline_rows(world)],
        "datasets": [
            [pool.put_json(ref), pool.put(data.decode())] for ref, data in world.datasets._blobs.values()
        ],
        "pipeline_files": {path: pool.put(text) for path, text in world.pipeline_files._texts.items()},
        "artifacts": {name: pool.put(data.decode()) for name, data in world.artifacts._blobs.items()},
        "files": [
            [pool.put_json(file), pool.put(content.decode()), looks]
            for file, content, looks in world.files._files.values()
        ],
        "jobs": [pool.put_json(job) for job in world.trainer._jobs.values()],
        "bodies": [pool.put_json(body) for body in world.trainer.bodies],
        "deployments": [pool.put_json(view) for view in world.deployer._deployments.values()],
    }


def _run_rows(world: TwinWorld) -> list[codec.Entity]:
    rows = []
    for run_id, (row, version) in world.runs.rows.items():
        rows.append({**row, "version": version})
        rows.extend(codec.event_to_entity(run_id, event) for event in world.runs.history(run_id))
    return rows


def _index_rows(world: TwinWorld) -> list[codec.Entity]:
    """The rows of active runs; those of listings are not looked at by anything that moves a run."""
    return [codec.active_to_entity(row, revision) for revision, row in world.index._active.values()]


def _pipeline_rows(world: TwinWorld) -> list[codec.Entity]:
    rows: list[codec.Entity] = []
    for pipeline, (champion, previous) in world.pipelines._champions.items():
        columns = {"": champion, "Previous": previous}
        row: codec.Entity = {"PartitionKey": pipeline, "RowKey": "champion"}
        for prefix, one in columns.items():
            if one is not None:
                row |= {
                    f"{prefix}Deployment": one.deployment,
                    f"{prefix}Model": one.model,
                    f"{prefix}RunId": one.run_id,
                    f"{prefix}Since": codec.iso(one.since),
                }
        rows.append(row)
    for (pipeline, month), lines in world.pipelines._ledgers.items():
        rows.extend(
            {
                "PartitionKey": pipeline,
                "RowKey": f"spend-{month}-{number:08d}",
                "RunId": run_id,
                "At": codec.iso(at),
                "Usd": usd,
            }
            for number, ((run_id, at), usd) in enumerate(lines.items(), start=1)
        )
    for pipeline, looks in world.pipelines._looks.items():
        rows.extend(
            {
                "PartitionKey": pipeline,
                "RowKey": f"look-{99_999_999 - number:08d}",
                "Digest": digest,
                "Exam": line.exam,
                "RunId": line.run_id,
                "At": codec.iso(line.at),
                "ChampionSince": codec.iso(line.champion_since) if line.champion_since else "",
                "NumberOfSet": line.look.set,
                "NumberOfPipeline": line.look.pipeline,
            }
            for number, (digest, line) in enumerate(looks.items(), start=1)
        )
    return rows


def thaw(moment: Moment, pool: Pool) -> TwinWorld:
    """A world that holds what a moment says, read with the code of today."""
    world = TwinWorld(runs=RowStore())
    world.clock.set(datetime.fromisoformat(moment["at"]))
    for key in moment["runs"]:
        _put_run_row(world, pool.get_json(key))
    for key in moment["index"]:
        row = pool.get_json(key)
        world.index._active[row["RowKey"]] = (row["Revision"], codec.active_from_entity(row))
    for key in moment["claims"]:
        row = pool.get_json(key)
        world.claims._holders[row["PartitionKey"], row["RowKey"]] = row["Holder"]
    for key in moment["pipelines"]:
        _put_pipeline_row(world, pool.get_json(key))
    for ref, data in moment["datasets"]:
        dataset = msgspec.json.decode(pool.texts[ref], type=DatasetRef)
        world.datasets._blobs[dataset.name] = (dataset, pool.texts[data].encode())
        world.datasets._versions = max(world.datasets._versions, int(dataset.etag, 16))
    for path, key in moment["pipeline_files"].items():
        world.pipeline_files.put(path, pool.texts[key])
    for name, key in moment["artifacts"].items():
        world.artifacts._blobs[name] = pool.texts[key].encode()
    _put_foundry(world, moment, pool)
    return world


def _put_run_row(world: TwinWorld, row: dict[str, Any]) -> None:
    run_id = row["PartitionKey"]
    if row["RowKey"] == "run":
        version = row.pop("version")
        world.runs.rows[run_id] = (row, version)
    else:
        event = codec.event_from_entity(row)
        world.runs._events.setdefault(run_id, {})[event.sequence] = event


def _put_pipeline_row(world: TwinWorld, row: dict[str, Any]) -> None:
    pipeline = row["PartitionKey"]
    if row["RowKey"] == "champion":
        found = [
            Champion(
                deployment=row[f"{prefix}Deployment"],
                model=row[f"{prefix}Model"],
                run_id=row[f"{prefix}RunId"],
                since=codec.from_iso(row[f"{prefix}Since"]),
            )
            if f"{prefix}Deployment" in row
            else None
            for prefix in ("", "Previous")
        ]
        assert found[0]
        world.pipelines._champions[pipeline] = (found[0], found[1])
        return
    if row["RowKey"].startswith("look-"):
        since = codec.from_iso(row["ChampionSince"]) if row["ChampionSince"] else None
        look = Look(set=row["NumberOfSet"], pipeline=row["NumberOfPipeline"])
        line = LookLine(row["Exam"], row["RunId"], codec.from_iso(row["At"]), since, look)
        world.pipelines._looks.setdefault(pipeline, {})[row["Digest"]] = line
        return
    month = "-".join(row["RowKey"].split("-")[1:3])
    lines = world.pipelines._ledgers.setdefault((pipeline, month), {})
    lines[row["RunId"], codec.from_iso(row["At"])] = row["Usd"]


def _put_foundry(world: TwinWorld, moment: Moment, pool: Pool) -> None:
    for file_key, content, looks in moment["files"]:
        file = msgspec.json.decode(pool.texts[file_key], type=FoundryFile)
        world.files._files[file.id] = (file, pool.texts[content].encode(), looks)
    world.files._numbers = itertools.count(_next(world.files._files))
    for key in moment["jobs"]:
        job = msgspec.json.decode(pool.texts[key], type=Job)
        world.trainer._jobs[job.id] = job
    world.trainer._numbers = itertools.count(_next(world.trainer._jobs))
    world.trainer.bodies = [pool.get_json(key) for key in moment["bodies"]]
    for key in moment["deployments"]:
        view = msgspec.json.decode(pool.texts[key], type=DeploymentView)
        world.deployer._deployments[view.name] = view


def _next(known: dict[str, Any]) -> int:
    """The number after the largest in keys such as `file-0007`; far enough that a deleted one is not made again."""
    return max((int(key.rpartition("-")[2]) for key in known), default=0) + 100
