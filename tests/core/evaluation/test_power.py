"""`needed`: the power that it promises is there, and not with fewer."""

import functools
import math
import random

import pytest

from shared.core.evaluation.exact import gain_at_least
from shared.core.evaluation.flips import Flips
from shared.core.evaluation.power import (
    GROUPS_MAX,
    groups_for_gain,
    needed_for_counts,
    needed_for_scores,
    power_of_counts,
    smallest_gain,
)

LEAST = 5


@functools.cache
def bounds(groups, alpha):
    """Of all results: (won, lost) -> bound.  They are the same for every law and line."""
    return {
        (won, lost): gain_at_least(won, lost, groups, alpha)
        for won in range(groups + 1)
        for lost in range(groups + 1 - won)
    }


def enumerated_power(wins, losses, groups, line, alpha):
    """The chance of all results whose bound reaches the line."""
    total = []
    for (won, lost), bound in bounds(groups, alpha).items():
        if bound > 0 if line == 0 else bound >= line:
            ways = math.comb(groups, won) * math.comb(groups - won, lost)
            total.append(ways * wins**won * losses**lost * (1 - wins - losses) ** (groups - won - lost))
    return math.fsum(total)


@pytest.mark.no_cover
@pytest.mark.parametrize("line", [0.0, 0.1, -0.1, -0.3])
@pytest.mark.parametrize(
    ("wins", "losses"), [(0.5, 0.1), (0.2, 0.1), (0.4, 0.0), (0.02, 0.02), (0.9, 0.1), (0.0, 0.0)]
)
@pytest.mark.slow
def test_the_power_of_counts_is_that_of_all_results(wins, losses, line):
    expected = enumerated_power(wins, losses, 24, line, 0.05)

    assert power_of_counts(wins, losses, 24, line, 0.05) == pytest.approx(expected, abs=2e-5)


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("wins", "losses", "line", "confidence"),
    [
        (0.7, 0.1, 0.0, 0.95),
        (0.4, 0.1, 0.0, 0.95),
        (0.25, 0.15, 0.0, 0.95),
        (0.3, 0.05, 0.05, 0.95),
        (0.05, 0.05, -0.15, 0.95),
        (0.3, 0.1, 0.0, 0.99),
    ],
)
def test_as_many_groups_as_are_needed_show_the_gain_four_times_in_five(wins, losses, line, confidence):
    groups = needed_for_counts(wins, losses, line, confidence, LEAST)

    assert power_of_counts(wins, losses, groups, line, 1 - confidence) >= 0.75
    assert power_of_counts(wins, losses, groups - 1, line, 1 - confidence) < 0.8
    if groups >= 20:
        assert power_of_counts(wins, losses, groups, line, 1 - confidence) <= 0.85


def test_a_gain_that_is_not_above_the_line_needs_no_number():
    for gain, line in ((0.0, 0.0), (-0.1, 0.0), (0.1, 0.1), (-0.1, -0.05)):
        assert needed_for_scores(gain, 0.2, line, 0.95, LEAST) is None
        assert needed_for_counts(0.4 + gain, 0.4, line, 0.95, LEAST) is None
    assert needed_for_scores(1e-4, 0.5, 0.0, 0.95, LEAST) is None  # more than anybody has
    assert needed_for_counts(0.4001, 0.4, 0.0, 0.95, LEAST) is None


def test_without_any_spread_the_fewest_groups_suffice():
    assert needed_for_scores(0.1, 0.0, 0.0, 0.95, LEAST) == 5
    assert needed_for_scores(0.1, 0.0, 0.0, 0.999, LEAST) == 10
    assert needed_for_counts(1.0, 0.0, 0.0, 0.99, LEAST) == 7


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "tied"), [(0.1, 0.5), (0.05, 0.8), (0.02, 0.9)])
def test_groups_that_are_tied_show_nothing_and_take_nothing_away(gain, tied):
    """Against a simulation with the bound itself: 300 exams of normal differences with a spread of 0.2 where they are decided."""
    mean = gain / (1 - tied)
    spread = math.sqrt((1 - tied) * (0.2**2 + mean**2) - gain**2)
    groups = needed_for_scores(gain, spread, 0.0, 0.95, LEAST, tied=tied)
    rng, shown = random.Random(5), 0
    for _ in range(300):
        values = [0.0 if rng.random() < tied else rng.gauss(mean, 0.2) for _ in range(groups)]
        shown += (Flips(values, 0.05).bound(0.05) or 0.0) > 1e-9

    assert 0.75 <= shown / 300 <= 0.87


def test_where_all_that_is_decided_is_won_alike_signs_are_enough():
    few = needed_for_scores(0.1, math.sqrt(0.2 * 0.5**2 - 0.1**2), 0.0, 0.95, LEAST, tied=0.8)

    assert 30 <= few <= 36  # five or more of them decided, four times in five


@pytest.mark.parametrize(("smaller", "greater"), [((0.05, 0.0), (0.1, 0.0)), ((0.15, 0.1), (0.15, 0.05))])
def test_a_greater_distance_from_the_line_needs_fewer_groups(smaller, greater):
    def needed(case):
        return needed_for_scores(case[0], 0.2, case[1], 0.95, LEAST)

    assert needed(greater) < needed(smaller) < GROUPS_MAX


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("gain", [0.03, pytest.param(0.005, marks=pytest.mark.soak)])
def test_a_small_gain_is_planned_about_right(gain):
    """Against the normal approximation, where two of three groups are decided."""
    groups = needed_for_counts(0.3333 + gain / 2, 0.3333 - gain / 2, 0.0, 0.95, LEAST)
    expected = ((1.645 + 0.8416) ** 2) * 0.6666 / gain**2

    assert groups == pytest.approx(expected, rel=0.03)


def test_the_power_of_very_many_groups_is_about_right():
    """Some numbers of decided groups stand for their neighbours."""
    power = power_of_counts(0.3358, 0.3308, 165_000, 0.0, 0.05)

    assert power == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(("groups", "gain"), [(30, 0.27), (100, 0.15), (200, 0.10)])
def test_the_smallest_gain_that_groups_show_is_that_of_the_normal_law(groups, gain):
    assert round(smallest_gain(groups, 0.95), 2) == gain


def test_a_line_lifts_it_and_a_smaller_spread_lowers_it():
    plain = smallest_gain(100, 0.95)

    assert smallest_gain(100, 0.95, line=0.1) == pytest.approx(plain + 0.1)
    assert smallest_gain(100, 0.95, spread=0.1) == pytest.approx(plain / 5)
    assert smallest_gain(100, 0.99) > plain


@pytest.mark.parametrize(("gain", "line"), [(0.1, 0.0), (0.3, 0.2), (0.05, -0.05), (0.27, 0.0)])
def test_as_many_groups_show_a_gain_and_one_fewer_does_not(gain, line):
    groups = groups_for_gain(gain, 0.95, line)

    assert smallest_gain(groups, 0.95, line) <= gain + 1e-9 < smallest_gain(groups - 1, 0.95, line)


def test_the_smallest_gain_is_shown_with_the_chance_that_is_said():
    """Against the exact bound of wins and losses, whose spread is near the one that is assumed: about 90 of 100."""
    gain = smallest_gain(200, 0.95)
    decided = 0.25 + gain**2  # so that the standard deviation is 0.5
    power = power_of_counts((decided + gain) / 2, (decided - gain) / 2, 200, 0.0, 0.05)

    assert power == pytest.approx(0.9, abs=0.03)
