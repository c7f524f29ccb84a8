"""`python -m local.foundry.bench`: how long the stand-in takes to start and to list, and how much memory it takes.  Linux only.

Each list is compared with a `SELECT` of the same rows by SQLite alone, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import ssl
import statistics
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from local.foundry.common.store import Asked, Page, Store
from local.stand_in import start_stand_in

_JOBS, _EVENTS, _PAGE, _LOOKS = 200, 50_000, 100, 200
_SAMPLE_S: Final = 0.01
_METHODS: Final = ("supervised", "dpo", "reinforcement")
_GRADER: Final = {
    "type": "text_similarity",
    "name": "near",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference}}",
    "evaluation_metric": "fuzzy_match",
}


def rss_mb(pid: int) -> float:
    """Resident memory of a process, and of its children."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(rss_mb(int(child)) for child in children)


class Peak:
    """The most memory that a process takes within a `with` block."""

    def __init__(self, pid: int) -> None:
        self._pid, self._stop = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mb = 0.0

    def __enter__(self) -> Self:
        """Begin to measure, 100 times per second."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop measuring."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_S):
            self.mb = max(self.mb, rss_mb(self._pid))


def _words(generator: random.Random, count: int) -> str:
    return " ".join(
        f"{generator.choice('bcdfglmnprst')}{generator.choice('aeiou')}{generator.randrange(50)}"
        for _ in range(count)
    )


def rows(method: str, count: int) -> Iterator[bytes]:
    """So many rows of a file for a method: prompts of 120 words, answers of 60."""
    generator = random.Random(1)
    for _ in range(count):
        asked = [{"role": "user", "content": _words(generator, 120)}]
        said = [[{"role": "assistant", "content": _words(generator, 60)}] for _ in range(2)]
        row: dict[str, Any] = {"messages": asked + said[0]}
        if method == "dpo":
            row = {"input": {"messages": asked}, "preferred_output": said[0], "non_preferred_output": said[1]}
        if method == "reinforcement":
            row = {"messages": asked, "reference": _words(generator, 5)}
        yield json.dumps(row).encode() + b"\n"


class StandIn:
    """A stand-in that only this measurement uses."""

    def __init__(self, state: Path) -> None:
        started = time.perf_counter()
        self.child, self.ready = start_stand_in(state, "--speed", "100", "--rft-pause-usd", "1e9")
        self.start_s = time.perf_counter() - started
        self._context = ssl.create_default_context(cafile=self.ready["ca_bundle"])
        self._tokens = {
            resource: self.call(
                "GET",
                f"/msi/token?resource=https://{resource}.azure.com",
                header=("X-IDENTITY-HEADER", "local-cloud"),
            )["access_token"]
            for resource in ("ai", "management")
        }

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self.child.process.pid

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        header: tuple[str, str] | None = None,
        kind: str = "application/json",
    ) -> Any:
        """Its answer to one request, parsed."""
        plane = "management" if path.startswith("/subscriptions") else "ai"
        name, value = header or ("Authorization", f"Bearer {self._tokens[plane]}")
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            self.ready["endpoint"] + path, raw, {name: value, "Content-Type": kind}, method=method
        )
        with urllib.request.urlopen(request, context=self._context, timeout=60) as answer:
            return json.loads(answer.read())

    def upload(self, content: bytes) -> str:
        """Upload a file and wait until it is processed; its id."""
        edge = uuid.uuid4().hex
        parts = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = parts.encode() + content + f"\r\n--{edge}--\r\n".encode()
        made = self.call("POST", "/openai/v1/files", body, kind=f"multipart/form-data; boundary={edge}")
        self.until(f"/openai/v1/files/{made['id']}", "processed")
        return str(made["id"])

    def until(self, path: str, status: str) -> dict[str, Any]:
        """The file or job at a path, once it has a status.

        Raises:
            RuntimeError: it cannot reach that status any more.
        """
        while (seen := self.call("GET", path))["status"] != status:
            if seen["status"] in {"failed", "cancelled", "paused"}:
                raise RuntimeError(seen)
            time.sleep(0.05)
        return dict(seen)

    def train(self, method: str, count: int) -> dict[str, Any]:
        """Run a job on so many rows; the job once it has succeeded."""
        inside: dict[str, Any] = {"hyperparameters": {"n_epochs": 3}}
        body = {
            "model": "o4-mini" if method == "reinforcement" else "gpt-4.1",
            "training_file": self.upload(b"".join(rows(method, count))),
            "trainingType": "Standard",
            "method": {
                "type": method,
                method: inside | ({"grader": _GRADER} if method == "reinforcement" else {}),
            },
        }
        if method == "reinforcement":
            body["validation_file"] = self.upload(b"".join(rows(method, 50)))
        job = self.call("POST", "/openai/v1/fine_tuning/jobs", body)
        return self.until(f"/openai/v1/fine_tuning/jobs/{job['id']}", "succeeded")

    def ask(self, model: str) -> None:
        """Deploy a model and ask it once."""
        path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments/bench"
        inside = {"model": {"format": "OpenAI", "name": model, "version": "1"}}
        body = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": inside}
        self.call("PUT", f"{path}?api-version=2025-09-01", body)
        time.sleep(0.2)
        question = {
            "model": "bench",
            "messages": [{"role": "user", "content": _words(random.Random(2), 120)}],
        }
        self.call("POST", "/openai/v1/chat/completions", question)


def memory(count: int) -> Iterator[str]:
    """Start a stand-in and let it learn; one line per figure."""
    with tempfile.TemporaryDirectory() as directory:
        service = StandIn(Path(directory))
        try:
            yield f"start, first time (certificates are made)  {service.start_s:6.2f} s"
            service.child.stop()
            service = StandIn(Path(directory))
            yield f"start, later                               {service.start_s:6.2f} s"
            time.sleep(1.5)
            yield f"idle                                       {rss_mb(service.pid):6.0f} MB"
            for method in _METHODS:
                with Peak(service.pid) as peak:
                    started = time.perf_counter()
                    job = service.train(method, count)
                    took = time.perf_counter() - started
                yield f"{f'{count:,} rows, 3 epochs, {method}, peak':42} {peak.mb:6.0f} MB   {took:.1f} s"
                if method == "supervised":
                    with Peak(service.pid) as peak:
                        service.ask(job["fine_tuned_model"])
                    yield f"{'asking the model, peak':42} {peak.mb:6.0f} MB"
            with Peak(service.pid) as peak, ThreadPoolExecutor(len(_METHODS)) as threads:
                list(threads.map(lambda method: service.train(method, count), _METHODS))
            yield f"{'all three at once, peak':42} {peak.mb:6.0f} MB"
            yield f"afterwards                                 {rss_mb(service.pid):6.0f} MB"
        finally:
            service.child.stop()


def _median_ms(act: Callable[[], Any]) -> float:
    times = []
    for _ in range(_LOOKS):
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def fill(store: Store, jobs: int, events: int) -> tuple[list[str], list[str]]:
    """Store so many jobs, and so many events of the first one; the ids of both, in the order in which they are listed."""
    made = [f"ftjob-{number:032x}" for number in range(jobs)]
    for number, job in enumerate(made):
        store.put_job(
            {"id": job, "at": float(number), "status": "succeeded", "finished_at": number + 1, "version": 1}
        )
    ids = [f"ftevent-{number:032x}" for number in range(events)]
    store.run("BEGIN")
    for number, event in enumerate(ids):
        store.add_event(
            made[0], {"id": event, "created_at": number, "level": "info", "message": f"Step {number}"}
        )
    store.run("COMMIT")
    return made[::-1], ids[::-1]


def _select(alone: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> list[Any]:
    return [json.loads(row[0]) for row in alone.execute(statement, values)]


def lists() -> Iterator[str]:
    """Page through many jobs and events; one line per figure."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "foundry.sqlite"
        store = Store(path)
        jobs, events = fill(store, _JOBS, _EVENTS)
        alone = sqlite3.connect(path)
        last = jobs[-1]
        looks: list[tuple[str, Callable[[], Page], str, tuple[Any, ...]]] = [
            (
                "jobs",
                lambda: store.jobs(Asked(_PAGE, jobs[99])),
                "SELECT data FROM jobs WHERE at < ? ORDER BY at DESC LIMIT ?",
                (100, _PAGE),
            ),
            (
                "events",
                lambda: store.events(last, Asked(_PAGE, events[_EVENTS // 2])),
                "SELECT data FROM events WHERE job = ? AND number < ? ORDER BY number DESC LIMIT ?",
                (last, _EVENTS // 2, _PAGE),
            ),
        ]
        for name, page, statement, values in looks:
            ours, naive = _median_ms(page), _median_ms(partial(_select, alone, statement, values))
            total = len(jobs) if name == "jobs" else len(events)
            label = f"a page of {_PAGE} of {total:,} {name}"
            yield f"{label:42} {ours:6.2f} ms; SELECT and JSON alone {naive:.2f} ms; ratio {ours / naive:.1f}"
        alone.close()
        store.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    given = parser.parse_args()
    for part in (lists(), memory(given.rows)):
        for line in part:
            print(line, flush=True)  # noqa: T201  # what it is for


if __name__ == "__main__":
    main()
