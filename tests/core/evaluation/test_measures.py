"""The table that people see first, and what the gain is made of."""

import msgspec
import pytest

from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.contest import Score, contest_of
from shared.core.evaluation.measures import LATENCIES, TOKENS, measured
from tests.core.evaluation.exams import LOOK, PLAIN, contest, exam, rule


def lines(seen):
    return {measure.name: measure for measure in seen.measures}


def tokens(value, prompt, completion, *, cached=None, reasoning=None, ms=None):
    return Score(
        value=value,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        latency_ms=ms,
    )


def test_accuracy_and_gain_are_those_of_the_contest():
    ours, theirs = [1, 0.5, None, 1, 0.75, 1, "0 known"], [0, 0.5, 1, None, 0.25, 0, 1]
    made = exam(ours, theirs, groups=[0, 0, 1, 2, 3, 4, 5])
    seen = contest_of(made, "baseline-1", PLAIN, LOOK)
    accuracy = lines(measured(made, "baseline-1", PLAIN))["accuracy"]

    assert (accuracy.candidate.value, accuracy.baseline.value) == (
        pytest.approx(seen.means["candidate"]),
        pytest.approx(seen.means["baseline"]),
    )
    assert (accuracy.difference.value, accuracy.difference.low) == (seen.gain, seen.lower_bound)
    assert (accuracy.examples, accuracy.groups) == (seen.n, seen.groups) == (6, 5)


def test_tokens_are_compared_in_pairs_over_groups():
    """The tuned model needs 900 tokens less in each pair, whatever the lengths: the difference is sure, the means are not."""
    lengths = [1000, 1400, 1100, 1900, 1200, 1250]
    made = exam(
        [tokens(1, n - 900, 10) for n in lengths],
        [tokens(0, n, 10) for n in lengths],
        groups=[0, 0, 1, 2, 3, 4],
    )
    prompt = lines(measured(made, "baseline-1", PLAIN))["prompt_tokens"]

    assert (prompt.difference.value, prompt.difference.low, prompt.difference.high) == (-900, -900, -900)
    assert prompt.baseline.value == pytest.approx((1200 + 1100 + 1900 + 1200 + 1250) / 5)
    assert prompt.baseline.low < prompt.baseline.value < prompt.baseline.high
    assert (prompt.examples, prompt.groups) == (6, 5)


def test_what_one_side_does_not_say_is_unknown_and_nought_is_known():
    made = exam([tokens(1, 10, 5, cached=0, reasoning=3)] * 6, [tokens(0, 10, 5, cached=4)] * 6)
    found = lines(measured(made, "baseline-1", PLAIN))

    assert (found["cached_tokens"].candidate.value, found["cached_tokens"].baseline.value) == (0, 4)
    assert found["reasoning_tokens"].candidate is None
    assert found["reasoning_tokens"].unknown.startswith("unknown: ")


def test_money_is_unknown():
    cost = lines(measured(exam([1] * 6, [0] * 6), "baseline-1", PLAIN))["usd_per_1000_requests"]

    assert (cost.candidate, cost.baseline, cost.difference) == (None, None, None)
    assert cost.unknown == "unknown: there is no list of prices yet"


def test_latency_is_shown_at_the_median_and_at_95_of_100():
    ours = [tokens(1, 9, 9, ms=100 + n) for n in range(100)]
    theirs = [tokens(1, 9, 9, ms=None if n == 5 else 500 + n) for n in range(100)]
    found = lines(measured(exam(ours, theirs), "baseline-1", PLAIN))

    assert (found["latency_ms_p50"].candidate.value, found["latency_ms_p95"].candidate.value) == (150, 195)
    assert found["latency_ms_p95"].baseline.value == 595
    assert found["latency_ms_p50"].examples == 99
    assert found["latency_ms_p50"].difference is None


def test_the_lines_are_in_the_order_of_the_seed():
    names = list(lines(measured(exam([1] * 6, [0] * 6), "baseline-1", PLAIN)))

    assert names == ["accuracy", *TOKENS, "usd_per_1000_requests", *LATENCIES]


def test_a_candidate_alone_has_its_own_numbers():
    found = lines(measured(exam([1, 1, 0, 1, None, "1 known"]), None, PLAIN))

    assert (found["accuracy"].candidate.value, found["accuracy"].examples) == (0.6, 5)
    assert {(line.baseline, line.difference) for line in found.values()} == {(None, None)}


