"""A permutation test: do answers fit their own questions better than those of others?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

_PERMUTATIONS: Final = 999
#: Scores are summed as multiples of 1 / 2^30: equal ones that differ in their last digits are equal.
_WHOLE: Final = 2**30


def p_of(scores: Sequence[Sequence[float]], seed: int) -> float | None:
    """Share of the orders of the answers, the true one among them, in which they score as much as in the true one.

    Sums are of whole numbers and orders are drawn from a hash: the same p on any machine.

    Args:
        scores: for each question the score of each answer, 0 to 1; its own answer stands at its own place.
        seed: of the orders.

    Returns:
        None for fewer than two questions.
    """
    count = len(scores)
    if count < 2:
        return None
    table = np.rint(np.array(scores) * _WHOLE).astype(np.int64)
    as_high = table[np.arange(count), _orders(count, seed)].sum(axis=1) >= table.trace()
    return int(1 + as_high.sum()) / (_PERMUTATIONS + 1)


def _orders(count: int, seed: int) -> Any:
    """So many orders of so many places, a row each, as whole numbers from 0."""
    drawn = hashlib.shake_128(f"{seed}: orders of {count}".encode()).digest(8 * count * _PERMUTATIONS)
    return np.frombuffer(drawn, "<u8").reshape(_PERMUTATIONS, count).argsort(axis=1, kind="stable")
