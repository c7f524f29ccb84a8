"""The folder of a run in the container `artifacts`, and that part of it which the run's row vouches for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, Final

import msgspec

from shared.core import naming
from shared.core.artifacts import Artifact
from shared.core.errors import ArtifactGone, NotFound
from shared.core.run import Run
from shared.ports import Artifacts

_BLOCK_BYTES: Final = 1024 * 1024


class RunFolder:
    """Reads and writes a run's artifacts.

    All methods raise `Retryable` if storage does not answer.
    """

    def __init__(self, artifacts: Artifacts, run_id: str) -> None:
        self._artifacts = artifacts
        self._run_id = run_id
        self.written: dict[str, str] = {}
        """SHA-256 of what was written by way of this object, by name."""

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
        """Store or replace an artifact; its SHA-256 is in `written`."""
        self.written[artifact.name] = sha256_of(data)
        self._artifacts.write(self._path(artifact.name), data, artifact.content_type)

    def write_json(self, artifact: Artifact, value: Any) -> None:
        """Store or replace an artifact by the JSON of a value."""
        self.write(artifact, msgspec.json.encode(value))

    def _path(self, name: str) -> str:
        return naming.artifact(self._run_id, name)


class Evidence(RunFolder):
    """What of a run's folder its row vouches for: other files are as if they were not there.

    Whoever may write artifacts could make the app believe anything.  So each file is compared with the SHA-256 that the row of
    the run holds, which is written with its history and never by way of a file.  What is written here is known at once.
    """

    def __init__(self, artifacts: Artifacts, run: Run) -> None:
        super().__init__(artifacts, run.id)
        self._known = run.known_files

    def knows(self, artifact: Artifact) -> bool:
        """Whether the row vouches for an artifact, which may have been changed or deleted since."""
        return self._expected(artifact) is not None

    def raw(self, artifact: Artifact) -> bytes | None:
        """An artifact as it is there, compared with nothing."""
        return super().read(artifact)

    def compared(self, artifact: Artifact) -> bytes | None:
        """An artifact as it is there, compared if the row knows it; None if it does not, and it is not there.

        Raises:
            ArtifactGone: if it was changed or deleted.
        """
        return self.read(artifact) if self.knows(artifact) else self.raw(artifact)

    def read(self, artifact: Artifact) -> bytes | None:
        """The whole artifact, or None if the row does not know it.

        Raises:
            ArtifactGone: if it was changed or deleted.
        """
        expected = self._expected(artifact)
        if expected is None:
            return None
        raw = super().read(artifact)
        _insist(artifact.name, expected, None if raw is None else sha256_of(raw))
        return raw

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[BinaryIO]:
        """An artifact that may be large: a copy, which nobody changes after it was compared.

        Raises:
            ArtifactGone: if it was changed or deleted, or the row does not know it.
        """
        expected = self._expected(artifact)
        try:
            with super().open(artifact) as content:
                _insist(artifact.name, expected, sha256_of(content))
                yield content
        except NotFound as error:
            raise _gone(artifact.name, "was deleted") from error

    def changed(self, artifacts: Iterable[Artifact]) -> list[str]:
        """Names of those that the row knows and that are not there as they were stored."""
        found = []
        for artifact in artifacts:
            try:
                self.read(artifact)
            except ArtifactGone:
                found.append(artifact.name)
        return found

    def insist(self, artifacts: Iterable[Artifact]) -> None:
        """See to it that those which the row knows are there as they were stored.

        Raises:
            ArtifactGone: if one is not.
        """
        for artifact in artifacts:
            self.read(artifact)

    def _expected(self, artifact: Artifact) -> str | None:
        return self.written.get(artifact.name) or self._known.get(artifact.name)


def sha256_of(data: bytes | BinaryIO) -> str:
    """SHA-256 in hexadecimal; a file is read from its beginning, and is there again afterwards."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    sha256 = hashlib.sha256()
    data.seek(0)
    while block := data.read(_BLOCK_BYTES):
        sha256.update(block)
    data.seek(0)
    return sha256.hexdigest()


def _insist(name: str, expected: str | None, found: str | None) -> None:
    if expected is None:
        raise _gone(name, "is not known to the run")
    if found is None:
        raise _gone(name, "was deleted")
    if found != expected:
        raise _gone(name, f"was changed since it was stored: its SHA-256 is {found}, not {expected}")


def _gone(name: str, what: str) -> ArtifactGone:
    return ArtifactGone(f"{name} {what}")
