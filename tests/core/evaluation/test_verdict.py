"""The verdict follows from the numbers, and says which."""

import pytest

from shared.core.evaluation.verdict import Outcome
from tests.core.evaluation.exams import PLAIN, rule, score, verdict


@pytest.mark.parametrize(
    ("candidate", "baselines", "by", "outcome", "words"),
    [
        ([1] * 10, [[0] * 10], PLAIN, Outcome.BETTER, "1.000 against 0.000 of model 1, gain +1.000"),
        ([0] * 10, [[1] * 10], PLAIN, Outcome.NOT_BETTER, "its lower bound is not above 0"),
        ([1] * 10, [[1] * 10], PLAIN, Outcome.NOT_BETTER, "may be chance"),
        ([1, 0] * 5, [[0, 1] * 5], PLAIN, Outcome.NOT_BETTER, "may be chance"),
        (
            [1] * 6 + [0] * 4,
            [[0] * 10],
            rule(min_gain=0.7),
            Outcome.NOT_BETTER,
            "A gain of at least 0.7 is asked for, which is not proven",
        ),
        ([1] * 10, [[0] * 10, [1] * 10], PLAIN, Outcome.NOT_BETTER, "of model 2"),
        ([1] * 10, [], PLAIN, Outcome.UNPROVEN, "No baseline could be measured (champion: none)"),
        ([1] * 4, [[0] * 4], PLAIN, Outcome.UNPROVEN, "Only 4 held-out examples"),
        ([], [], PLAIN, Outcome.UNPROVEN, "Only 0 held-out examples"),
        ([None] * 3 + [1] * 7, [[0] * 10], PLAIN, Outcome.NOT_BETTER, "no answer to 3 of 10"),
    ],
)
def test_the_outcome_follows_the_rule(candidate, baselines, by, outcome, words):
    result = verdict(candidate, *baselines, by=by, skipped=("champion: none",) if not baselines else ())

    assert result.outcome is outcome
    assert words in result.reason


def test_a_dearer_candidate_can_be_refused():
    def judged(tokens):
        ours = [score(1.0, completion_tokens=tokens)] * 10
        return verdict(ours, [0.0] * 10, by=rule(max_cost_ratio=1.5))

    assert judged(15).outcome is Outcome.BETTER
    assert judged(16).outcome is Outcome.NOT_BETTER
    assert "1.60 times the completion tokens; at most 1.5 times is asked for" in judged(16).reason
