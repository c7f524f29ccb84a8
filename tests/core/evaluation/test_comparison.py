"""What is measured and shown: means, notes, texts, pages and tables; and whose answers they are."""

import csv
import io

import msgspec
import pytest

from shared.core.evaluation import comparison
from shared.core.evaluation.answers import Answer, AnswerOutcome
from shared.core.evaluation.comparison import Comparison, Outcome, exam_from
from shared.core.evaluation.contest import Score
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.looks import Look
from shared.core.evaluation.render import to_csv, to_markdown
from shared.core.evaluation.scorecard import decisive_of
from shared.core.spec import PromoteRule
from tests.core.evaluation.exams import EXACT, answers, checking, compared, items


def judged(targets, *, rows=None, **more):
    """Compare lists of right (1), wrong (0) and missing (None) answers."""
    given = {name: answers(marks) for name, marks in targets.items()}
    return compared(rows or items(len(targets["candidate"])), given, **more)


def test_winning_against_a_baseline_that_hardly_answers_proves_nothing():
    result = judged({"candidate": [1] * 10, "baseline-1": [None] * 3 + [0] * 7})

    assert result.outcome is Outcome.UNPROVEN
    assert "baseline-1 gave no answer to 3 of 10" in result.reason
    assert decisive_of(result.contests, result.decided_by).baseline == "baseline-1"


def test_losing_against_another_baseline_still_decides():
    result = judged({"candidate": [1] * 8 + [0] * 2, "baseline-1": [None] * 10, "baseline-2": [1] * 10})

    assert result.outcome is Outcome.NOT_BETTER
    assert decisive_of(result.contests, result.decided_by).baseline == "baseline-2"


def test_answers_without_text_count_as_no_answer():
    result = judged({"candidate": [None] * 3 + [1] * 7, "baseline-1": [0] * 10})

    assert result.outcome is Outcome.NOT_BETTER
    assert result.target("candidate").errors == 3
    assert result.target("candidate").outcomes == {
        "answered": 7,
        "refused": 0,
        "filtered": 3,
        "truncated": 0,
        "failed": 0,
    }


def test_one_silent_example_in_five_is_borne():
    assert judged({"candidate": [None] * 2 + [1] * 8, "baseline-1": [0] * 10}).outcome is Outcome.BETTER


def test_the_summary_is_of_the_contest_that_the_reason_names():
    """The gain over baseline-2 is the smaller one but sure; it is the one over baseline-1 that may be chance."""
    candidate = [1] * 20 + [0] * 10
    swinging = [0] * 11 + [1] * 14 + [0] * 5
    below = [1] * 15 + [0] * 15
    result = judged({"candidate": candidate, "baseline-1": swinging, "baseline-2": below})
    first, second = result.contests

    assert first.gain > second.gain > 0
    assert first.lower_bound < 0 < second.lower_bound
    assert result.outcome is Outcome.NOT_BETTER
    assert "of baseline-1, gain +0.200" in result.reason
    assert decisive_of(result.contests, result.decided_by).baseline == "baseline-1"


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
        graders=(checking("hits", "{{item.target}}"),),
        rows=rows,
    )

    assert result.outcome is outcome
    (note,) = result.notes
    assert f"{share} of 10" in note
    assert "item.target; it has item.reference" in note
    assert "item.target" in to_markdown(result).replace("\\", "")


@pytest.mark.parametrize(("metric", "noted"), [("rouge_l", 1), ("rouge_2", 3), ("fuzzy_match", 1)])
def test_references_with_nothing_to_compare_are_reported(metric, noted):
    """Nothing against nothing scored 1 in 0.2.0, for every model alike."""
    rows = [
        EvaluationItem(index=n, messages=[], reference=text)
        for n, text in enumerate(["", "yes", "no", *["yes it is"] * 7])
    ]
    similar = compile_grader(
        {
            "type": "text_similarity",
            "name": "similar",
            "evaluation_metric": metric,
            "input": "{{sample.output_text}}",
            "reference": "{{item.reference}}",
        }
    )
    given = {side: answers([1] * 10) for side in ("candidate", "baseline-1")}
    result = compared(rows, given, graders=[similar])

    assert [f"scores 0 on {noted} of 10" in note for note in result.notes] == [True]
    assert "nothing in its reference" in result.notes[0]


