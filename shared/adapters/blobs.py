"""Datasets, pipeline files and artifacts in Blob storage."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath
from typing import BinaryIO, Final, cast

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobProperties,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    StorageStreamDownloader,
)

from shared.adapters.azure_errors import translated
from shared.core import naming
from shared.core.endings import UNSAFE_NAME
from shared.core.errors import DatasetChanged, NotFound, Refused
from shared.core.run import DatasetRef

_PIPELINE_BYTES_MAX: Final = 256 * 1024
_SET_BYTES_MAX: Final = 16 * 1024 * 1024
_PIPELINES_SHOWN: Final = 200
#: More of a pipeline file is read than its reader takes (UTF-8 has at most 4 bytes per character), so that the reader refuses a
#: larger one.  A file that was merely cut might still parse, without the budget that stood at its end.
_READ_BYTES_MAX: Final = 4 * (_PIPELINE_BYTES_MAX + 8)
_SPOOL_BYTES: Final = 32 * 1024 * 1024
_RANGE_NOT_SATISFIABLE: Final = 416
_ANOTHER_VERSION: Final = frozenset({404, 412})
_SUFFIXES: Final = (".yaml", ".yml")


def _whole(download: StorageStreamDownloader[bytes]) -> Iterator[bytes]:
    """The chunks of a download, to its promised end.

    The client takes any body for the range that it asked for (measured: half of one, and a sign-in page in the middle).
    A dataset with a hole must not pass for a dataset.

    Raises:
        ValueError: if the chunks are not as long as the blob; `translated` turns it into an error of ours.
    """
    received = 0
    for chunk in download.chunks():
        received += len(chunk)
        if chunk:
            yield chunk
    if received != download.size:
        msg = f"{received} bytes came instead of {download.size}"
        raise ValueError(msg)


def _as_it_says(name: str) -> str:
    """The name of a blob, before it is sent: clients resolve `..`, so that another container would answer.

    Raises:
        Refused: if it may lead elsewhere.
    """
    if not naming.is_safe(name):
        msg = f"{name} is not asked for: it has a segment . or .., or control characters"
        raise Refused(msg, remedy=UNSAFE_NAME.remedy)
    return name


class BlobDatasetSource:
    """Container `datasets`: only read, and only the version that is asked for."""

    def __init__(self, service: BlobServiceClient, container: str, *, page_names: int | None = None) -> None:
        """Read a container.

        Args:
            service: client of the storage account.
            container: name of the container.
            page_names: most names in one page of a listing; None: as many as the service gives, which is 5,000.
        """
        self._client = service.get_container_client(container)
        self._container = container
        self._page_names = page_names

    def properties(self, name: str) -> DatasetRef | None:
        """The present version of a blob, or None."""
        _as_it_says(name)
        with translated(f"properties of {self._container}/{name}"):
            try:
                return self._ref(self._client.get_blob_client(name).get_blob_properties())
            except ResourceNotFoundError:
                return None

    def chunks(self, name: str, etag: str) -> Iterator[bytes]:
        """The bytes of exactly this version; see `ports.DatasetSource`."""
        blob = self._client.get_blob_client(_as_it_says(name))
        with translated(f"read of {self._container}/{name}"):
            try:
                yield from _whole(
                    blob.download_blob(etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified)
                )
            except HttpResponseError as error:
                if error.status_code not in _ANOTHER_VERSION:
                    raise
                msg = f"{name} is no longer the version {etag}"
                raise DatasetChanged(msg) from error

    def changed_since(self, since: datetime) -> Iterator[list[DatasetRef]]:
        """All blobs modified since then, page by page; see `ports.DatasetSource`."""
        with translated(f"listing of {self._container}"):
            found = self._client.list_blobs(include=["metadata"], results_per_page=self._page_names)
            for page in found.by_page():
                yield [self._ref(blob) for blob in page if blob.last_modified >= since]

    def _ref(self, blob: BlobProperties) -> DatasetRef:
        if not blob.etag:
            msg = "the answer has no version"
            raise ValueError(msg)
        metadata = {key.lower(): value for key, value in (blob.metadata or {}).items()}
        return DatasetRef(
            container=self._container,
            name=str(blob.name),
            etag=str(blob.etag).strip('"'),
            size_bytes=int(blob.size),
            modified_at=blob.last_modified,
            uploaded_by=metadata.get("uploaded_by"),
        )


class BlobPipelineFiles:
    """Container `pipelines`: pipeline files, and the prompts that they name."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._client = service.get_container_client(container)

    def read(self, pipeline: str) -> str | None:
        """Text of a pipeline's file, or None; of a file larger than its reader takes, enough for it to say so.

        Bytes that are not UTF-8 become U+FFFD, which the reader reports with their line.
        """
        raw = next((raw for suffix in _SUFFIXES if (raw := self._read(pipeline + suffix)) is not None), None)
        return None if raw is None else _text(raw)

    def read_text(self, path: str) -> str | None:
        """Text of a file in the container, or None.

        Raises:
            Refused: if it is larger than 256 KiB: half a prompt would be measured as if it were all of it.
        """
        raw = self._read(path)
        if raw is not None and len(raw) > _PIPELINE_BYTES_MAX:
            msg = f"pipelines/{path} is larger than {_PIPELINE_BYTES_MAX} bytes"
            raise Refused(msg, remedy="Shorten the file; it is sent with every request.")
        return None if raw is None else _text(raw)

    def read_set(self, path: str) -> bytes | None:
        """Bytes of a file of rows, or None.

        Raises:
            Refused: if it is larger than 16 MiB: half a set would be measured as if it were all of it.
        """
        raw = self._read(path, _SET_BYTES_MAX + 1)
        if raw is not None and len(raw) > _SET_BYTES_MAX:
            msg = f"pipelines/{path} is larger than {_SET_BYTES_MAX} bytes"
            raise Refused(msg, remedy="Shorten the file: at most 10,000 rows are asked anyhow.")
        return raw

    def _read(self, path: str, most: int = _READ_BYTES_MAX) -> bytes | None:
        if not path or path.startswith("/") or not naming.is_safe(path):
            return None
        with translated(f"read of pipelines/{path}"):
            try:
                return b"".join(_whole(self._client.download_blob(path, length=most, offset=0)))
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if error.status_code != _RANGE_NOT_SATISFIABLE:
                    raise
                return b""  # an empty file has no first byte

    def names(self) -> tuple[str, ...]:
        """Names of the pipelines."""
        found: list[str] = []
        with translated("listing of pipelines"):
            for blob in self._client.list_blob_names():
                path = PurePosixPath(str(blob))
                if len(path.parts) == 1 and path.suffix in _SUFFIXES:
                    found.append(path.stem)
                if len(found) == _PIPELINES_SHOWN:
                    break
        return tuple(sorted(set(found)))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8-sig", errors="replace")


