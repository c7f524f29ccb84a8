"""The bound keeps its promise, for few examples too."""

import math
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.evaluation.significance import _expanded_tail, _sign_test, _student_quantile, paired


@pytest.mark.parametrize(
    ("probability", "freedom", "table"),
    [
        (0.95, 4, 2.132),
        (0.95, 9, 1.833),
        (0.95, 29, 1.699),
        (0.95, 120, 1.658),
        (0.90, 4, 1.533),
        (0.975, 9, 2.262),
        (0.99, 29, 2.462),
        (0.5, 4, 0.0),
    ],
)
def test_students_quantiles_are_those_of_the_tables(probability, freedom, table):
    assert _student_quantile(probability, freedom) == pytest.approx(table, abs=0.001)


def test_the_tail_nears_one_minus_confidence_as_examples_grow():
    tails = [_expanded_tail(count, 0.95) for count in (5, 10, 50, 200, 10_000)]

    assert tails == sorted(tails)
    assert tails[0] < 0.01
    assert tails[-1] == pytest.approx(0.05, abs=0.0001)


def false_alarms(count, trials, draw):
    """Share of comparisons of equal models that a bound above 0 calls a gain."""
    alarms = 0
    for _ in range(trials):
        bound = paired([draw() for _ in range(count)], [0.0] * count, 0.95).lower_bound
        alarms += bound > 0
    return alarms / trials


@pytest.mark.parametrize(("count", "trials"), [(5, 600), (20, 300)])
@pytest.mark.slow
def test_equal_models_are_called_better_about_once_in_twenty(count, trials):
    """A plain percentile bootstrap does it once in ten with five examples: it fails this test."""
    generator = random.Random(count)

    assert false_alarms(count, trials, lambda: generator.gauss(0, 0.2)) <= 0.075


def test_a_real_gain_is_found():
    generator = random.Random(3)
    found = 0
    for _ in range(50):
        theirs = [generator.random() for _ in range(50)]
        ours = [score + generator.gauss(0.1, 0.2) for score in theirs]
        found += paired(ours, theirs, 0.95).lower_bound > 0

    assert found >= 42  # 96 of 100 in 1,500 trials


@pytest.mark.parametrize("count", [5, 10, 17])
def test_equal_models_graded_right_or_wrong_are_seldom_called_better_whatever_the_ties(count):
    """Exact: every pattern of wins and losses, weighed by its chance, at the share of ties that is worst."""
    better = [
        (wins, losses)
        for wins in range(count + 1)
        for losses in range(min(wins, count - wins + 1))
        if _bound_of(count, wins, losses) > 0
    ]
    chances = [
        sum(_chance(count, wins, losses, win_share / 100) for wins, losses in better)
        for win_share in range(1, 51)
    ]

    assert 0.01 < max(chances) < 0.0725


def _bound_of(count, wins, losses):
    ours = [1] * wins + [0] * (count - wins)
    theirs = [0] * wins + [1] * losses + [0] * (count - wins - losses)
    return paired(ours, theirs, 0.95).lower_bound


def _chance(count, wins, losses, share):
    """Of so many wins and losses if each example is won with this probability and lost with the same."""
    ways = math.comb(count, wins) * math.comb(count - wins, losses)
    return ways * share ** (wins + losses) * (1 - 2 * share) ** (count - wins - losses)


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_counts_coin_tosses(wins, losses):
    tosses = wins + losses
    tail = sum(math.comb(tosses, heads) for heads in range(wins, tosses + 1))

    assert _sign_test(wins, losses) == tail / 2**tosses
    assert (
        _sign_test(wins, losses) + _sign_test(losses + 1, wins - 1) == 1
        if wins
        else _sign_test(0, losses) == 1
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20))
def test_changing_sides_turns_the_gain_around(pairs):
    ours, theirs = zip(*pairs, strict=True)
    there, back = paired(ours, theirs, 0.95), paired(theirs, ours, 0.95)

    assert there.gain == pytest.approx(-back.gain)
    assert (there.wins, there.losses) == (back.losses, back.wins)
    assert there.lower_bound <= -back.lower_bound + 1e-9


def test_scores_of_different_examples_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        paired([1.0, 1.0], [1.0], 0.95)


def test_ten_thousand_tosses_take_no_time():
    started = time.process_time()
    _sign_test(5_000, 5_000)

    assert time.process_time() - started < 1.0  # 0.01 s; a new binomial for each term took 6 s
