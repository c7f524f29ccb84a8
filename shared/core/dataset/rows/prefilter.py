"""One pass over the texts of many rows for what rules about texts look for: Hyperscan, in linear time, whatever the data.

It is one-sided: where it finds nothing, no rule does (a test holds it to that).  Where it finds something, the rules decide.
Where Hyperscan cannot be loaded (it has no wheels for Windows), every rule is asked about every row: the same findings, later.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from shared.core.dataset.rulebook import Rule

try:
    import hyperscan
except ImportError:  # pragma: no cover  tests take it away by hand
    hyperscan = None  # type: ignore[assignment]


class Prefilter:
    """Finds candidates for rules about texts.

    Args:
        rules: those that are on; one without needles is a candidate everywhere.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._sought = [rule for rule in rules if rule.needles and hyperscan is not None]
        self._always = frozenset(rules) - frozenset(self._sought)

    def candidates(self, text: bytes) -> frozenset[Rule]:
        """The rules that may find something in a text, written as JSON or as it is."""
        return self._always.union(rule for rule, ends in self._ends(text) if ends)

    def candidates_by_row(self, text: bytes, row_ends: Sequence[int]) -> dict[int, set[Rule]]:
        """The rules that may find something in a row, by its position.

        Args:
            text: all rows, one after the other.
            row_ends: offset after each row, ascending.
        """
        found: dict[int, set[Rule]] = {}
        if self._always:
            found = {row: set(self._always) for row in range(len(row_ends))}
        for rule, ends in self._ends(text):
            row = 0
            for end in sorted(ends):
                while row_ends[row] < end:
                    row += 1
                found.setdefault(row, set()).add(rule)
        return found

    def _ends(self, text: bytes) -> list[tuple[Rule, set[int]]]:
        """For each rule with needles, the offsets after the needles that were found."""
        if not self._sought:
            return []
        ends: list[set[int]] = [set() for _ in self._sought]

        def remember(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends[number].add(end)

        _database(tuple(rule.needles for rule in self._sought)).scan(text, match_event_handler=remember)
        return list(zip(self._sought, ends, strict=True))


@functools.lru_cache(maxsize=8)
def _database(groups: tuple[tuple[bytes, ...], ...]) -> Any:
    """Finds the needles of groups; each match gives the number of its group."""
    ids = [number for number, group in enumerate(groups) for _ in group]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[needle for group in groups for needle in group], ids=ids, elements=len(ids), flags=0
    )
    return database
