"""Which contests prove something, and that the sentence speaks of the contest that decided."""

import msgspec
import pytest

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.comparison import Outcome, compare
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.render import to_markdown
from shared.core.spec import PromoteRule


def grader(name, reference):
    return compile_grader(
        {
            "type": "string_check",
            "name": name,
            "operation": "eq",
            "input": "{{sample.output_text}}",
            "reference": reference,
        }
    )


EXACT = grader("exact", "{{item.reference}}")


def items(count, **fields):
    return [
        EvaluationItem(index=n, messages=[{"role": "user", "content": "q"}], reference="yes", fields=fields)
        for n in range(count)
    ]


def answers(marks):
    """1 is right, 0 wrong, None no text."""
    texts = {1: "yes", 0: "no", None: None}
    return [Answer(index=n, text=texts[mark], completion_tokens=5) for n, mark in enumerate(marks)]


def judged(targets, *, graders=(EXACT,), rule=None, rows=None):
    given = {name: answers(marks) for name, marks in targets.items()}
    names = {name: name for name in given}
    rows = rows or items(len(targets["candidate"]))
    return compare(rows, given, graders, rule or PromoteRule(), labels=names, deployments=names)


def test_winning_against_a_baseline_that_hardly_answers_proves_nothing():
    result = judged({"candidate": [1] * 10, "baseline-1": [None] * 3 + [0] * 7})

    assert result.outcome is Outcome.UNPROVEN
    assert "baseline-1 gave no answer to 3 of 10" in result.reason
    assert result.decisive.baseline == "baseline-1"


def test_losing_against_another_baseline_still_decides():
    result = judged({"candidate": [1] * 8 + [0] * 2, "baseline-1": [None] * 10, "baseline-2": [1] * 10})

    assert result.outcome is Outcome.NOT_BETTER
    assert result.decisive.baseline == "baseline-2"


def test_answers_without_text_count_as_no_answer():
    result = judged({"candidate": [None] * 3 + [1] * 7, "baseline-1": [0] * 10})

    assert result.outcome is Outcome.NOT_BETTER
    assert result.target("candidate").errors == 3


def test_one_silent_example_in_five_is_borne():
    assert judged({"candidate": [None] * 2 + [1] * 8, "baseline-1": [0] * 10}).outcome is Outcome.BETTER


def test_the_summary_is_of_the_contest_that_the_reason_names():
    """The gain over baseline-2 is the smaller one but sure; it is the one over baseline-1 that may be chance."""
    candidate = [1] * 20 + [0] * 10
    swinging = [0] * 10 + [1] * 15 + [0] * 5
    below = [1] * 16 + [0] * 14
    result = judged({"candidate": candidate, "baseline-1": swinging, "baseline-2": below})
    first, second = (contest.paired for contest in result.contests)

    assert first.gain > second.gain > 0
    assert first.lower_bound < 0 < second.lower_bound
    assert result.outcome is Outcome.NOT_BETTER
    assert "of baseline-1, gain +0.167" in result.reason
    assert result.decisive.baseline == "baseline-1"


@pytest.mark.parametrize(
    ("share", "outcome"), [(2, Outcome.BETTER), (3, Outcome.UNPROVEN), (10, Outcome.UNPROVEN)]
)
def test_examples_that_cannot_be_graded_are_reported_and_many_of_them_prove_nothing(share, outcome):
    rows = items(share) + [
        EvaluationItem(index=n, messages=[], reference="yes", fields={"target": "yes"})
        for n in range(share, 10)
    ]
    result = judged(
        {"candidate": [1] * 10, "baseline-1": [0] * 10},
        graders=(grader("hits", "{{item.target}}"),),
        rows=rows,
    )

    assert result.outcome is outcome
    (note,) = result.notes
    assert f"{share} of 10" in note
    assert "item.target; it has item.reference" in note
    assert "item.target" in to_markdown(result).replace("\\", "")