def test_a_grader_beside_the_deciding_one_may_lack_its_fields():
    result = judged(
        {"candidate": [1] * 10, "baseline-1": [0] * 10}, graders=(EXACT, checking("other", "{{item.none}}"))
    )

    assert result.outcome is Outcome.BETTER
    assert len(result.notes) == 1


def test_the_named_metric_decides_and_not_the_first():
    wrong = checking("wrong", "yes", "ne")
    result = judged(
        {"candidate": [1] * 10, "baseline-1": [0] * 10},
        graders=(EXACT, wrong),
        by=PromoteRule(metric="wrong"),
    )

    assert (result.metric, result.outcome) == ("wrong", Outcome.NOT_BETTER)


@pytest.mark.parametrize("given", [answers([1] * 9), list(reversed(answers([1] * 10)))])
def test_answers_of_other_examples_are_refused(given):
    both = {"candidate": answers([1] * 10), "baseline-1": given}

    with pytest.raises(ValueError, match="answers of baseline-1 are not those of the 10 examples"):
        compared(items(10), both)


def test_the_candidate_is_the_first_side_whatever_the_order_of_the_answers():
    given = {"baseline-1": answers([0] * 5), "candidate": answers([1] * 5)}
    made = exam_from(items(5), [0, 0, 1, 2, 3], given, EXACT, {"candidate": "ours", "baseline-1": "theirs"})

    assert list(made.labels.items()) == [("candidate", "ours"), ("baseline-1", "theirs")]
    assert list(made.scores) == ["candidate", "baseline-1"]
    assert made.groups == ["g0", "g0", "g1", "g2", "g3"]


def test_scores_of_an_exam_keep_outcome_tokens_and_what_cannot_be_graded():
    rows = [*items(3), EvaluationItem(index=3, messages=[])]
    given = [
        Answer(index=0, text="yes", prompt_tokens=7, completion_tokens=2),
        Answer(index=1, text=None, refusal="I will not.", prompt_tokens=7, completion_tokens=3),
        Answer(index=2, text="ye", finish_reason="length"),
        Answer(index=3, text="yes"),
    ]
    made = exam_from(rows, [0, 1, 2, 3], {"candidate": given}, EXACT, {"candidate": "c"})

    assert made.scores["candidate"] == [
        Score(value=1.0, prompt_tokens=7, completion_tokens=2),
        Score(value=None, outcome=AnswerOutcome.REFUSED, prompt_tokens=7, completion_tokens=3),
        Score(value=0.0, outcome=AnswerOutcome.TRUNCATED),
        Score(value=None, is_gradable=False),
    ]


def test_long_texts_are_clipped_and_silence_is_explained():
    rows = [
        EvaluationItem(index=n, messages=[{"role": "user", "content": "q" * 3000}], reference="r")
        for n in range(5)
    ]
    given = [
        Answer(index=0, text="a" * 3000),
        Answer(index=1, text=""),
        Answer(index=2, text=None),
        Answer(index=3, text=None, error="content_filter"),
        Answer(index=4, text="x"),
    ]
    result = compared(rows, {"candidate": given})
    said = [row.answers["candidate"] for row in result.rows]

    assert (len(said[0]), said[0][-1]) == (2000, "…")
    empty = "[failed: an empty answer]"
    assert said[1:] == [empty, empty, "[filtered: content_filter]", "x"]
    assert {len(row.prompt) for row in result.rows} == {2000}


@pytest.mark.parametrize(("examples", "kept"), [(3, 33), (90, 1)])
def test_texts_of_very_many_examples_are_kept_by_their_beginnings_only(monkeypatch, examples, kept):
    monkeypatch.setattr(comparison, "_TEXTS_MAX", 300)
    given = [Answer(index=n, text="abc" * 100, prompt_tokens=1) for n in range(examples)]
    result = compared(items(examples), {"candidate": given})

    assert {len(row.answers["candidate"]) for row in result.rows} == {kept}


def test_the_page_shows_every_contest_with_gain_bound_and_tokens():
    page = to_markdown(judged({"candidate": [1] * 8 + [0] * 2, "baseline-1": [0] * 10}))

    assert "# The candidate is better" in page
    assert "10 held-out examples; exact decides. Look 1 of this evaluation set, 1 of this pipeline" in page
    assert "| baseline\\-1 | +0.800 | +0." in page.replace("baseline-1", "baseline\\-1")
    assert "| 8 | 0 | 10 | 0.00391 | 0 : 0 | 0 (at most 25.9%) | × 1.00 | × 1.00 |" in page  # noqa: RUF001  # times signs
    assert page.count("\n| 0 | +1.000") == 1
    assert page.count("| +1.000 |") == 5  # five of the eight wins


