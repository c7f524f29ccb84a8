"""Clients of the storage account, with bounded times: azure-core's own limit of a week would break every settle law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

_CONNECT_S: Final = 10
_READ_S: Final = 30
_TIMES: Final[dict[str, Any]] = {"connection_timeout": _CONNECT_S, "read_timeout": _READ_S, "retry_total": 2}
#: Seconds between tries; the SDK's own 15 keep a function busy for three quarters of a minute (measured).
_BACKOFF: Final[dict[str, Any]] = {"initial_backoff": 1, "increment_base": 1, "random_jitter_range": 1}
#: Blob reads repeat harmlessly; a block of this size is fetched at a time.
_BLOCK_BYTES: Final = 4 * 1024 * 1024


def make_blob_service(
    connection_string: str | None, uri: str | None, credential: Callable[[], TokenCredential]
) -> BlobServiceClient:
    """A client of the blobs, by connection string or by address and identity."""
    options = _TIMES | _BACKOFF | {"max_single_get_size": _BLOCK_BYTES, "max_chunk_get_size": _BLOCK_BYTES}
    if connection_string is not None:
        return BlobServiceClient.from_connection_string(connection_string, **options)
    assert uri is not None
    return BlobServiceClient(uri, credential=credential(), **options)


def make_table_service(
    connection_string: str | None, uri: str | None, credential: Callable[[], TokenCredential]
) -> TableServiceClient:
    """A client of the tables.

    It never repeats a request: a write whose answer was lost would come back as a conflict with itself (measured), and the
    reconciler looks again anyway.
    """
    options = _TIMES | {"retry_total": 0}
    if connection_string is not None:
        return TableServiceClient.from_connection_string(connection_string, **options)
    assert uri is not None
    return TableServiceClient(endpoint=uri, credential=credential(), **options)
