"""One pass over the texts of many rows for what rules look for: Hyperscan, in linear time, whatever the data.

It is one-sided: where it finds nothing, no rule does (a test holds it to that).  Where it finds something, the rules decide.
Where Hyperscan cannot be loaded (it has no wheels for Windows), every rule is asked about every row: the same findings, later.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

try:
    import hyperscan
except ImportError:  # pragma: no cover  tests take it away by hand
    hyperscan = None  # type: ignore[assignment]


class Prefilter[K: Hashable]:
    """Finds candidates, by what they need.  For one thread: each has what Hyperscan writes to while it searches.

    Args:
        needles: of each candidate; one without needles is a candidate everywhere.
        is_once: it is enough to know what is in a text; where it is, is not asked.
    """

    def __init__(self, needles: Mapping[K, tuple[bytes, ...]], *, is_once: bool = False) -> None:
        self._sought = [key for key, sought in needles.items() if sought and hyperscan is not None]
        self._always = frozenset(needles) - frozenset(self._sought)
        if self._sought:
            self._database = _database(tuple(needles[key] for key in self._sought), is_once=is_once)
            self._scratch = hyperscan.Scratch(self._database)

    def candidates(self, text: bytes) -> frozenset[K]:
        """What may be in a text, written as JSON or as it is."""
        return self._always.union(key for key, ends in self._ends(text) if ends)

    def candidates_by_row(self, text: bytes, row_ends: Sequence[int]) -> dict[int, set[K]]:
        """What may be in a row, by its position.

        Args:
            text: all rows, one after the other.
            row_ends: offset after each row, ascending.
        """
        found: dict[int, set[K]] = {}
        if self._always:
            found = {row: set(self._always) for row in range(len(row_ends))}
        for key, ends in self._ends(text):
            row = 0
            for end in sorted(ends):
                while row_ends[row] < end:
                    row += 1
                found.setdefault(row, set()).add(key)
        return found

    def _ends(self, text: bytes) -> list[tuple[K, set[int]]]:
        """For each that has needles, the offsets after the needles that were found."""
        if not self._sought:
            return []
        ends: list[set[int]] = [set() for _ in self._sought]

        def remember(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends[number].add(end)

        self._database.scan(text, match_event_handler=remember, scratch=self._scratch)
        return list(zip(self._sought, ends, strict=True))


@functools.lru_cache(maxsize=8)
def _database(groups: tuple[tuple[bytes, ...], ...], *, is_once: bool) -> Any:
    """Finds the needles of groups; each match gives the number of its group."""
    ids = [number for number, group in enumerate(groups) for _ in group]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[needle for group in groups for needle in group],
        ids=ids,
        elements=len(ids),
        flags=hyperscan.HS_FLAG_SINGLEMATCH if is_once else 0,
    )
    return database
