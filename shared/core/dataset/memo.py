"""Results that are kept, because the same is asked again and again: bounded, whatever the data."""

from __future__ import annotations

from typing import Final

_ENTRIES_MAX: Final = 1024
_SIZE_MAX: Final = 4_000_000


class Memo[K, V]:
    """Results by what they were made of; when they become too many or too large, all are forgotten.

    Args:
        entries_max: how many are kept.
        size_max: greatest sum of the sizes that `keep` was given; the caller chooses the unit.
    """

    def __init__(self, entries_max: int = _ENTRIES_MAX, size_max: int = _SIZE_MAX) -> None:
        self._entries_max, self._size_max = entries_max, size_max
        self._known: dict[K, V] = {}
        self._size = 0
        self.get = self._known.get

    def keep(self, key: K, value: V, size: int = 0) -> V:
        """Keep a result, if it is not too large by itself; the result."""
        if size > self._size_max:
            return value
        if len(self._known) >= self._entries_max or self._size + size > self._size_max:
            self._known.clear()
            self._size = 0
        self._known[key] = value
        self._size += size
        return value
