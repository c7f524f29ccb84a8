"""Exact statistics of counts: values by hand, and that the bound of a gain covers it whatever the true rates are."""

import math

import numpy as np
import pytest

from shared.core.evaluation.exact import (
    beta_cdf,
    fewest_groups,
    gain_at_least,
    gain_error,
    share_at_least,
    share_at_most,
    sign_test,
)

ALPHA = 0.05


@pytest.mark.parametrize(("wins", "bound"), [(5, 0.024), (10, 0.240), (20, 0.510), (60, 0.804)])
def test_all_won_is_no_certainty_of_the_gain(wins, bound):
    assert gain_at_least(wins, 0, wins, ALPHA) == pytest.approx(bound, abs=0.0006)


@pytest.mark.parametrize(("wins", "share"), [(5, 0.549), (60, 0.951)])
def test_the_share_of_wins_is_bounded_higher_and_is_not_the_gain(wins, share):
    assert share_at_least(wins, wins, ALPHA) == pytest.approx(share, abs=0.0006)
    assert share > gain_at_least(wins, 0, wins, ALPHA)


def test_ten_wins_of_ten_are_proof_at_0_999_and_nine_of_nine_are_not():
    assert gain_at_least(10, 0, 10, 0.001) > 0
    assert gain_at_least(9, 0, 9, 0.001) <= 0


def test_three_wins_of_ten_are_no_proof_and_eight_are():
    assert sign_test(3, 0) == 0.125
    assert gain_at_least(3, 0, 10, ALPHA) < 0 < gain_at_least(8, 0, 10, ALPHA)


@pytest.mark.parametrize(
    ("wins", "losses", "p"), [(0, 0, 1.0), (1, 0, 0.5), (3, 1, 5 / 16), (1, 3, 15 / 16), (0, 4, 1.0)]
)
def test_the_sign_test_by_hand(wins, losses, p):
    assert sign_test(wins, losses) == p


def test_bounds_of_shares_by_hand():
    """Without any, 1 - alpha^(1/n): the rule of three."""
    assert share_at_least(0, 10, ALPHA) == 0.0
    assert share_at_most(10, 10, ALPHA) == 1.0
    assert share_at_most(0, 100, ALPHA) == pytest.approx(1 - ALPHA**0.01, abs=1e-12)
    assert share_at_least(100, 100, ALPHA) == pytest.approx(ALPHA**0.01, abs=1e-12)
    assert share_at_least(3, 10, ALPHA) < 0.3 < share_at_most(3, 10, ALPHA)


def test_ties_alone_show_no_gain_and_exclude_a_great_loss():
    bound = gain_at_least(0, 0, 100, ALPHA)

    assert bound == pytest.approx(-(1 - (0.02 * ALPHA) ** 0.01), abs=1e-12)
    assert gain_at_least(0, 3, 100, ALPHA) < bound


@pytest.mark.parametrize(
    ("confidence", "groups"), [(0.5, 5), (0.95, 5), (0.99, 7), (0.999, 10), (0.9999, 14)]
)
def test_so_many_groups_can_show_something_and_one_fewer_cannot(confidence, groups):
    assert fewest_groups(confidence, 5) == groups
    assert gain_at_least(groups, 0, groups, 1 - confidence) > 0
    if groups > 5:
        assert gain_at_least(groups - 1, 0, groups - 1, 1 - confidence) <= 0
    assert fewest_groups(confidence, groups + 3) == groups + 3


@pytest.mark.no_cover
@pytest.mark.parametrize("line", [0.3, 0.05, -0.05, -0.3])
@pytest.mark.parametrize(
    ("wins", "losses", "groups"), [(20, 2, 40), (5, 0, 5), (9, 6, 30), (1, 3, 60), (60, 0, 60)]
)
def test_p_is_the_smallest_error_at_which_the_bound_passes(wins, losses, groups, line):
    p = gain_error(wins, losses, groups, line)

    if p < 0.999:
        assert gain_at_least(wins, losses, groups, p * (1 + 1e-6)) >= line
    assert gain_at_least(wins, losses, groups, min(p, 1 - 1e-12) * (1 - 1e-6)) < line


def test_p_at_0_is_the_sign_test_and_1_where_nothing_is_shown():
    assert gain_error(9, 2, 50, 0.0) == sign_test(9, 2)
    assert gain_error(0, 5, 5, 0.5) == 1.0
    assert gain_error(0, 0, 5, 0.1) == 1.0
    assert 0 < gain_error(200, 0, 200, 0.1) < 1e-12


