"""The folder of a run in the container `artifacts`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import msgspec

from shared.core import naming
from shared.core.artifacts import Artifact
from shared.core.errors import ArtifactGone
from shared.ports import Artifacts


class RunFolder:
    """Reads and writes a run's artifacts.

    All methods raise `Retryable` if storage does not answer.
    """

    def __init__(self, artifacts: Artifacts, run_id: str) -> None:
        self._artifacts = artifacts
        self._run_id = run_id

    def read(self, artifact: Artifact) -> bytes | None:
        """The whole artifact, or None; for small ones."""
        return self._artifacts.read(self._path(artifact.name))

    def decoded[T](self, artifact: Artifact, decode: Callable[[bytes], T]) -> T | None:
        """What a small artifact holds, or None if it is not there.

        Raises:
            ArtifactGone: if it cannot be read as what it should be.
        """
        raw = self.read(artifact)
        try:
            return None if raw is None else decode(raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            msg = f"{artifact.name} cannot be read ({error})"
            raise ArtifactGone(msg) from error

    def open(self, artifact: Artifact) -> AbstractContextManager[BinaryIO]:
        """An artifact that may be large.

        Raises:
            NotFound: if it is not there.
        """
        return self._artifacts.open(self._path(artifact.name))

    def names(self, prefix: str = "") -> list[str]:
        """Names that begin with `prefix`, in order, without the folder."""
        folder = self._path("")
        return [name.removeprefix(folder) for name in self._artifacts.names(self._path(prefix))]

    def write(self, artifact: Artifact, data: bytes | BinaryIO) -> None:
        """Store or replace an artifact."""
        self._artifacts.write(self._path(artifact.name), data, artifact.content_type)

    def write_json(self, artifact: Artifact, value: Any) -> None:
        """Store or replace an artifact by the JSON of a value."""
        self.write(artifact, msgspec.json.encode(value))

    def _path(self, name: str) -> str:
        return naming.artifact(self._run_id, name)