class BlobArtifacts:
    """Container `artifacts`, made when it is missing."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._service = service
        self._container = container

    @cached_property
    def _client(self) -> ContainerClient:
        client = self._service.get_container_client(self._container)
        with translated("container of artifacts"), suppress(ResourceExistsError):
            client.create_container()
        return client

    def read(self, name: str) -> bytes | None:
        """The whole artifact, or None."""
        _as_it_says(name)
        with translated(f"read of artifact {name}"):
            try:
                return b"".join(_whole(self._client.download_blob(name)))
            except ResourceNotFoundError:
                return None

    def write(self, name: str, data: bytes | BinaryIO, content_type: str) -> None:
        """Store or replace it.  Writing the same again is harmless, so the SDK may repeat it."""
        _as_it_says(name)
        with translated(f"write of artifact {name}"):
            settings = ContentSettings(content_type=content_type)
            self._client.upload_blob(name, data, overwrite=True, content_settings=settings)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Read an artifact that may be large, from a spooled local copy."""
        _as_it_says(name)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as copy:
            with translated(f"read of artifact {name}"):
                try:
                    copy.writelines(_whole(self._client.download_blob(name)))
                except ResourceNotFoundError as error:
                    msg = f"there is no artifact {name}"
                    raise NotFound(msg) from error
            copy.seek(0)
            yield cast("BinaryIO", copy)

    def names(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`, in order."""
        with translated(f"listing of artifacts {prefix}"):
            return [str(name) for name in self._client.list_blob_names(name_starts_with=prefix)]
