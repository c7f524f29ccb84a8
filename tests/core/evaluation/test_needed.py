"""How many groups it takes, where few or none are decided."""

import math

import pytest

from shared.core.evaluation.exact import gain_at_least
from shared.core.evaluation.power import needed_for_counts, power_of_counts
from tests.core.evaluation.exams import contest


def test_without_a_decided_group_it_takes_as_many_as_exclude_the_loss():
    needed = needed_for_counts(0, 0, -0.05, 0.95, 5)

    assert gain_at_least(0, 0, needed, 0.05) >= -0.05 > gain_at_least(0, 0, needed - 1, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("line", [-0.05, -0.036])
def test_that_no_group_may_be_decided_counts_where_a_loss_is_allowed(line):
    """Of 200 groups, each won or lost with a chance of one in 200: all exams with up to 20 decided groups, one by one."""
    share, groups = 0.005, 200
    shown = math.fsum(
        math.comb(groups, wins + losses)
        * math.comb(wins + losses, wins)
        * share ** (wins + losses)
        * (1 - 2 * share) ** (groups - wins - losses)
        for wins in range(11)
        for losses in range(11)
        if gain_at_least(wins, losses, groups, 0.05) >= line
    )

    assert power_of_counts(share, share, groups, line, 0.05) == pytest.approx(shown, abs=1e-3)


def test_a_gain_that_nothing_decides_is_never_shown():
    assert power_of_counts(0, 0, 200, 0, 0.05) == 0
    assert needed_for_counts(0, 0, 0, 0.95, 5) is None


@pytest.mark.parametrize("ties", [0, 1, 4, 9])
@pytest.mark.parametrize("confidence", [0.5, 0.51, 0.95])
def test_scores_of_which_one_group_may_be_decided_have_a_number_at_every_confidence(ties, confidence):
    ours = [0.9, 0.4, 0.8, 0.6, 0.7] + [0.3] * ties
    seen = contest(ours, [0.5, 0.7, 0.5, 0.7, 0.4] + [0.3] * ties, confidence=confidence)

    assert seen.needed is not None
    assert seen.needed >= 5
