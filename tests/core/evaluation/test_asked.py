"""What a rule asks for, in words; and which scores are about those of guessing."""

import msgspec
import pytest

from shared.core.evaluation.advice import advice
from shared.core.evaluation.asked import asked_for, is_guessing, with_the_rule
from shared.core.evaluation.measured import Interval, Measure
from shared.core.spec import PromoteRule
from tests.support.builders import BETTER


@pytest.mark.parametrize(
    ("rule", "words", "within"),
    [
        ({}, "more than 0 (superior_by)", ""),
        ({"superior_by": 0.02}, "at least +0.020 (superior_by)", ", the +0.02 that"),
        ({"min_gain": 0.03}, "at least +0.030 (min_gain)", ", the +0.03 that"),
        ({"not_worse_by": 0.05}, "a loss of at most 0.05 (not_worse_by)", ", with the loss of 0.05"),
        ({"not_worse_by": 0.0}, "a loss of at most 0 (not_worse_by)", ""),
    ],
)
def test_a_rule_says_what_it_asks_for_and_what_of_it_a_smallest_gain_has(rule, words, within):
    rule = PromoteRule(**rule)

    assert asked_for(rule).endswith(words)
    assert with_the_rule(rule).startswith(within)
    assert bool(with_the_rule(rule)) == bool(within)


def scored(candidate, baseline=0.5, low=None):
    measure = Measure(
        name="accuracy",
        baseline=Interval(value=baseline, low=low),
        candidate=Interval(value=candidate, low=low),
        difference=None,
    )
    return msgspec.structs.replace(
        BETTER,
        outcome="not_better",
        candidate_score=candidate,
        baseline_score=baseline,
        gain=candidate - baseline,
        measures=(measure,),
    )


@pytest.mark.parametrize(
    ("candidate", "low", "chance", "said"),
    [
        (0.25, None, 0.2, True),
        (0.26, None, 0.2, False),
        (0.38, 0.19, 0.2, True),
        (0.38, 0.21, 0.2, False),
        (0.42, 0.19, 0.2, False),
        (1.0, 0.6, 0.75, False),
        (0.2, 0.1, None, False),
    ],
)
def test_a_score_is_about_that_of_guessing_if_its_range_reaches_down_to_it(candidate, low, chance, said):
    assert is_guessing(scored(candidate, low=low), chance) is said


def test_without_a_score_nothing_is_said_of_guessing():
    seen = msgspec.structs.replace(BETTER, candidate_score=None, measures=())

    assert not is_guessing(seen, 0.9)
    assert is_guessing(seen, 0.9, "baseline")


@pytest.mark.parametrize(
    ("baseline", "who"), [(0.22, "candidate scores 0.210 and gpt-4.1 0.220"), (0.9, "scores 0.210, and")]
)
def test_who_scores_as_guessing_does_is_sent_to_the_data_and_not_to_more_rows(baseline, who):
    found = advice(scored(0.21, baseline), None, overfits=True, chance=0.2)

    assert who in found.to_try
    assert "may not fit their questions" in found.to_try
    assert "would not settle it" in found.settles
