"""Intervals of what is shown beside the gain: means and quantiles.  They decide nothing.

Each end is a one-sided bound at the error that it is given.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import stdev

from shared.core.evaluation.differences import NOISE, Numbers, upper_bound
from shared.core.evaluation.exact import beta_cdf, share_at_least, share_at_most
from shared.core.evaluation.exam import tidy, tidy_or_none
from shared.core.evaluation.measured import Interval
from shared.core.evaluation.power import student_quantile


def of_mean(values: Sequence[float], alpha: float) -> Interval:
    """The mean of numbers of any size, by Student's t; without ends where there is one number only.

    Args:
        values: one for each group, at least one.
        alpha: chance of error at each end, at most 0.5.
    """
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return Interval(value=tidy(mean))
    reach = student_quantile(alpha, count - 1) * stdev(values) / math.sqrt(count)
    return Interval(value=tidy(mean), low=tidy(mean - reach), high=tidy(mean + reach))


def of_amounts(values: Sequence[float], alpha: float) -> Interval:
    """The mean of numbers that are never below 0."""
    return _within(of_mean(values, alpha), 0.0, math.inf)


def of_scores(values: Sequence[float], alpha: float) -> Interval:
    """The mean of scores between 0 and 1: exact (Clopper and Pearson) where each is 0 or 1."""
    if any(NOISE < value < 1 - NOISE for value in values):
        return _within(of_mean(values, alpha), 0.0, 1.0)
    count, ones = len(values), sum(round(value) for value in values)
    return Interval(
        value=tidy(ones / count),
        low=tidy(share_at_least(ones, count, alpha)),
        high=tidy(share_at_most(ones, count, alpha)),
    )


def of_gain(differences: Sequence[float], alpha: float) -> Interval:
    """The mean difference of groups, each between -1 and 1.

    The lower end is the bound that decides, the upper end the same bound of the differences turned round.
    """
    numbers = Numbers(differences, alpha)
    return Interval(
        value=tidy(numbers.gain),
        low=tidy_or_none(numbers.bound(alpha)),
        high=tidy_or_none(upper_bound(differences, alpha)),
    )


def of_quantile(values: Sequence[float], share: float, alpha: float) -> Interval:
    """A quantile, and the order statistics between which it lies whatever the law; an end is None if too few are beyond it.

    Args:
        values: one for each request, at least one.
        share: of the values that lie below it, such as 0.95.
        alpha: chance of error at each end.
    """
    ordered = sorted(values)
    count = len(ordered)

    def fewer(rank: int) -> float:
        """Chance that fewer than `rank` of the values lie below the quantile, so that the value of this rank lies above it."""
        return 1.0 - beta_cdf(share, rank, count - rank + 1)

    ranks = range(1, count + 1)
    low, high = bisect_right(ranks, alpha, key=fewer), bisect_left(ranks, 1 - alpha, key=fewer)
    return Interval(
        value=float(ordered[math.ceil(share * count) - 1]),
        low=float(ordered[low - 1]) if low else None,
        high=float(ordered[high]) if high < count else None,
    )


def _within(found: Interval, least: float, most: float) -> Interval:
    low = None if found.low is None else min(max(found.low, least), most)
    high = None if found.high is None else min(max(found.high, least), most)
    return Interval(value=found.value, low=low, high=high)
