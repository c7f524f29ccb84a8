"""Twins of the three containers.  `put` is the hand that drops files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO

from shared.core import naming
from shared.core.errors import DatasetChanged, NotFound, Refused
from shared.core.run import DatasetRef
from shared.ports import Clock
from tests.twins.faults import Faults

_PIPELINES_SHOWN = 200
_PROMPT_BYTES_MAX = 256 * 1024
_SET_BYTES_MAX = 16 * 1024 * 1024


def _as_it_says(name: str) -> None:
    if not naming.is_safe(name):
        raise Refused(name)


class TwinDatasetSource(Faults):
    """Container `datasets`.

    Attributes:
        page_names: most names in one page of a listing.
    """

    def __init__(self, clock: Clock, *, chunk_bytes: int = 4 * 1024 * 1024, page_names: int = 5000) -> None:
        super().__init__()
        self._clock = clock
        self._chunk_bytes = chunk_bytes
        self.page_names = page_names
        self._blobs: dict[str, tuple[DatasetRef, bytes]] = {}
        self._versions = 0

    def put(self, name: str, data: bytes, *, uploaded_by: str | None = None) -> DatasetRef:
        """Drop a file, or overwrite it."""
        with self._lock:
            self._versions += 1
            dataset = DatasetRef(
                container="datasets",
                name=name,
                etag=f"0x{self._versions:X}",
                size_bytes=len(data),
                modified_at=self._clock.now(),
                uploaded_by=uploaded_by,
            )
            self._blobs[name] = (dataset, data)
            return dataset

    def remove(self, name: str) -> None:
        """Delete a file."""
        del self._blobs[name]

    def properties(self, name: str) -> DatasetRef | None:
        """See `ports.DatasetSource`."""
        _as_it_says(name)
        with self._call("properties"):
            return self._blobs[name][0] if name in self._blobs else None

    def chunks(self, name: str, etag: str) -> Iterator[bytes]:
        """See `ports.DatasetSource`; the version is compared at each chunk."""
        _as_it_says(name)
        at = 0
        while True:
            with self._call("chunks"):
                dataset, data = self._blobs.get(name, (None, b""))
                if dataset is None or dataset.etag != etag:
                    msg = f"{name} is no longer the version {etag}"
                    raise DatasetChanged(msg)
                part = data[at : at + self._chunk_bytes]
            if not part:
                return
            yield part
            at += len(part)

    def changed_since(self, since: datetime) -> Iterator[list[DatasetRef]]:
        """See `ports.DatasetSource`."""
        with self._call("changed_since"):
            listed = [dataset for dataset, _ in self._blobs.values()]
        for at in range(0, max(len(listed), 1), self.page_names):
            yield [dataset for dataset in listed[at : at + self.page_names] if dataset.modified_at >= since]


class TwinPipelineFiles(Faults):
    """Container `pipelines`."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}

    def put(self, path: str, text: str) -> None:
        """Store a file."""
        self._texts[path] = text

    def read_set(self, path: str) -> bytes | None:
        """See `ports.PipelineFiles`."""
        with self._call("read_set"):
            text = self._texts.get(path)
            raw = None if text is None else text.encode()
            if raw is not None and len(raw) > _SET_BYTES_MAX:
                msg = f"pipelines/{path} is larger than {_SET_BYTES_MAX} bytes"
                raise Refused(msg)
            return raw

    def read(self, pipeline: str) -> str | None:
        """See `ports.PipelineFiles`."""
        with self._call("read"):
            return self._texts.get(f"{pipeline}.yaml", self._texts.get(f"{pipeline}.yml"))

    def read_text(self, path: str) -> str | None:
        """See `ports.PipelineFiles`."""
        with self._call("read_text"):
            text = self._texts.get(path)
            if text is not None and len(text.encode()) > _PROMPT_BYTES_MAX:
                msg = f"pipelines/{path} is larger than {_PROMPT_BYTES_MAX} bytes"
                raise Refused(msg)
            return text

    def names(self) -> tuple[str, ...]:
        """See `ports.PipelineFiles`."""
        with self._call("names"):
            stems = {
                path.rpartition(".")[0]
                for path in self._texts
                if "/" not in path and path.endswith((".yaml", ".yml"))
            }
            return tuple(sorted(stems)[:_PIPELINES_SHOWN])


class TwinArtifacts(Faults):
    """Container `artifacts`.

    Attributes:
        content_types: of what was written, by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self._blobs: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}

    def read(self, name: str) -> bytes | None:
        """See `ports.Artifacts`."""
        _as_it_says(name)
        with self._call("read"):
            return self._blobs.get(name)

    def write(self, name: str, data: bytes | BinaryIO, content_type: str) -> None:
        """See `ports.Artifacts`."""
        _as_it_says(name)
        with self._call("write"):
            self._blobs[name] = data if isinstance(data, bytes) else data.read()
            self.content_types[name] = content_type

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """See `ports.Artifacts`."""
        _as_it_says(name)
        with self._call("open"):
            if name not in self._blobs:
                msg = f"there is no artifact {name}"
                raise NotFound(msg)
            copy = io.BytesIO(self._blobs[name])
        with copy:
            yield copy

    def names(self, prefix: str) -> list[str]:
        """See `ports.Artifacts`."""
        with self._call("names"):
            return sorted(name for name in self._blobs if name.startswith(prefix))