def test_without_anything_that_can_be_graded_there_is_no_accuracy():
    seen = measured(exam(["ungradable"] * 6, ["ungradable"] * 6), "baseline-1", PLAIN)

    assert lines(seen)["accuracy"].unknown == "unknown: nothing decides"


def test_an_exam_without_items_is_a_table_of_unknowns():
    for baseline in ("baseline-1", None):
        seen = measured(exam([], []), baseline, PLAIN)

        assert all(line.unknown for line in seen.measures)
        assert (seen.gains, seen.sd, seen.smallest_gain) == ((), None, None)


def test_missing_answers_are_counted_by_side_and_outcome():
    filtered = Score(value=None, outcome=AnswerOutcome.FILTERED)
    cut = Score(value=0.5, outcome=AnswerOutcome.TRUNCATED)
    made = exam([None, filtered, filtered, cut, 1, 1], [1, 1, None, 1, "1 known", 1])
    seen = measured(made, "baseline-1", PLAIN)

    assert seen.missing == {"candidate": {"filtered": 2, "refused": 1}, "baseline": {"refused": 1}}


def test_the_smallest_gain_is_of_the_spread_that_was_measured():
    """The deviation of 10 times 0 and 10 times 1 is 0.513; (1.645 + 1.282) x 0.513 / sqrt(20) = 0.336."""
    seen = measured(exam([1] * 10 + [0] * 10, [0] * 20), "baseline-1", PLAIN)

    assert seen.sd == pytest.approx(0.512989)
    assert seen.smallest_gain == pytest.approx(0.3357, abs=1e-4)
    above = measured(exam([1] * 10 + [0] * 10, [0] * 20), "baseline-1", rule(superior_by=0.1))
    assert above.smallest_gain == pytest.approx(0.4357, abs=1e-4)


def test_differences_that_do_not_vary_say_nothing_about_the_smallest_gain():
    assert measured(exam([1] * 9, [0] * 9), "baseline-1", PLAIN).smallest_gain is None


@pytest.mark.parametrize("values", [{}, {"not_worse_by": 0.3}])
def test_the_gains_of_groups_are_what_the_contest_counts(values):
    ours = [1, None, 0.5, None, 0, 0.25, 1, 0, 1]
    theirs = [0, 1, None, None, 1, 0.75, 1, 0.5, 0.5]
    groups = [0, 0, 1, 2, 3, 4, 5, 6, 7]
    seen = measured(exam(ours, theirs, groups=groups), "baseline-1", rule(**values))
    counted = contest(ours, theirs, groups=groups, **values)

    assert len(seen.gains) == counted.groups == (8 if not values else 7)
    assert sum(group.gain for group in seen.gains) / len(seen.gains) == pytest.approx(counted.gain)
    assert [group.gain for group in seen.gains] == sorted(group.gain for group in seen.gains)
    assert sum(group.gain > 0 for group in seen.gains) == counted.wins
    assert len(seen.severe) == counted.severe.count


def test_severe_regressions_are_named_with_their_examples_the_worst_first():
    made = exam([0, 0, 0, 1, 1, 1, 1], [1, 1, 0.6, None, 0, 0, 0], groups=[7, 7, 3, 4, 5, 6, 8])
    seen = measured(made, "baseline-1", PLAIN, indices=[10, 11, 12, 13, 14, 15, 16])

    assert [(group.group, group.gain, group.examples) for group in seen.severe] == [
        ("g7", -1.0, (10, 11)),
        ("g3", -0.6, (12,)),
    ]


def test_the_order_of_the_items_changes_no_number():
    ours, theirs = [1, 0.2, 0.7, 0, 0.9, 1], [0.3, 0.3, 0.1, 1, 0.2, 0]
    made = exam(ours, theirs)
    turned = msgspec.structs.replace(
        made,
        groups=made.groups[::-1],
        scores={side: list(scores)[::-1] for side, scores in made.scores.items()},
    )
    one, other = (measured(each, "baseline-1", PLAIN) for each in (made, turned))

    assert (one.measures, one.sd, one.smallest_gain) == (other.measures, other.sd, other.smallest_gain)
