"""The blob trigger, by polling.  Every version of a blob is delivered until it succeeds, or until it counts as poison.

Tries are counted before they begin, in a file: a version over which the process died five times is poison without a sixth.
After a kill it is tried again at once; in Azure that takes about eleven minutes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, deque
from pathlib import Path
from typing import Any, Final

from azure.core.exceptions import AzureError

from local.host.checks import HostSettings
from local.host.deliveries import Step, asked_for, blob_batch, on_arrival, on_failure
from local.host.dispatch import Dispatcher
from local.host.messages import PROTOCOL, TypedData
from local.host.storage import Storage
from local.host.worker import Function

_LOG: Final = logging.getLogger(__name__)
_SCAN_S: Final = 1.0
POISON_QUEUE: Final = "webjobs-blobtrigger-poison"
#: Of the host, for all its blob functions; here it is in memory.
_QUEUE: Final = "webjobs-blobtrigger"


class BlobListener:
    """Scans one container for versions that have no receipt yet."""

    def __init__(
        self,
        function: Function,
        dispatcher: Dispatcher,
        storage: Storage,
        settings: HostSettings,
        state_dir: Path,
    ) -> None:
        self._function = function
        self._dispatch = dispatcher
        self._storage = storage
        self._settings = settings
        self._connection = str(function.trigger["connection"])
        self._container = str(function.trigger["path"]).partition("/")[0]
        self._receipts_path = state_dir / f"receipts-{function.name}.txt"
        self._done = set(_read_lines(self._receipts_path))
        self._tries_path = state_dir / f"tries-{function.name}.txt"
        self._tries = Counter(_read_lines(self._tries_path))
        self._batch, self._more = blob_batch(settings.blob_parallel)
        self._busy: set[str] = set()
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            try:
                for name, etag in await asyncio.to_thread(self._scan):
                    self._note(name, etag)
                self._pump()
            except AzureError as error:
                _LOG.warning("scan of %s failed: %s", self._container, error)
            await asyncio.sleep(_SCAN_S)

    def _scan(self) -> list[tuple[str, str]]:
        container = self._storage.blobs(self._connection).get_container_client(self._container)
        return [(str(blob.name), str(blob.etag).strip('"')) for blob in container.list_blobs()]

    def _note(self, name: str, etag: str) -> None:
        receipt = json.dumps([name, etag])
        if receipt not in self._done and receipt not in self._busy:
            self._busy.add(receipt)
            self._waiting.append((name, etag, receipt))

    def _pump(self) -> None:
        """Begin the next batch, if so few are running that one is asked for."""
        most = asked_for(len(self._tasks), self._batch, self._more)
        for _ in range(min(most, len(self._waiting))):
            task = asyncio.get_running_loop().create_task(self._deliver(*self._waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._pump()

    async def _deliver(self, name: str, etag: str, receipt: str) -> None:
        while (step := await self._try(name, receipt)) is Step.RELEASE:
            continue
        if step is Step.MOVE:
            await asyncio.to_thread(self._poison, name, etag)
        # Only now, so that a host that is killed before this delivers it again.
        _append(self._receipts_path, receipt)
        self._done.add(receipt)
        self._busy.discard(receipt)

    async def _try(self, name: str, receipt: str) -> Step | None:
        """One try; None if it was done."""
        most = self._settings.blob_tries_max
        self._tries[receipt] += 1
        _append(self._tries_path, receipt)
        step = on_arrival(_QUEUE, self._tries[receipt], most, is_readable=True)
        if step is not Step.RUN:
            return step
        outcome = await self._dispatch.invoke(self._function, self._binding(name))
        return None if outcome.is_ok else on_failure(_QUEUE, self._tries[receipt], most)

    def _binding(self, name: str) -> TypedData:
        content = {"Connection": self._connection, "ContainerName": self._container, "BlobName": name}
        if self._is_deferred():
            return TypedData(
                model_binding_data=PROTOCOL.ModelBindingData(
                    version="1.0",
                    source="AzureStorageBlobs",
                    content_type="application/json",
                    content=json.dumps(content).encode(),
                )
            )
        blob = self._storage.blobs(self._connection).get_blob_client(self._container, name)
        return TypedData(bytes=blob.download_blob().readall())

    def _is_deferred(self) -> bool:
        properties: dict[str, Any] = self._function.trigger.get("properties") or {}
        return bool(properties.get("SupportsDeferredBinding") or properties.get("supportsDeferredBinding"))

    def _poison(self, name: str, etag: str) -> None:
        message = {
            "Type": "BlobTrigger",
            "FunctionId": f"Host.Functions.{self._function.name}",
            "BlobType": "BlockBlob",
            "ContainerName": self._container,
            "BlobName": name,
            "ETag": f'"{etag}"',
        }
        text = json.dumps(message, indent=2, ensure_ascii=False)
        self._storage.send(self._connection, POISON_QUEUE, text)


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


def _read_lines(path: Path) -> list[str]:
    """The whole lines of a file.  A host that is killed while it writes leaves half a line, which does not count."""
    if not path.exists():
        return []
    return [line.rstrip("\n") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