def test_the_page_shows_losses_groups_doubts_and_what_is_not_known():
    given = {
        "candidate": [Answer(index=n, text="yes" if n < 9 else "no") for n in range(10)],
        "baseline-1": [Answer(index=n, text="yes" if n == 9 else "no") for n in range(10)],
    }
    result = compared(items(10), given, groups=[0, 0, 1, 2, 3, 4, 5, 6, 7, 8], skipped=("champion: none",))
    page = to_markdown(msgspec.structs.replace(result, look=Look(set=2, pipeline=7)))

    assert "10 held-out examples in 9 groups; " in page
    assert "Look 2 of this evaluation set, 7 of this pipeline" in page
    assert "- `automatic` would ask a person: there are 9 groups" in page
    assert "- not measured: champion: none" in page
    assert "## Biggest losses to baseline-1" in page
    assert "\n| 9 | -1.000 | yes | no | yes |" in page
    assert "| – | – |" in page  # noqa: RUF001  # dashes for the tokens that nobody counted


def test_a_contest_without_groups_has_a_line_too():
    page = to_markdown(judged({"candidate": [], "baseline-1": []}))

    assert "Only 0 held-out examples" in page
    assert "| +0.000 | – | – | 0 | 0 | 0 | 1 | 0 : 0 | 0 | – | – | – |" in page  # noqa: RUF001  # dashes


def section(page, title):
    """Lines of a section of the page that are rows of its table, and what follows it."""
    (found,) = [part for part in page.replace("\\", "").split("\n## ") if part.startswith(title)]
    return [line for line in found.splitlines()[4:] if line]


def test_what_a_side_did_not_answer_is_neither_won_nor_lost_but_listed_apart():
    page = to_markdown(
        judged({"candidate": [1] * 18 + [None, None], "baseline-1": [0] * 16 + [None, 1, 1, None]})
    )

    assert [line.split(" | ")[0] for line in section(page, "Biggest wins")] == [f"| {n}" for n in range(5)]
    assert "## Biggest losses" not in page
    assert [
        line.split(" | ")[:3] for line in section(page, "Without an answer: candidate or baseline-1")
    ] == [
        ["| 16", "answered", "filtered"],
        ["| 18", "filtered", "answered"],
        ["| 19", "filtered", "filtered"],
    ]
    assert "\n| 16 |" not in page.split("## Without")[0]


def test_the_page_counts_outcomes_by_side_and_says_how_its_scores_count_no_answer():
    page = to_markdown(judged({"candidate": [1] * 9 + [None], "baseline-1": [0] * 10}))

    assert "| what became of the questions | answered | refused | filtered | truncated | failed |" in page
    assert "| candidate | 9 | 0 | 1 | 0 | 0 |" in page
    assert "| baseline-1 | 10 | 0 | 0 | 0 | 0 |" in page
    assert "No answer counts 0 in this table." in page


