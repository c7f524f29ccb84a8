"""The queue trigger: a message is delivered at least once; after five tries it goes to the poison queue."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from datetime import UTC, datetime
from typing import Final

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient, QueueMessage

from local.host.checks import HostSettings
from local.host.dispatch import Dispatcher
from local.host.messages import TypedData
from local.host.storage import Storage
from local.host.worker import Function

_LOG: Final = logging.getLogger(__name__)
_IDLE_S: Final = 0.25
#: A message is invisible for so many seconds, renewed while its function runs.  After a kill it is back in this time.
_LEASE_S: Final = 10
_RENEW_S: Final = 4


class QueueListener:
    """Delivers the messages of one queue."""

    def __init__(
        self,
        function: Function,
        queue_name: str,
        dispatcher: Dispatcher,
        storage: Storage,
        settings: HostSettings,
    ) -> None:
        self._function = function
        self._name = queue_name
        self._connection = str(function.trigger["connection"])
        self._dispatch = dispatcher
        self._storage = storage
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take messages until cancelled."""
        queue = await self._open()
        while True:
            free = self._settings.queue_batch_size - len(self._tasks)
            taken = []
            if free > 0:
                try:
                    taken = await asyncio.to_thread(self._receive, queue, min(free, 32))
                except AzureError as error:
                    _LOG.warning("queue %s: %s", self._name, error)
            for message in taken:
                task = asyncio.get_running_loop().create_task(self._handle(queue, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not taken:
                await asyncio.sleep(_IDLE_S)

    async def _open(self) -> QueueClient:
        while True:
            try:
                return await asyncio.to_thread(self._storage.queue, self._connection, self._name)
            except AzureError as error:
                _LOG.warning("queue %s: %s", self._name, error)
                await asyncio.sleep(1)

    def _receive(self, queue: QueueClient, most: int) -> list[QueueMessage]:
        return list(
            queue.receive_messages(max_messages=most, messages_per_page=most, visibility_timeout=_LEASE_S)
        )

    async def _handle(self, queue: QueueClient, message: QueueMessage) -> None:
        renewal = asyncio.get_running_loop().create_task(self._renew(queue, message))
        try:
            outcome = await self._dispatch.invoke(
                self._function, TypedData(string=_text(message)), _metadata(message)
            )
        finally:
            renewal.cancel()
        try:
            await asyncio.to_thread(self._settle, queue, message, is_ok=outcome.is_ok)
        except AzureError as error:
            _LOG.warning("queue %s: message %s could not be settled: %s", self._name, message.id, error)

    async def _renew(self, queue: QueueClient, message: QueueMessage) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                renewed = await asyncio.to_thread(queue.update_message, message, visibility_timeout=_LEASE_S)
                message.pop_receipt = renewed.pop_receipt
            except AzureError as error:
                _LOG.warning("queue %s: lease of %s not renewed: %s", self._name, message.id, error)

    def _settle(self, queue: QueueClient, message: QueueMessage, *, is_ok: bool) -> None:
        if not is_ok and (message.dequeue_count or 0) < self._settings.queue_tries_max:
            queue.update_message(message, visibility_timeout=int(self._settings.queue_visibility_s))
            return
        if not is_ok:
            poison = f"{self._name}-poison"
            self._storage.send(self._connection, poison, _text(message))
        queue.delete_message(message)


def _text(message: QueueMessage) -> str:
    """The decoded message; one that is not base64 is passed on as it is."""
    try:
        return base64.b64decode(message.content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return str(message.content)


def _metadata(message: QueueMessage) -> dict[str, TypedData]:
    def moment(at: datetime | None) -> TypedData:
        return TypedData(json=json.dumps((at or datetime.now(UTC)).isoformat()))

    return {
        "Id": TypedData(string=message.id),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "InsertionTime": moment(message.inserted_on),
        "ExpirationTime": moment(message.expires_on),
        "NextVisibleTime": moment(message.next_visible_on),
        "PopReceipt": TypedData(string=message.pop_receipt),
    }
