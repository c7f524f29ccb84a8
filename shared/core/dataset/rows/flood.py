"""How much is found at most."""

from __future__ import annotations

from collections import Counter
from typing import Final

from shared.core.dataset.rulebook import Issue, Problem, Rule

#: Problems of one rule in one row.
_IN_ROW_MAX: Final = 1_000


class Flood:
    """Bounds what is found: a row may break a rule a million times, and a file do so in each row.

    A rule that found so much in a row is not asked about it again: that the row breaks it is known.

    Args:
        counted_max: findings of each rule in a file; a rule with more is asked for one in each row.

    Attributes:
        full: the rules that found enough in this row.
        room: how many problems are taken at once.
    """

    def __init__(self, counted_max: int) -> None:
        self._counted_max = counted_max
        self._in_file: Counter[Rule] = Counter()
        self._in_row: Counter[Rule] = Counter()
        self.full: set[Rule] = set()
        self.room = _IN_ROW_MAX

    def begin(self) -> None:
        """Another row is looked at."""
        if self._in_row:
            self._in_row.clear()
            self.full.clear()

    def taken(self, rule: Rule, problems: list[Problem]) -> list[Issue]:
        """The problems that are taken, as issues."""
        most = _IN_ROW_MAX if self._in_file[rule] < self._counted_max else 1
        taken = problems[: most - self._in_row[rule]]
        self._in_row[rule] += len(taken)
        self._in_file[rule] += len(taken)
        if self._in_row[rule] >= most:
            self.full.add(rule)
        return [Issue(rule, problem) for problem in taken]
