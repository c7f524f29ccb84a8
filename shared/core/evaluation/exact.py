"""Exact statistics of counts: bounds of a share, the sign test, and the bound of a gain whose differences are -1, 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

#: Of the error of the bound, the part that the share of wins among decided groups may spend; the rest is for the share of groups
#: that are decided at all.  Uneven, since the sign of the gain hangs on the first alone.
WINS_PART: Final = 0.98
_STEPS: Final = 200
_TINY: Final = 1e-300
_FRACTION_STEPS: Final = 20_000


def share_at_least(count: int, total: int, alpha: float) -> float:
    """One-sided lower bound of a share, of which `count` in `total` were seen (Clopper and Pearson 1934).

    It is too high with a chance of at most `alpha`, whatever the true share.
    """
    if count == 0:
        return 0.0
    return _solve(lambda share: beta_cdf(share, count, total - count + 1) < alpha)


def share_at_most(count: int, total: int, alpha: float) -> float:
    """One-sided upper bound of a share; see `share_at_least`."""
    return 1.0 - share_at_least(total - count, total, alpha)


def sign_test(wins: int, losses: int) -> float:
    """Chance of at least `wins` heads in `wins + losses` tosses of a fair coin: the exact one-sided test of McNemar."""
    tosses = wins + losses
    ways = total = math.comb(tosses, wins)
    for heads in range(wins, tosses):
        ways = ways * (tosses - heads) // (heads + 1)
        total += ways
    return float(total / 2**tosses)


def gain_at_least(wins: int, losses: int, groups: int, alpha: float) -> float:
    """Lower bound of the mean gain where each group is won (1), lost (-1) or neither (0).

    The gain is d (2 q - 1): d is the share of groups that are decided, q the share of wins among these.  q is bounded from below
    with the larger part of `alpha`; d, with the rest, from below where 2 q - 1 is positive, from above where it is negative.  So
    the bound is too high with a chance of at most `alpha`, and is never as high as the gain itself.  Below 0 it is at least what
    the share of losses alone says, with the same rest: else a win in place of a tie could lower it.  That this adds nothing to
    the chance of error is enumerated by the tests.

    Args:
        wins: groups won.
        losses: groups lost.
        groups: all groups, at least one.
        alpha: chance of error, above 0 and below 1.
    """
    decided = wins + losses
    lead = 2 * share_at_least(wins, decided, WINS_PART * alpha) - 1 if decided else -1.0
    rest = (1 - WINS_PART) * alpha
    if lead > 0:
        return share_at_least(decided, groups, rest) * lead
    return max(share_at_most(decided, groups, rest) * lead, -share_at_most(losses, groups, rest))


def gain_error(wins: int, losses: int, groups: int, line: float) -> float:
    """The smallest error at which `gain_at_least` reaches `line`: the p of the hypothesis that the gain is not above it.

    At 0 it is the exact test of McNemar (`sign_test`), which the bound follows with the part `WINS_PART` of its error.
    """
    if line == 0:
        return sign_test(wins, losses)
    if gain_at_least(wins, losses, groups, 1 - 1e-12) < line:
        return 1.0
    return 10 ** -_solve(lambda power: gain_at_least(wins, losses, groups, 10**-power) >= line, high=330.0)


def fewest_groups(confidence: float, least: int) -> int:
    """The fewest groups, at least `least`, with which anything can be shown at a confidence: if all of them are won."""
    groups = least
    while 0.5**groups >= WINS_PART * (1 - confidence):
        groups += 1
    return groups


def _solve(is_below: Callable[[float], bool], high: float = 1.0) -> float:
    """The number between 0 and `high` up to which `is_below` holds, to the last digit that there is."""
    low = 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): P(X <= x) of a beta distribution.

    By its continued fraction (DLMF 8.17.22; Lentz's method), on the side on which that converges soon.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    value, c, d = 1.0, 1.0, 0.0
    step, factor = 0, 1.0
    while step < 2 or (abs(factor - 1) >= 1e-16 and step < _FRACTION_STEPS):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / ((1.0 + term * d) or _TINY)
        c = (1.0 + term / c) or _TINY
        factor = c * d
        value *= factor
        step += 1
    return front * (value - 1.0) / a
