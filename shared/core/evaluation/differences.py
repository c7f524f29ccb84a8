"""Statistics of the differences between two sides, group by group: exact where each group is won, lost or tied."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import stdev
from typing import TYPE_CHECKING, Final

from shared.core.evaluation.exact import gain_at_least, gain_error
from shared.core.evaluation.exam import Score
from shared.core.evaluation.power import needed_for_counts, needed_for_scores
from shared.core.spec import PromoteRule

if TYPE_CHECKING:
    from shared.core.evaluation.flips import Flips

#: Below this no statistics help: even five wins of five are chance once in 32 times.
GROUPS_MIN: Final = 5
#: What is smaller is the noise of floating-point numbers.
NOISE: Final = 1e-9
#: Verdict, slices and tables ask for the same counts again, and each answer takes up to a tenth of a second.
_gain_at_least, _gain_error = lru_cache(1024)(gain_at_least), lru_cache(1024)(gain_error)
_needed_for_counts, _needed_for_scores = (
    lru_cache(1024)(needed_for_counts),
    lru_cache(1024)(needed_for_scores),
)


def is_above(rule: PromoteRule) -> bool:
    """Whether the bound must be above the line: a tie is no proof of a gain, but of a loss of nothing."""
    return rule.line == 0 and rule.not_worse_by is None


type Pair = tuple[str, Score, Score]
"""The group of an item, and its score of either side."""


def is_silent(pair: Pair) -> bool:
    """Whether neither side has a score."""
    return pair[1].value is None and pair[2].value is None


def counted(score: Score, other: Score, missing: float) -> float:
    """What a side's score counts: its own, or `missing`, or 0 where the other side has none either."""
    if score.value is not None:
        return score.value
    return missing if other.value is not None else 0.0


def difference(ours: Score, theirs: Score) -> float:
    """Candidate minus baseline, -1 to 1, with missing answers by the worst case; 0 where both are missing."""
    return counted(ours, theirs, 0.0) - counted(theirs, ours, 1.0)


def regression(ours: Score, theirs: Score) -> float:
    """The difference, but for answers of the baseline that were made up: these show no regression."""
    return 0.0 if theirs.value is None else difference(ours, theirs)


def by_group(pairs: Sequence[Pair], measure: Callable[[Score, Score], float]) -> list[float]:
    """Mean of each group, in ascending order: the order of the items does not count."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for group, ours, theirs in pairs:
        values[group].append(measure(ours, theirs))
    return sorted(math.fsum(found) / len(found) for found in values.values())


class Numbers:
    """Statistics of the differences of groups: exact where each is -1, 0 or 1, else by sign flips."""

    def __init__(self, differences: Sequence[float], alpha: float) -> None:
        self.groups = len(differences)
        self.wins = sum(1 for value in differences if value > NOISE)
        self.losses = sum(1 for value in differences if value < -NOISE)
        self.gain = math.fsum(differences) / self.groups if differences else 0.0
        self._differences = differences
        is_count = all(abs(value - round(value)) <= NOISE for value in differences)
        self._flips = None if is_count else _flips(differences, alpha)

    @property
    def spread(self) -> float | None:
        """Their standard deviation; None with fewer than two."""
        return stdev(self._differences) if self.groups > 1 else None

    def bound(self, alpha: float) -> float | None:
        """Lower bound of the gain at an error; None if so few groups give none."""
        if not self.groups:
            return None
        if self._flips is None:
            return _gain_at_least(self.wins, self.losses, self.groups, alpha)
        return self._flips.bound(alpha)

    def safe_bound(self, alpha: float) -> float | None:
        """The same for any law of the differences."""
        if not self.groups:
            return None
        return self.bound(alpha) if self._flips is None else _betting_bound(self._differences, alpha)

    def p(self, rule: PromoteRule) -> float:
        """Of the hypothesis that the gain is at most the line, but for the noise that `reaches` allows."""
        if not self.groups:
            return 1.0
        if self._flips is None:
            line = 0.0 if is_above(rule) else rule.line - NOISE
            return _gain_error(self.wins, self.losses, self.groups, line)
        line = 0.0 if is_above(rule) else rule.line - 2 * NOISE  # `Flips.p` counts what is as near as noise
        return self._flips.p(line)

    def is_worse(self, alpha: float) -> bool:
        """Whether a gain of 0 or more is rejected, by the same tests."""
        if not self.groups:
            return False
        if self._flips is None:
            return _gain_error(self.losses, self.wins, self.groups, 0.0) <= alpha
        return self._flips.p(0.0) >= 1 - alpha

    def needed(self, rule: PromoteRule) -> int | None:
        """Groups that it takes to show the gain seen, about; see `Contest.needed`."""
        spread = self.spread
        if spread is None:
            return None
        if self._flips is None:
            share = self.wins / self.groups, self.losses / self.groups
            return _needed_for_counts(*share, rule.line, rule.confidence, GROUPS_MIN)
        tied = 1 - (self.wins + self.losses) / self.groups
        return _needed_for_scores(self.gain, spread, rule.line, rule.confidence, GROUPS_MIN, tied=tied)


def upper_bound(differences: Sequence[float], alpha: float) -> float | None:
    """Upper bound of the gain at an error: the lower one of the differences turned round."""
    low = Numbers([0.0 - value for value in differences], alpha).bound(alpha)
    return None if low is None else 0.0 - low


def _flips(differences: Sequence[float], alpha: float) -> Flips:
    from shared.core.evaluation.flips import Flips  # noqa: PLC0415  numpy, which a cold start need not load

    return Flips(differences, alpha)


def _betting_bound(differences: Sequence[float], alpha: float) -> float:
    from shared.core.evaluation.betting import betting_bound  # noqa: PLC0415  numpy, too

    return betting_bound(differences, alpha)
