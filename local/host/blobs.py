"""The blob trigger, by polling.  Every version of a blob is delivered until it succeeds, or until it counts as poison."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any, Final

from azure.core.exceptions import AzureError

from local.host.checks import HostSettings
from local.host.dispatch import Dispatcher
from local.host.messages import PROTOCOL, TypedData
from local.host.storage import Storage
from local.host.worker import Function

_LOG: Final = logging.getLogger(__name__)
_SCAN_S: Final = 1.0
POISON_QUEUE: Final = "webjobs-blobtrigger-poison"


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
        self._done = _read_lines(self._receipts_path)
        self._busy: set[str] = set()
        self._slots = asyncio.Semaphore(settings.blob_parallel)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            try:
                for name, etag in await asyncio.to_thread(self._scan):
                    self._begin(name, etag)
            except AzureError as error:
                _LOG.warning("scan of %s failed: %s", self._container, error)
            await asyncio.sleep(_SCAN_S)

    def _scan(self) -> list[tuple[str, str]]:
        container = self._storage.blobs(self._connection).get_container_client(self._container)
        return [(str(blob.name), str(blob.etag).strip('"')) for blob in container.list_blobs()]

    def _begin(self, name: str, etag: str) -> None:
        receipt = json.dumps([name, etag])
        if receipt in self._done or receipt in self._busy:
            return
        self._busy.add(receipt)
        task = asyncio.get_running_loop().create_task(self._deliver(name, etag, receipt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, name: str, etag: str, receipt: str) -> None:
        async with self._slots:
            for _ in range(self._settings.blob_tries_max):
                outcome = await self._dispatch.invoke(self._function, self._binding(name))
                if outcome.is_ok:
                    break
            else:
                await asyncio.to_thread(self._poison, name, etag)
            # Only now, so that a host that is killed before this delivers it again.
            with self._receipts_path.open("a") as receipts:
                receipts.write(receipt + "\n")
            self._done.add(receipt)
            self._busy.discard(receipt)

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
            "FunctionId": f"Host.Functions.{self._function.name}",
            "BlobType": "BlockBlob",
            "ContainerName": self._container,
            "BlobName": name,
            "ETag": f'"{etag}"',
        }
        self._storage.send(self._connection, POISON_QUEUE, json.dumps(message))


def _read_lines(path: Path) -> set[str]:
    """The whole lines of a file.  A host that is killed while it writes leaves half a line, which is not a receipt."""
    if not path.exists():
        return set()
    return {line.rstrip("\n") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")}
