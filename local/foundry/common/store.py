"""The state, in SQLite: it survives a restart, however the process ended."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, at REAL NOT NULL, data TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, at REAL NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, job TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_of_job ON events (job, number);
CREATE TABLE IF NOT EXISTS checkpoints (id TEXT PRIMARY KEY, job TEXT NOT NULL, step INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS models (name TEXT PRIMARY KEY, job TEXT NOT NULL, knowledge TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deployments (name TEXT PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS operations (id TEXT PRIMARY KEY, deployment TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS files_by_time ON files (at);
CREATE INDEX IF NOT EXISTS files_by_purpose ON files (json_extract(data, '$.purpose'), at);
CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (at);
CREATE INDEX IF NOT EXISTS jobs_alive ON jobs (at) WHERE json_extract(data, '$.finished_at') IS NULL;
CREATE INDEX IF NOT EXISTS events_by_id ON events (json_extract(data, '$.id'));
"""


_ROWS: Final = ":rows"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of a list is asked for."""

    limit: int
    after: str | None = None
    """The id of the row before the first one; after an unknown id there is nothing."""
    hidden: frozenset[str] = frozenset()
    """Ids that are left out."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list."""

    rows: list[dict[str, Any]]
    has_more: bool


class NoSuchFile(Exception):
    """A file that was deleted; the argument is its id."""


