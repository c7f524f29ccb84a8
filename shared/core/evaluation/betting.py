"""A bound that holds for any law of the differences, also for one that hides rare collapses behind many small gains.

Someone bets against the hypothesis that the mean gain is at most `m`, at odds that are fair if it is, and may never lose more
than is there.  The wealth multiplies with every difference; that it ever reaches 1 / alpha has a chance of at most alpha (Ville
1939; Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting").  The bet is a fixed share of the
most that is allowed, and the wealth is the mean over several such shares, so the order of the differences does not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

#: Shares of the greatest bet, and how the first unit of wealth is spread over them: mostly on great bets, which pay soonest.
_BETS: Final = ((0.95, 0.5), (0.5, 0.25), (0.25, 0.125), (0.1, 0.075), (0.03, 0.05))
#: Halvings of the range from -1 to 1: to 12 digits, as all numbers are given.
_STEPS: Final = 41


def betting_bound(differences: Sequence[float], alpha: float) -> float:
    """Lower bound of the mean of differences between -1 and 1; too high with a chance of at most `alpha`.

    Holds for independent differences, whatever their law.  -1 if nothing is shown.
    """
    low, high = -1.0, 1.0
    if not differences or log_wealth(differences, low + 1e-9) < -math.log(alpha):
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        is_rejected = log_wealth(differences, middle) >= -math.log(alpha)
        low, high = (middle, high) if is_rejected else (low, middle)
    return low


def log_wealth(differences: Sequence[float], mean: float) -> float:
    """Logarithm of the wealth of who bet against a mean of at most `mean`, having begun with 1."""
    logs = []
    above = np.asarray(differences) - mean
    for bet, weight in _BETS:
        stake = bet / (1 + mean)  # a difference of -1 leaves 1 - bet
        logs.append(math.log(weight) + math.fsum(np.log1p(stake * above).tolist()))
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs))
