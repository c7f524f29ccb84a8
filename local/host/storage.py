"""The host's clients of storage, by the names of connections in bindings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient


class Storage:
    """Clients of each connection."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._queues: dict[tuple[str, str], QueueClient] = {}

    def blobs(self, connection: str) -> BlobServiceClient:
        """A client of the blobs of a connection."""
        return BlobServiceClient.from_connection_string(self._environ[connection])

    def queue(self, connection: str, name: str) -> QueueClient:
        """A queue; it is made if it is missing, as the real host does."""
        key = (connection, name)
        if key not in self._queues:
            service = QueueServiceClient.from_connection_string(self._environ[connection])
            client = service.get_queue_client(name)
            with suppress(ResourceExistsError):
                client.create_queue()
            self._queues[key] = client
        return self._queues[key]

    def send(self, connection: str, name: str, text: str) -> None:
        """Send a message in base64."""
        self.send_stored(connection, name, base64.b64encode(text.encode()).decode())

    def send_stored(self, connection: str, name: str, stored: str) -> None:
        """Send a message as it is to lie in the queue."""
        self.queue(connection, name).send_message(stored)
