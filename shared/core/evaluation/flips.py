"""The sign-flip test and its bound, for differences of any size.

If the gain were `x`, each difference would lie as likely above `x` as as far below it.  So the mean of any part of the
differences is above `x` as often as below (Hartigan 1969, "Using subsample values as typical values").  `p(x)` is the share of
parts whose mean is not above `x`, the empty part counted; the bound is the highest `x` that this test still rejects.  So test and
bound never contradict each other, and nothing is assumed but symmetry.

Same differences, same result, bit for bit, in any order and on any machine: differences are sorted first, the parts are drawn
from a hash, and sums are of whole numbers.  Memory does not grow with the number of differences, and the work is limited: for
thousands of them fewer parts are drawn.  The level of the test stays what it is, because the parts that were drawn are themselves
counted: p is (1 + parts not above the line) / (1 + parts).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

type _Array = np.ndarray[Any, Any]

#: Up to as many differences, all parts are looked at.
ALL_PARTS_MAX: Final = 16
#: Parts drawn where these are too many: as many as make the error of the bound's level small, within what takes a second.
_PARTS_MIN: Final = 20_000
_PARTS_MAX: Final = 1_000_000
_PARTS_PER_ERROR: Final = 1000
#: Tosses of eight coins, at most, unless even the fewest parts take more: a few seconds.
_TOSSES_MAX: Final = 2**27
#: Never to be changed: who checks a verdict years later must draw the same parts.
_SEED: Final = b"parts of the differences, block "
_BLOCK: Final = 8
#: Means and lines that differ by less are equal: 0.3 - 0.2 and 0.1 differ in their last digit, and a tie must be one.
_TIE: Final = 1e-9
#: Bits of a whole number that a double carries exactly.
_EXACT_BITS: Final = 52


class Flips:
    """The means of parts of the differences.

    Args:
        differences: of groups, each between -1 and 1; at least one.
        alpha: the smallest error that will be asked for; the smaller, the more parts are drawn.
    """

    def __init__(self, differences: Sequence[float], alpha: float) -> None:
        count = len(differences)
        scale = 2.0 ** (_EXACT_BITS - count.bit_length() - 1)
        values = [round(value * scale) for value in sorted(differences)]
        is_whole = count <= ALL_PARTS_MAX
        sums, sizes = _all_parts(values) if is_whole else _drawn_parts(values, parts_for(alpha, count))
        is_empty = sizes == 0
        means = sums[~is_empty] / sizes[~is_empty] / scale
        means.sort()
        self._means: _Array = means
        # The empty part counts once; among parts that were drawn it is added, so that p is never 0.
        self._empty = int(is_empty.sum()) + (not is_whole)
        self._total = len(sums) + (not is_whole)

    def bound(self, alpha: float) -> float | None:
        """The highest value that the test rejects at `alpha`; None if so few differences can reject nothing at it."""
        needed = math.ceil(alpha * self._total - 1e-9)  # p is rejected below this many parts
        place = needed - self._empty
        return float(self._means[place - 1]) if place > 0 else None

    def p(self, line: float) -> float:
        """One-sided p of the hypothesis that the gain is at most `line`."""
        return float((self._empty + np.searchsorted(self._means, line + _TIE, side="right")) / self._total)


def parts_for(alpha: float, count: int) -> int:
    """How many parts of so many differences are drawn for the sake of an error of `alpha`."""
    wanted = min(max(_PARTS_PER_ERROR / alpha, _PARTS_MIN), _PARTS_MAX)
    return int(max(min(wanted, _TOSSES_MAX // math.ceil(count / _BLOCK)), _PARTS_MIN))


def _all_parts(values: Sequence[int]) -> tuple[_Array, _Array]:
    """Sum and size of each part, the empty one first: part `n` has the values at the bits of `n`."""
    sums, sizes = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for value in values:
        sums = np.concatenate((sums, sums + value))
        sizes = np.concatenate((sizes, sizes + 1))
    return sums, sizes


def _drawn_parts(values: Sequence[int], parts: int) -> tuple[_Array, _Array]:
    """Sum and size of each of `parts` parts, to which each value belongs or not by the toss of a coin.

    A block of eight values at a time: its hash has a byte for each part, whose bits say which of the eight belong to it.
    """
    sums, sizes = np.zeros(parts, np.int64), np.zeros(parts, np.int64)
    for first in range(0, len(values), _BLOCK):
        block = values[first : first + _BLOCK]
        coins = hashlib.shake_128(_SEED + str(first // _BLOCK).encode()).digest(parts)
        chosen = np.frombuffer(coins, np.uint8) & np.uint8(2 ** len(block) - 1)
        sums += _all_parts(block)[0].take(chosen)
        sizes += np.bitwise_count(chosen)
    return sums, sizes
