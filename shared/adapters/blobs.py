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
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobServiceClient, ContainerClient, ContentSettings

from shared.adapters.azure_errors import from_azure, translated
from shared.core.errors import DatasetChanged, NotFound
from shared.core.run import DatasetRef

_PIPELINE_BYTES_MAX: Final = 256 * 1024
_PIPELINES_SHOWN: Final = 200
_SPOOL_BYTES: Final = 32 * 1024 * 1024
_RANGE_NOT_SATISFIABLE: Final = 416
_SUFFIXES: Final = (".yaml", ".yml")


class BlobDatasetSource:
    """Container `datasets`: read only, and only at the version that is meant."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self._client = service.get_container_client(container)
        self._container = container

    def properties(self, name: str) -> DatasetRef | None:
        """The present version of a blob, or None."""
        with translated(f"properties of {self._container}/{name}"):
            try:
                return self._ref(self._client.get_blob_client(name).get_blob_properties())
            except ResourceNotFoundError:
                return None

    def chunks(self, name: str, etag: str) -> Iterator[bytes]:
        """The bytes of exactly this version; see `ports.DatasetSource`."""
        blob = self._client.get_blob_client(name)
        try:
            yield from blob.download_blob(
                etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified
            ).chunks()
        except AzureError as error:
            if getattr(error, "status_code", None) in {404, 412}:
                msg = f"{name} is no longer the version {etag}"
                raise DatasetChanged(msg) from error
            raise from_azure(f"read of {self._container}/{name}", error) from error

    def changed_since(self, since: datetime) -> Iterator[DatasetRef]:
        """All blobs modified after `since`."""
        with translated(f"listing of {self._container}"):
            for blob in self._client.list_blobs(include=["metadata"]):
                if blob.last_modified >= since:
                    yield self._ref(blob)

    def _ref(self, blob: BlobProperties) -> DatasetRef:
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
        """Text of a pipeline's file, or None."""
        return next(
            (text for suffix in _SUFFIXES if (text := self.read_text(pipeline + suffix)) is not None), None
        )

    def read_text(self, path: str) -> str | None:
        """Text of a file in the container, or None; too large a file is cut and will not parse.

        Bytes that are no UTF-8 become U+FFFD, which the pipeline file's reader reports with its line.
        """
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            return None
        with translated(f"read of pipelines/{path}"):
            try:
                raw = self._client.download_blob(path, length=_PIPELINE_BYTES_MAX, offset=0).readall()
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if error.status_code != _RANGE_NOT_SATISFIABLE:
                    raise
                return ""  # an empty file has no first byte
        return raw.decode("utf-8-sig", errors="replace")

    def names(self) -> tuple[str, ...]:
        """The pipelines that there are."""
        found: list[str] = []
        with translated("listing of pipelines"):
            for blob in self._client.list_blob_names():
                path = PurePosixPath(str(blob))
                if len(path.parts) == 1 and path.suffix in _SUFFIXES:
                    found.append(path.stem)
                if len(found) == _PIPELINES_SHOWN:
                    break
        return tuple(sorted(set(found)))


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
        with translated(f"read of artifact {name}"):
            try:
                return self._client.download_blob(name).readall()
            except ResourceNotFoundError:
                return None

    def write(self, name: str, data: bytes | BinaryIO, content_type: str) -> None:
        """Store or replace it.  Writing the same again is harmless, so the SDK may repeat it."""
        with translated(f"write of artifact {name}"):
            settings = ContentSettings(content_type=content_type)
            self._client.upload_blob(name, data, overwrite=True, content_settings=settings)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Read an artifact that may be large, from a spooled local copy."""
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as copy:
            with translated(f"read of artifact {name}"):
                try:
                    self._client.download_blob(name).readinto(cast("BinaryIO", copy))
                except ResourceNotFoundError as error:
                    msg = f"there is no artifact {name}"
                    raise NotFound(msg) from error
            copy.seek(0)
            yield cast("BinaryIO", copy)

    def names(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`, in order."""
        with translated(f"listing of artifacts {prefix}"):
            return [str(name) for name in self._client.list_blob_names(name_starts_with=prefix)]
