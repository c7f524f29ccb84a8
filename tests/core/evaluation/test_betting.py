"""The betting bound holds for any law, and is worth having."""

import math
import random

import pytest

from shared.core.evaluation.betting import betting_bound, log_wealth


def test_nothing_shows_nothing():
    assert betting_bound([], 0.05) == -1.0
    assert betting_bound([-1.0] * 50, 0.05) == -1.0


@pytest.mark.parametrize("differences", [[], [-1.0], [-1.0] * 3])
def test_where_nothing_is_shown_the_bound_is_the_least_there_is(differences):
    assert betting_bound(differences, 0.05) == -1.0


def test_wealth_by_hand():
    """One difference of 0.5 against a mean of 0: each bet wins half of its share."""
    expected = 0.5 * 1.475 + 0.25 * 1.25 + 0.125 * 1.125 + 0.075 * 1.05 + 0.05 * 1.015

    assert log_wealth([0.5], 0.0) == pytest.approx(math.log(expected), abs=1e-12)
    assert log_wealth([], 0.0) == pytest.approx(0.0, abs=1e-12)


def test_a_fair_game_is_fair():
    """The mean of the wealth, over all results of six fair tosses for half a point, is 1."""
    tosses = [[0.5 if way >> n & 1 else -0.5 for n in range(6)] for way in range(64)]

    assert math.fsum(math.exp(log_wealth(way, 0.0)) for way in tosses) / 64 == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_the_bound_is_where_the_wealth_reaches_its_mark(alpha):
    chance = random.Random(3)
    differences = [chance.gauss(0.1, 0.2) for _ in range(150)]
    bound = betting_bound(differences, alpha)

    assert bound < sum(differences) / 150
    assert log_wealth(differences, bound - 1e-9) > -math.log(alpha) > log_wealth(differences, bound + 1e-9)


def test_the_stricter_the_lower():
    differences = [0.1] * 60 + [-0.05] * 20
    bounds = [betting_bound(differences, alpha) for alpha in (0.2, 0.05, 0.01, 0.001)]

    assert bounds == sorted(bounds, reverse=True)
    assert len(set(bounds)) == 4


def test_the_order_of_the_differences_does_not_count():
    chance = random.Random(4)
    differences = [chance.uniform(-1, 1) for _ in range(77)]

    assert betting_bound(differences, 0.05) == betting_bound(chance.sample(differences, 77), 0.05)


def test_small_gains_that_hide_a_rare_loss_are_not_shown():
    """Sixty gains of 0.04 and no loss seen: 4 % of items may lose 0.8 and not be among them."""
    assert betting_bound([0.04] * 60, 0.05) < 0
    assert betting_bound([0.04] * 2000, 0.05) > 0