def test_a_grader_beside_the_deciding_one_may_lack_its_fields():
    result = judged(
        {"candidate": [1] * 10, "baseline-1": [0] * 10}, graders=(EXACT, grader("other", "{{item.none}}"))
    )

    assert result.outcome is Outcome.BETTER
    assert len(result.notes) == 1


def test_the_named_metric_decides_and_not_the_first():
    rule = PromoteRule(metric="wrong")
    wrong = compile_grader(
        {
            "type": "string_check",
            "name": "wrong",
            "operation": "ne",
            "input": "{{sample.output_text}}",
            "reference": "yes",
        }
    )
    result = judged({"candidate": [1] * 10, "baseline-1": [0] * 10}, graders=(EXACT, wrong), rule=rule)

    assert (result.metric, result.outcome) == ("wrong", Outcome.NOT_BETTER)


@pytest.mark.parametrize("given", [answers([1] * 9), list(reversed(answers([1] * 10)))])
def test_answers_of_other_examples_are_refused(given):
    names = {"candidate": "c", "baseline-1": "b"}
    both = {"candidate": answers([1] * 10), "baseline-1": given}

    with pytest.raises(ValueError, match="answers of baseline-1 are not those of the 10 examples"):
        compare(items(10), both, [EXACT], PromoteRule(), labels=names, deployments=names)


def test_long_texts_are_clipped_and_silence_is_explained():
    rows = [EvaluationItem(index=n, messages=[{"role": "user", "content": "q" * 3000}]) for n in range(5)]
    given = [
        Answer(index=0, text="a" * 3000),
        Answer(index=1, text=""),
        Answer(index=2, text=None),
        Answer(index=3, text=None, error="content_filter"),
        Answer(index=4, text="x"),
    ]
    result = compare(
        rows,
        {"candidate": given},
        [EXACT],
        PromoteRule(),
        labels={"candidate": "c"},
        deployments={"candidate": "d"},
    )
    said = [row.answers["candidate"] for row in result.rows]

    assert (len(said[0]), said[0][-1]) == (2000, "…")
    empty = "[failed: an empty answer]"
    assert said[1:] == [empty, empty, "[filtered: content_filter]", "x"]
    assert {len(row.prompt) for row in result.rows} == {2000}


def test_the_page_shows_every_contest_with_gain_bound_and_tokens():
    page = to_markdown(judged({"candidate": [1] * 8 + [0] * 2, "baseline-1": [0] * 10}))

    assert "| baseline-1 | +0.800 | +0." in page
    assert "| 8 | 0 | 0.00391 | × 1.00 |" in page  # noqa: RUF001  # a times sign
    assert page.count("\n| 0 | +1.000") == 1
    assert page.count("| +1.000 |") == 5  # five of the eight wins


def test_addresses_in_answers_do_not_become_links():
    rows = items(5)
    given = {"candidate": [Answer(index=n, text="https://x.example www.x.example &lt;b>") for n in range(5)]}
    given["baseline-1"] = answers([1] * 5)
    names = {name: name for name in given}
    page = to_markdown(compare(rows, given, [EXACT], PromoteRule(), labels=names, deployments=names))

    assert "https\\://x.example www\\.x.example \\&lt;b\\>" in page


def test_without_a_deciding_contest_the_closest_one_is_shown():
    result = judged({"candidate": [1] * 10, "baseline-1": [0] * 10, "baseline-2": [0] * 5 + [1] * 5})
    undecided = msgspec.structs.replace(result, decided_by=None)

    assert undecided.decisive.baseline == "baseline-2"
    assert msgspec.structs.replace(undecided, contests=()).decisive is None


def test_a_side_that_was_not_measured_has_no_score():
    with pytest.raises(KeyError):
        judged({"candidate": [1] * 10, "baseline-1": [0] * 10}).target("baseline-9")


def test_a_comparison_with_nobody_is_written_down_too():
    text = to_markdown(judged({"candidate": [1] * 10}))

    assert "10 held-out examples" in text
    assert "candidate against" not in text
