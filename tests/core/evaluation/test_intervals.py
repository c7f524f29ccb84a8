"""Intervals of means and quantiles: exact where that can be, Student's elsewhere, open where too little was seen."""

import math
import random

import pytest

from shared.core.evaluation import intervals
from tests.core.evaluation.exams import contest, differing


def test_a_mean_has_the_interval_of_students_t():
    """scipy: t.ppf(0.95, 4) = 2.13185; sd of 1..5 = 1.58114."""
    found = intervals.of_mean([1, 2, 3, 4, 5], 0.05)
    reach = 2.131846786 * math.sqrt(2.5) / math.sqrt(5)

    assert (found.value, found.low, found.high) == (3.0, pytest.approx(3 - reach), pytest.approx(3 + reach))


def test_one_number_has_no_interval():
    assert intervals.of_mean([7], 0.05) == intervals.Interval(value=7.0)


def test_amounts_are_never_below_nothing():
    assert intervals.of_amounts([0, 0, 0, 100], 0.05).low == 0.0
    assert intervals.of_mean([0, 0, 0, 100], 0.05).low < 0


@pytest.mark.parametrize(
    ("ones", "count", "low", "high"),
    [(0, 10, 0.0, 0.258866), (10, 10, 0.741134, 1.0), (5, 10, 0.222441, 0.777559)],
)
def test_shares_are_exact_and_never_without_width(ones, count, low, high):
    """scipy: beta.ppf(0.05, k, n - k + 1), beta.ppf(0.95, k + 1, n - k)."""
    found = intervals.of_scores([1.0] * ones + [0.0] * (count - ones), 0.05)

    assert (found.value, found.low, found.high) == (
        ones / count,
        pytest.approx(low, abs=1e-6),
        pytest.approx(high, abs=1e-6),
    )


def test_scores_between_stay_between_0_and_1():
    found = intervals.of_scores([0.9, 1.0, 1.0, 0.2], 0.05)

    assert (found.high, found.low > 0) == (1.0, True)


@pytest.mark.parametrize(
    "values", [[0.1, 0.3, -0.2, 0.4, 0.25, 0.5, 0.15, 0.05], [1, 1, 1, 0, -1, 1, 1, 1, 1, 1]]
)
def test_the_interval_of_the_gain_begins_at_the_bound_that_decides(values):
    found = intervals.of_gain(sorted(values), 0.05)

    assert found.low == contest(*differing(values)).lower_bound
    assert found.value == pytest.approx(sum(values) / len(values))
    assert found.low < found.value < found.high
    turned = intervals.of_gain(sorted(-value for value in values), 0.05)
    assert (turned.low, turned.high) == (-found.high, -found.low)


def test_too_few_groups_leave_the_gain_open():
    assert intervals.of_gain([0.1, 0.2], 0.05) == intervals.Interval(value=0.15)


@pytest.mark.parametrize(
    ("share", "count", "value", "low", "high"),
    [
        (0.5, 10, 5.0, 2.0, 9.0),
        (0.95, 10, 10.0, 8.0, None),
        (0.95, 58, 56.0, 52.0, None),
        (0.95, 59, 57.0, 53.0, 59.0),
        (0.5, 4, 2.0, None, None),
    ],
)
def test_a_quantile_lies_between_order_statistics(share, count, value, low, high):
    """Of ten values the second and the ninth: fewer than two, or more than eight, lie below the median in 1.1 % of cases."""
    found = intervals.of_quantile(list(range(1, count + 1)), share, 0.05)

    assert (found.value, found.low, found.high) == (value, low, high)


def test_order_changes_nothing():
    draw = random.Random(4)
    values = [draw.random() for _ in range(40)]
    shuffled = draw.sample(values, 40)

    assert intervals.of_quantile(values, 0.95, 0.05) == intervals.of_quantile(shuffled, 0.95, 0.05)
    assert intervals.of_mean(sorted(values), 0.05) == intervals.of_mean(sorted(shuffled), 0.05)


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_ends_of_a_quantile_err_no_more_often_than_they_may(share):
    draw = random.Random(11)
    misses = [0, 0]
    for _ in range(2000):
        found = intervals.of_quantile([draw.random() for _ in range(80)], share, 0.05)
        misses[0] += found.low is not None and found.low > share
        misses[1] += found.high is not None and found.high < share

    assert max(misses) <= 2000 * 0.05 + 2 * math.sqrt(2000 * 0.05 * 0.95)