@pytest.mark.parametrize(("x", "value"), [(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (2.0, 1.0)])
def test_the_beta_law_at_its_ends(x, value):
    assert beta_cdf(x, 2, 3) == value


def test_the_beta_law_by_hand():
    """I_x(1, b) is 1 - (1 - x)^b; I_x(a, a) is one half at one half; and both sides of the fraction agree."""
    for x in (0.01, 0.3, 0.5, 0.9):
        assert beta_cdf(x, 1, 7) == pytest.approx(1 - (1 - x) ** 7, abs=1e-14)
        assert beta_cdf(x, 3, 5) + beta_cdf(1 - x, 5, 3) == pytest.approx(1.0, abs=1e-14)
    assert beta_cdf(0.5, 400, 400) == pytest.approx(0.5, abs=1e-12)


def bounds_of(groups, alpha):
    """Wins, losses and bound of every result."""
    results = [(wins, losses) for wins in range(groups + 1) for losses in range(groups + 1 - wins)]
    return (
        np.array([wins for wins, _ in results]),
        np.array([losses for _, losses in results]),
        np.array([gain_at_least(*result, groups, alpha) for result in results]),
    )


def worst_miss(groups, alpha, step):
    """The greatest chance that the bound is above the true gain: over a grid of win and loss rates, and just below each bound.

    A bound that is too high is so first where the true gain lies just below it, so these are the pairs to be afraid of.
    """
    wins, losses, bounds = bounds_of(groups, alpha)
    ways = np.array(
        [
            math.lgamma(groups + 1)
            - math.lgamma(w + 1)
            - math.lgamma(lost + 1)
            - math.lgamma(groups - w - lost + 1)
            for w, lost in zip(wins, losses, strict=True)
        ]
    )
    grid = [number / step for number in range(step + 1)]
    edges = [value - 1e-9 for value in np.unique(bounds)]
    pairs = [(win, loss) for win in grid for loss in grid if win + loss <= 1]
    pairs += [
        (loss + gain, loss) for loss in grid for gain in edges if loss + gain >= 0 and 2 * loss + gain <= 1
    ]
    worst = (0.0, None)
    for win, loss in pairs:
        rest = max(1 - win - loss, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = [
                np.where(count == 0, 0.0, count * np.log(rate))
                if rate
                else np.where(count == 0, 0.0, -np.inf)
                for count, rate in ((wins, win), (losses, loss), (groups - wins - losses, rest))
            ]
        chance = np.exp(ways + sum(logs))
        assert abs(chance.sum() - 1) < 1e-6
        worst = max(
            worst, (float(chance[bounds > win - loss + 1e-12].sum()), (win, loss)), key=lambda found: found[0]
        )
    return worst


@pytest.mark.parametrize("groups", [5, 8, 12])
def test_the_bound_is_above_the_true_gain_no_more_often_than_it_says(groups):
    """For all results of so many groups; `make soak` does up to thirty, on a finer grid."""
    miss, pair = worst_miss(groups, ALPHA, 10)
    print(f"{groups} groups: {miss:.4f} at {pair}")

    assert 0.01 < miss <= ALPHA


def test_the_share_of_wins_as_the_gain_would_be_too_high_far_too_often(monkeypatch):
    """The enumeration finds a bound that does not hold."""
    monkeypatch.setattr(
        f"{__name__}.gain_at_least", lambda wins, _losses, groups, alpha: share_at_least(wins, groups, alpha)
    )

    assert worst_miss(8, ALPHA, 10)[0] > 0.2


@pytest.mark.soak
@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("groups", range(5, 31))
def test_the_bound_covers_the_gain_for_every_pair_of_rates(groups, alpha):
    miss, pair = worst_miss(groups, alpha, 50)
    print(f"{groups} groups at {alpha}: {miss:.5f} at {pair}")

    assert miss <= alpha


@pytest.mark.slow
@pytest.mark.parametrize("groups", [5, 12, 25])
def test_a_better_result_never_has_a_lower_bound(groups):
    """One more win in place of a tie or a loss, one loss fewer: who is silent where it would have won gains nothing by it."""
    bounds = {
        (wins, losses): gain_at_least(wins, losses, groups, ALPHA)
        for wins in range(groups + 1)
        for losses in range(groups + 1 - wins)
    }
    for (wins, losses), bound in bounds.items():
        worse = [(wins - 1, losses), (wins, losses + 1), (wins - 1, losses + 1)]
        assert max([-1.0, *(bounds.get(result, -1.0) for result in worse)]) <= bound + 1e-12
