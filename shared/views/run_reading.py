"""What the page of a run reads, and how often: the page is made of what there is room for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from shared.core.artifacts import Artifact
from shared.core.errors import ArtifactGone
from shared.core.run import Run
from shared.pinning import Pinned, Pins
from shared.ports import World
from shared.run_folder import Evidence

#: Calls to storage that one page may take.
CALLS_MAX: Final = 12


class Reading:
    """Reads for one page, and counts."""

    def __init__(self, world: World, pins: Pins) -> None:
        self._world, self._pins = world, pins
        self._calls = 0
        self.gone: list[str] = []
        """Names of artifacts that are not there as they were stored."""

    def ask[T](self, call: Callable[[], T]) -> T:
        """The answer of one call."""
        self._calls += 1
        return call()

    def has_room(self, calls: int = 1) -> bool:
        """Whether so many more calls may be made."""
        return self._calls + calls <= CALLS_MAX

    def artifact(self, run: Run, artifact: Artifact) -> bytes | None:
        """An artifact as it was stored; None if it is not, or if there is no room."""
        if not self.has_room():
            return None
        try:
            return self.ask(lambda: Evidence(self._world.artifacts, run).compared(artifact))
        except ArtifactGone:
            self.gone.append(artifact.name)
            return None

    def decoded[T](self, run: Run, artifact: Artifact, decode: Callable[[bytes], T]) -> T | None:
        """What an artifact holds; None also if no release that this one knows wrote it."""
        raw = self.artifact(run, artifact)
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            return None if raw is None else decode(raw)
        return None

    def pinned(self, run: Run) -> Pinned | None:
        """What a run is pinned to; None if it is not, or if that cannot be read."""
        if run.spec_digest is None or not self.has_room():
            return None
        with suppress(ArtifactGone):
            return self.ask(lambda: self._pins.of(run))
        return None