@pytest.mark.parametrize("by", [PromoteRule(), PromoteRule(not_worse_by=0.3, max_cost_ratio=100.0)])
def test_all_groups_that_regress_severely_are_listed_with_their_rows_as_they_are_counted(by):
    """Pairs: lost whole, lost half, lost half with a made-up baseline answer beside it, silence beside silence, won."""
    ours = [0, 0] + [0, 1] + [None, 1] + [0, None] + [1, 1] * 20
    theirs = [1, 1] + [1, 1] + [1, None] + [1, None] + [0, 0] * 20
    result = judged(
        {"candidate": ours, "baseline-1": theirs}, by=by, groups=[n // 2 for n in range(len(ours))]
    )
    lines = section(to_markdown(result), "Groups that lose 0.5 or more to baseline-1")
    rows = 8 if by.not_worse_by is None else 7

    assert len(lines) == rows
    assert [line.split(" | ")[0] for line in lines[:2]] == ["| g0", "| g0"]
    assert len({line.split(" | ")[0] for line in lines}) == result.contests[0].severe.count == 4


def test_of_very_many_severe_groups_the_worst_fifty_are_listed():
    page = to_markdown(judged({"candidate": [0] * 60, "baseline-1": [1] * 60}))
    lines = section(page, "Groups that lose 0.5 or more")

    assert len(lines) == 51
    assert lines[-1] == "... and 10 more groups."
    assert "more groups" not in to_markdown(judged({"candidate": [0] * 50, "baseline-1": [1] * 50}))


def test_addresses_in_answers_do_not_become_links():
    given = {"candidate": [Answer(index=n, text="https://x.example www.x.example &lt;b>") for n in range(5)]}
    page = to_markdown(compared(items(5), given | {"baseline-1": answers([1] * 5)}))

    assert "https\\://x.example www\\.x.example \\&lt;b\\>" in page


def test_without_a_deciding_contest_the_closest_one_is_shown():
    result = judged({"candidate": [1] * 10, "baseline-1": [0] * 10, "baseline-2": [0] * 5 + [1] * 5})
    undecided = msgspec.structs.replace(result, decided_by=None)

    assert decisive_of(undecided.contests, undecided.decided_by).baseline == "baseline-2"
    assert decisive_of((), undecided.decided_by) is None


def test_a_side_that_was_not_measured_has_no_score():
    with pytest.raises(KeyError):
        judged({"candidate": [1] * 10, "baseline-1": [0] * 10}).target("baseline-9")


def test_a_comparison_with_nobody_is_written_down_too():
    text = to_markdown(judged({"candidate": [1] * 10}))

    assert "10 held-out examples" in text
    assert "candidate against" not in text


def test_the_comparison_survives_storage():
    result = judged({"candidate": [1, 0, 1, 1, 1, 1], "baseline-1": [0] * 6})

    assert msgspec.json.decode(msgspec.json.encode(result), type=Comparison) == result


NAUGHTY = [
    "=1+1",
    "+x",
    "-x",
    "@cmd",
    "\t=x",
    "a|b\n# c `d` <script>",
    "[x](http://y)",
    "\u202etrojan",
    "*" * 5000,
]


@pytest.mark.parametrize("text", NAUGHTY)
def test_answers_stay_text_in_tables_and_spreadsheets(text):
    rows = [
        EvaluationItem(index=n, messages=[{"role": "user", "content": text}], reference=text)
        for n in range(6)
    ]
    given = {
        "candidate": [Answer(index=n, text=text) for n in range(6)],
        "baseline-1": [Answer(index=n, text="no") for n in range(6)],
    }
    result = compared(rows, given, labels={"candidate": "candidate", "baseline-1": text[:40]})
    page, table = to_markdown(result), list(csv.reader(io.StringIO(to_csv(result))))

    assert all(
        cell.startswith("'") or not cell.startswith(("=", "+", "-", "@", "\t"))
        for row in table[1:]
        for cell in row[4:]
    )
    lines = [line for line in page.splitlines() if line.startswith("| 0 ")]
    assert lines
    assert all(line.replace("\\|", "").count("|") == 6 for line in lines)
    assert "<script>" not in page.replace("\\<", "")
    assert "\u202e" not in page
    assert len(table) == 13


@pytest.mark.parametrize(
    ("text", "noted"), [("yes" * 7, False), ("y" * 24, True), ("no, yes", False), (None, False)]
)
def test_answers_far_longer_than_the_references_are_reported(text, noted):
    """W17: whoever names every label contains the right one."""
    long = [Answer(index=n, text=text) for n in range(10)]
    result = compared(items(10), {"candidate": long, "baseline-1": answers([1] * 10)})

    assert [note for note in result.notes if "as long as the references" in note] == list(result.notes)
    assert bool(result.notes) is noted
    if noted:
        assert "candidate are 8 times as long" in result.notes[0]


def test_a_side_that_was_not_asked_as_the_candidate_was_trained_is_named():
    plain = [Answer(index=n, text="yes", left_out=("response_format",) if n else ()) for n in range(10)]
    result = compared(items(10), {"candidate": answers([1] * 10), "baseline-1": plain})

    assert result.notes == (
        "baseline-1 does not take response_format, so it was asked 9 questions without it.",
    )


def test_what_a_model_was_trained_on_is_neither_won_nor_lost_nor_a_regression_on_the_page():
    given = {"candidate": answers([1, 0, 0, 1, 1, 1, 1]), "baseline-1": answers([0, 1, 1, 0, 0, 0, 0])}
    shown = compared(items(7), given, known={"candidate": {1}})
    page = to_markdown(shown)

    assert [row.known_to for row in shown.rows[:3]] == [(), ("candidate",), ()]
    assert "| g2 | -1.000 | 2 |" in page
    assert "| g1 |" not in page
    assert "candidate was trained on 1 of 7 examples, on which it is not compared: 1." in page
