"""The queue trigger: a message is delivered at least once; after five tries it goes to the poison queue.

What the real host does differs in time only: there a message is taken for ten minutes, so that after a kill it comes again in
about eleven.
"""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Final

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient, QueueMessage

from local.host.checks import HostSettings
from local.host.deliveries import POISON, Step, asked_for, decoded, on_arrival, on_failure
from local.host.dispatch import Dispatcher
from local.host.messages import TypedData
from local.host.storage import Storage
from local.host.worker import Function

_LOG: Final = logging.getLogger(__name__)
_IDLE_S: Final = 0.25
#: Share of the time for which a message is taken, after which that is renewed.
_RENEWED_AT: Final = 0.4


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
            settings = self._settings
            most = asked_for(len(self._tasks), settings.queue_batch_size, settings.queue_batch_more)
            taken = []
            if most > 0:
                try:
                    taken = await asyncio.to_thread(self._receive, queue, most)
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
            queue.receive_messages(
                max_messages=most, messages_per_page=most, visibility_timeout=self._settings.lease_s
            )
        )

    async def _handle(self, queue: QueueClient, message: QueueMessage) -> None:
        content, tries = decoded(message.content), message.dequeue_count or 1
        step: Step | None = on_arrival(
            self._name, tries, self._settings.queue_tries_max, is_readable=content is not None
        )
        if content is not None and step is Step.RUN:
            is_ok = await self._run(queue, message, content)
            step = None if is_ok else on_failure(self._name, tries, self._settings.queue_tries_max)
        try:
            await asyncio.to_thread(self._settle, queue, message, step)
        except AzureError as error:
            _LOG.warning("queue %s: message %s could not be settled: %s", self._name, message.id, error)

    async def _run(self, queue: QueueClient, message: QueueMessage, content: bytes) -> bool:
        """Invoke the function; whether it was done.  Bytes that are not UTF-8 fail before it."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            _LOG.error("queue %s: message %s is not UTF-8", self._name, message.id)
            return False
        renewal = asyncio.get_running_loop().create_task(self._renew(queue, message))
        try:
            outcome = await self._dispatch.invoke(self._function, TypedData(string=text), _metadata(message))
        finally:
            renewal.cancel()
        return outcome.is_ok

    async def _renew(self, queue: QueueClient, message: QueueMessage) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s * _RENEWED_AT)
            try:
                renewed = await asyncio.to_thread(
                    queue.update_message, message, visibility_timeout=self._settings.lease_s
                )
                message.pop_receipt = renewed.pop_receipt
            except AzureError as error:
                _LOG.warning("queue %s: lease of %s not renewed: %s", self._name, message.id, error)

    def _settle(self, queue: QueueClient, message: QueueMessage, step: Step | None) -> None:
        """Take the step after a failure; None: it was done."""
        if step is Step.LEAVE:
            return
        if step is Step.RELEASE:
            queue.update_message(message, visibility_timeout=int(self._settings.queue_visibility_s))
            return
        if step is Step.MOVE:
            self._storage.send_stored(self._connection, f"{self._name}{POISON}", message.content)
        queue.delete_message(message)


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