class Store:
    """Rows of JSON by id; every write is one transaction."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the database; everything in it is committed already."""
        with self._lock:
            self._db.close()

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement on tables that another module has made."""
        return self._run(statement, *values)

    def _page(
        self,
        table: str,
        key: tuple[str, ...],
        where: dict[str, Any],
        asked: Asked,
        *,
        name: str = "id",
        is_newest_first: bool = True,
    ) -> Page:
        """The rows after one, found by an index.  One row more than is shown is read, to know whether there are others.

        Args:
            table: with a column `data`.
            key: the columns by which rows are ordered; they have an index.
            where: each condition, with the value for its question mark.
            asked: which page.
            name: the expression by which `after` is found; it has an index.
            is_newest_first: whether the order is descending.
        """
        where, columns = dict(where), ", ".join(key)
        if asked.after:
            compare = "<" if is_newest_first else ">"
            where[f"({columns}) {compare} (SELECT {columns} FROM {table} WHERE {name} = ?)"] = asked.after
        if asked.hidden:
            where[f"{name} NOT IN (SELECT value FROM json_each(?))"] = json.dumps(sorted(asked.hidden))
        order = ", ".join(f"{column} {'DESC' if is_newest_first else 'ASC'}" for column in key)
        conditions = f"WHERE {' AND '.join(where)}" if where else ""
        statement = f"SELECT data FROM {table} {conditions} ORDER BY {order} LIMIT ?"
        rows = self._run(statement, *where.values(), asked.limit + 1)
        return Page(_all(rows[: asked.limit]), has_more=len(rows) > asked.limit)

    # Files

    def add_file(self, file: dict[str, Any], content: bytes) -> None:
        """Store a file with its bytes."""
        self._run("INSERT INTO files VALUES (?, ?, ?, ?)", file["id"], file["at"], json.dumps(file), content)

    def file(self, file_id: str) -> dict[str, Any] | None:
        """A file without its bytes."""
        return _one(self._run("SELECT data FROM files WHERE id = ?", file_id))

    def files(self, asked: Asked, purpose: str | None = None, *, is_newest_first: bool = True) -> Page:
        """A page of the files; only those with a purpose if one is given."""
        where = {"json_extract(data, '$.purpose') = ?": purpose} if purpose is not None else {}
        return self._page("files", ("at", "rowid"), where, asked, is_newest_first=is_newest_first)

    def files_size(self) -> tuple[int, int]:
        """How many files there are, and how many bytes all of them have."""
        found = self._run("SELECT COUNT(*), coalesce(SUM(json_extract(data, '$.bytes')), 0) FROM files")
        return int(found[0][0]), int(found[0][1])

    def content(self, file_id: str) -> bytes:
        """The bytes of a file.

        Raises:
            NoSuchFile: it was deleted.
        """
        rows = self._run("SELECT content FROM files WHERE id = ?", file_id)
        if not rows:
            raise NoSuchFile(file_id)
        return bytes(rows[0][0])

    def replace_content(self, file: dict[str, Any], content: bytes) -> None:
        """Replace the bytes of a file."""
        self._run(
            "UPDATE files SET data = ?, content = ? WHERE id = ?", json.dumps(file), content, file["id"]
        )

    def delete_file(self, file_id: str) -> None:
        """Delete a file."""
        self._run("DELETE FROM files WHERE id = ?", file_id)

    # Jobs

    def put_job(self, job: dict[str, Any]) -> None:
        """Store a job."""
        self._run("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", job["id"], job["at"], json.dumps(job))

    def job(self, job_id: str) -> dict[str, Any] | None:
        """A job."""
        return _one(self._run("SELECT data FROM jobs WHERE id = ?", job_id))

    def move_job(self, job: dict[str, Any], events: list[dict[str, Any]]) -> bool:
        """Store the next version of a job, and events about it, in one transaction.

        Returns:
            False if the stored job is not the version before; then nothing is changed.
        """
        with self._lock, self._transaction():
            changed = self._db.execute(
                "UPDATE jobs SET data = ? WHERE id = ? AND json_extract(data, '$.version') = ?",
                (json.dumps(job), job["id"], job["version"] - 1),
            ).rowcount
            if changed:
                rows = [(job["id"], json.dumps(event)) for event in events]
                self._db.executemany("INSERT INTO events (job, data) VALUES (?, ?)", rows)
        return bool(changed)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def jobs(self, asked: Asked) -> Page:
        """A page of the jobs, newest first."""
        return self._page("jobs", ("at", "rowid"), {}, asked)

    def jobs_alive(self) -> list[dict[str, Any]]:
        """The jobs that have not ended, oldest first."""
        rows = self._run(
            "SELECT data FROM jobs WHERE json_extract(data, '$.finished_at') IS NULL ORDER BY at, rowid"
        )
        return _all(rows)

    def jobs_count(self) -> int:
        """How many jobs there are."""
        return int(self._run("SELECT COUNT(*) FROM jobs")[0][0])

    def add_event(self, job_id: str, event: dict[str, Any]) -> None:
        """Append an event."""
        self._run("INSERT INTO events (job, data) VALUES (?, ?)", job_id, json.dumps(event))

    def events(self, job_id: str, asked: Asked) -> Page:
        """A page of a job's events, newest first."""
        return self._page(
            "events", ("number",), {"job = ?": job_id}, asked, name="json_extract(data, '$.id')"
        )

    def put_checkpoint(self, job_id: str, checkpoint: dict[str, Any]) -> None:
        """Store a checkpoint."""
        row = (checkpoint["id"], job_id, checkpoint["step_number"], json.dumps(checkpoint))
        self._run("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)", *row)

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """The last three checkpoints of a job, newest first; older ones cannot be deployed."""
        return _all(
            self._run("SELECT data FROM checkpoints WHERE job = ? ORDER BY step DESC LIMIT 3", job_id)
        )

    def restart_fit(self, job_id: str) -> None:
        """Delete what an interrupted fit left behind."""
        self._run("DELETE FROM checkpoints WHERE job = ?", job_id)
        self._run("DELETE FROM models WHERE job = ?", job_id)

    # Models and deployments

    def add_model(self, name: str, job_id: str, knowledge: dict[str, Any]) -> None:
        """Store what a tuned model knows: its training file may be deleted later."""
        self._run("INSERT OR REPLACE INTO models VALUES (?, ?, ?)", name, job_id, json.dumps(knowledge))

    def add_rows(
        self, name: str, job_id: str, knowledge: dict[str, Any], key: str, rows: Iterable[Any]
    ) -> None:
        """Store the rows that a model and all its checkpoints share, under a name of their own; see `rows_name`."""
        members = json.dumps(knowledge)[1:-1]
        text = io.StringIO()  # written row by row: all rows as objects would take four times the memory
        text.write(f'{{{members}{", " if members else ""}"{key}": [')
        for number, row in enumerate(rows):
            text.write(f"{', ' if number else ''}{json.dumps(row)}")
        text.write("]}")
        self._run("INSERT OR REPLACE INTO models VALUES (?, ?, ?)", rows_name(name), job_id, text.getvalue())

    def knowledge(self, name: str) -> dict[str, Any] | None:
        """What a tuned model or checkpoint knows, with the rows of its job; None if there is no such model."""
        found = _one(self._run("SELECT knowledge FROM models WHERE name = ?", name))
        if found is not None and "like" in found:
            return (self.knowledge(found.pop("like")) or {}) | found
        return found

    def has_model(self, name: str) -> bool:
        """Whether a tuned model can be deployed.

        A model can if its job succeeded: it may have been stored just before the job was cancelled.  A checkpoint can if it is
        among the last three of a job that succeeded or is paused.
        """
        found = self._run(
            "SELECT json_extract(jobs.data, '$.status'), job FROM models JOIN jobs ON jobs.id = models.job WHERE name = ?",
            name,
        )
        if not found:
            return False
        ((status, job_id),) = found
        if name.endswith(_ROWS):
            return False
        if ":ckpt-step-" not in name:
            return bool(status == "succeeded")
        last = {checkpoint["fine_tuned_model_checkpoint"] for checkpoint in self.checkpoints(job_id)}
        return status in {"succeeded", "paused"} and name in last

    def tuned_models(self) -> list[tuple[str, float]]:
        """The models of all jobs that succeeded, oldest first, each with the time at which its job was created."""
        statement = "SELECT json_extract(data, '$.fine_tuned_model') AS name, at FROM jobs WHERE name IS NOT NULL ORDER BY at"
        return [(str(name), float(at)) for name, at in self._run(statement)]

    def checkpoint_name(self, checkpoint_id: str) -> str | None:
        """The name under which a checkpoint is deployed, by its id; None if there is no such checkpoint."""
        found = _one(self._run("SELECT data FROM checkpoints WHERE id = ?", checkpoint_id))
        return str(found["fine_tuned_model_checkpoint"]) if found else None

    def deployment_trouble(self, name: str) -> str | None:
        """Why every deployment of a tuned model fails; None if they do not."""
        found = self._run(
            "SELECT json_extract(jobs.data, '$.deployment_trouble') FROM models JOIN jobs ON jobs.id = models.job WHERE name = ?",
            name,
        )
        return found[0][0] if found else None

    def put_deployment(self, deployment: dict[str, Any]) -> None:
        """Store a deployment."""
        self._run(
            "INSERT OR REPLACE INTO deployments VALUES (?, ?)", deployment["name"], json.dumps(deployment)
        )

    def deployment(self, name: str) -> dict[str, Any] | None:
        """A deployment."""
        return _one(self._run("SELECT data FROM deployments WHERE name = ?", name))

    def deployments(self) -> list[dict[str, Any]]:
        """All deployments, by name."""
        return _all(self._run("SELECT data FROM deployments ORDER BY name"))

    def add_operation(self, operation: str, deployment: str) -> None:
        """Store which deployment a long-running operation writes."""
        self._run("INSERT INTO operations VALUES (?, ?)", operation, deployment)

    def operation(self, operation: str) -> str | None:
        """The name of the deployment that an operation writes or wrote."""
        rows = self._run("SELECT deployment FROM operations WHERE id = ?", operation)
        return str(rows[0][0]) if rows else None

    def delete_deployment(self, name: str) -> None:
        """Delete a deployment."""
        self._run("DELETE FROM deployments WHERE name = ?", name)


def rows_name(model: str) -> str:
    """The name under which the rows of a model's job are stored; no model can have it."""
    return model + _ROWS


def _one(rows: list[tuple[Any, ...]]) -> dict[str, Any] | None:
    return dict(json.loads(rows[0][0])) if rows else None


def _all(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [json.loads(row[0]) for row in rows]
