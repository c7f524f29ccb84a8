"""The verdict follows from the numbers, and says which."""

import msgspec
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


class TestWhatModelsWereTrainedOn:
    """Examples that either side of a contest knows are left out of it; others are compared as if there were no more."""

    def test_what_the_candidate_knows_counts_against_nobody(self):
        known, fresh = ["1 known"] * 5, [1.0] * 30
        result = verdict(known + fresh, [0.0] * 35)

        assert result.contests == tuple(
            msgspec.structs.replace(one, left_out=5) for one in verdict(fresh, [0.0] * 30).contests
        )
        assert "Left out: 5 of 35 examples, which candidate was trained on." in result.reason

    def test_what_a_baseline_knows_is_left_out_against_that_baseline_only(self):
        first, second = verdict([1.0] * 30, ["0 known"] * 10 + [0.0] * 20, [0.0] * 30).contests

        assert (first.n, first.left_out) == (20, 10)
        assert (second.n, second.left_out) == (30, 0)

    def test_missing_answers_are_counted_among_those_that_are_compared(self):
        result = verdict(["1 known"] * 30 + [None] * 3 + [1.0] * 7, [0.0] * 40)

        assert result.outcome is Outcome.NOT_BETTER
        assert "no answer to 3 of 10" in result.reason

    def test_where_too_few_remain_nothing_is_proven(self):
        result = verdict(["1 known"] * 96 + [1.0] * 4, [0.0] * 100)

        assert result.outcome is Outcome.UNPROVEN
        assert result.reason == (
            "Only 4 held-out examples: too few to prove anything (5 groups at least). "
            "Left out: 96 of 100 examples, which candidate was trained on."
        )

    @pytest.mark.parametrize(("count", "is_doubted"), [(10, False), (11, True)])
    def test_automatic_takes_a_tenth_at_most(self, count, is_doubted):
        result = verdict([1.0] * 100, ["0 known"] * count + [0.0] * (100 - count))

        assert result.outcome is Outcome.BETTER
        assert any("were left out" in doubt for doubt in result.doubts) is is_doubted

    def test_automatic_asks_where_it_is_not_known_what_a_model_learned_from(self):
        sure, unsure = (verdict([1.0] * 100, [0.0] * 100, not_known=sides) for sides in ((), ("baseline-1",)))

        assert not sure.doubts
        assert unsure.doubts == (
            "it is not known what model 1 was trained on, so examples that it learned from may count",
        )
