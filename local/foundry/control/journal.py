"""A journal of the last requests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

ENTRIES_MAX: Final = 1_000
BODY_BYTES_MAX: Final = 4_096


@dataclass(slots=True)
class Entry:
    """One request.  Of its headers only the name of the client is noted, since others hold tokens."""

    number: int
    at: float
    method: str
    path: str
    query: str
    agent: str = ""
    """The client, by its header User-Agent."""
    route: str | None = None
    """The template of the route that answered; None if there is none, or if the request was not applied."""
    status: int | None = None
    """The status of the answer; None before it, and if the connection was reset."""
    faults: list[int] = field(default_factory=list)
    is_applied: bool = True
    """Whether the service applied it."""
    size: int = 0
    body: bytearray = field(default_factory=bytearray)

    def keep(self, part: bytes) -> None:
        """Note a part of the body."""
        self.size += len(part)
        self.body += part[: max(0, BODY_BYTES_MAX - len(self.body))]

    def show(self) -> dict[str, Any]:
        """The entry as the control API answers it; a body that is not text is left out."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        try:
            shown["body"] = self.body.decode()
        except UnicodeDecodeError:
            shown["body"] = None
        return shown


class Journal:
    """The last 1,000 requests, numbered; clearing does not restart the numbers."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._number = 0

    def begin(self, at: float, method: str, path: str, query: str, agent: str = "") -> Entry:
        """Note a request that came in."""
        self._number += 1
        entry = Entry(self._number, at, method, path, query, agent)
        self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> list[Entry]:
        """The requests after a number, oldest first."""
        return [entry for entry in self._entries if entry.number > after]

    def clear(self) -> None:
        """Delete all entries."""
        self._entries.clear()
