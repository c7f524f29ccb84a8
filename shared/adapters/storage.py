"""Clients of the storage account, with bounded times: azure-core's own limit of a week would break every settle law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from shared.adapters.bounds import ANSWER_BYTES_MAX, bounded_transport


@dataclass(frozen=True, slots=True)
class Patience:
    """How long storage is waited for.

    Attributes:
        connect_s: longest wait for a connection.
        read_s: longest silence.
        answer_s: longest life of one request; enough for a block at 35 KB/s.
        blob_retries: further tries of a blob request.
        backoff_s: pause before the first of them; with the SDK's own 15 a function is busy for 45 seconds (measured).
        answer_bytes_max: longest answer.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    answer_s: float = 120.0
    blob_retries: int = 2
    backoff_s: float = 1.0
    answer_bytes_max: int = ANSWER_BYTES_MAX

    def options(self, retries: int) -> dict[str, Any]:
        """Options of a storage client."""
        transport = bounded_transport(
            connect_s=self.connect_s,
            read_s=self.read_s,
            answer_s=self.answer_s,
            bytes_max=self.answer_bytes_max,
        )
        backoff = {"initial_backoff": self.backoff_s, "increment_base": 1, "random_jitter_range": 1}
        return {"transport": transport, "retry_total": retries} | backoff


_PATIENCE: Final = Patience()
#: Blobs are read in blocks of this size, each of which may be repeated.
_BLOCK_BYTES: Final = 4 * 1024 * 1024


def make_blob_service(
    connection_string: str | None,
    uri: str | None,
    credential: Callable[[], TokenCredential],
    patience: Patience = _PATIENCE,
) -> BlobServiceClient:
    """A client of the blobs, by connection string or by address and identity."""
    blocks = {"max_single_get_size": _BLOCK_BYTES, "max_chunk_get_size": _BLOCK_BYTES}
    options = patience.options(patience.blob_retries) | blocks
    if connection_string is not None:
        return BlobServiceClient.from_connection_string(connection_string, **options)
    assert uri is not None
    return BlobServiceClient(uri, credential=credential(), **options)


def make_table_service(
    connection_string: str | None,
    uri: str | None,
    credential: Callable[[], TokenCredential],
    patience: Patience = _PATIENCE,
) -> TableServiceClient:
    """A client of the tables.

    It never repeats a request: a write whose answer was lost would come back as a conflict with itself (measured), and the
    reconciler looks again anyway.
    """
    options = patience.options(0)
    if connection_string is not None:
        return TableServiceClient.from_connection_string(connection_string, **options)
    assert uri is not None
    return TableServiceClient(endpoint=uri, credential=credential(), **options)
