"""The verdict follows from the numbers, and says which."""

import csv
import io
import random
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.comparison import Comparison, Outcome, compare
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.render import to_csv, to_markdown
from shared.core.evaluation.significance import paired
from shared.core.spec import PromoteRule

SCORES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30)
GRADER = compile_grader(
    {
        "type": "string_check",
        "name": "exact",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference}}",
    }
)


@pytest.mark.parametrize(
    ("ours", "theirs", "gain", "bound", "wins", "losses", "p"),
    [
        ([], [], 0.0, None, 0, 0, 1.0),
        ([1.0], [0.0], 1.0, None, 1, 0, 0.5),
        ([1.0, 1.0], [0.0, 0.0], 1.0, 1.0, 2, 0, 0.25),
        ([0.5, 0.5], [0.5, 0.5], 0.0, 0.0, 0, 0, 1.0),
        ([1, 1, 1, 0], [0, 0, 0, 1], 0.5, None, 3, 1, 5 / 16),
    ],
)
def test_paired_by_hand(ours, theirs, gain, bound, wins, losses, p):
    result = paired(ours, theirs, 0.95)

    assert (result.gain, result.wins, result.losses, result.p_value) == (gain, wins, losses, p)
    if bound is not None or len(ours) < 2:
        assert result.lower_bound == bound


@given(SCORES, st.floats(0.5, 0.999))
def test_the_bound_lies_below_the_gain_and_falls_with_confidence(pairs, confidence):
    ours, theirs = zip(*pairs, strict=True)
    result = paired(ours, theirs, confidence)
    spread = max(a - b for a, b in pairs) - min(a - b for a, b in pairs)

    assert (
        result.lower_bound <= result.gain + 0.35 * spread + 1e-9
    )  # the median of skewed resamples may pass the mean
    assert paired(ours, theirs, 0.999).lower_bound <= paired(ours, theirs, 0.5).lower_bound
    assert paired(ours, theirs, confidence) == result


def test_two_hundred_examples_take_no_time():
    generator = random.Random(1)
    ours, theirs = ([generator.random() for _ in range(200)] for _ in range(2))
    started = time.perf_counter()
    paired(ours, theirs, 0.95)

    assert time.perf_counter() - started < 2.0  # about 0.1 s; the bound only catches a change of order


def judged(candidate, *baselines, rule=None, tokens=10, skipped=()):
    """Compare lists of right (1), wrong (0) and missing (None) answers."""
    count = len(candidate)
    items = [
        EvaluationItem(index=n, messages=[{"role": "user", "content": f"q{n}"}], reference="yes")
        for n in range(count)
    ]

    def answers(marks, spent):
        return [
            Answer(
                index=n,
                text=None if mark is None else ("yes" if mark else "no"),
                completion_tokens=spent,
                error="content_filter" if mark is None else None,
            )
            for n, mark in enumerate(marks)
        ]

    given = {"candidate": answers(candidate, tokens)}
    given |= {f"baseline-{n}": answers(marks, 10) for n, marks in enumerate(baselines, start=1)}
    labels = {name: name.replace("baseline-", "model ") for name in given}
    return compare(
        items, given, [GRADER], rule or PromoteRule(), labels=labels, deployments={n: f"d-{n}" for n in given}, skipped=skipped
    )  # fmt: skip


@pytest.mark.parametrize(
    ("candidate", "baselines", "rule", "outcome", "words"),
    [
        ([1] * 10, [[0] * 10], None, Outcome.BETTER, "1.000 against 0.000 of model 1, gain +1.000"),
        ([0] * 10, [[1] * 10], None, Outcome.NOT_BETTER, "gain of 0 at least"),
        ([1] * 10, [[1] * 10], None, Outcome.NOT_BETTER, "may be chance"),
        ([1, 0] * 5, [[0, 1] * 5], None, Outcome.NOT_BETTER, "may be chance"),
        (
            [1] * 6 + [0] * 4,
            [[0] * 10],
            PromoteRule(min_gain=0.7),
            Outcome.NOT_BETTER,
            "gain of 0.7 at least",
        ),
        ([1] * 10, [[0] * 10, [1] * 10], None, Outcome.NOT_BETTER, "of model 2"),
        ([1] * 10, [], None, Outcome.UNPROVEN, "No baseline could be measured (champion: none)"),
        ([1] * 4, [[0] * 4], None, Outcome.UNPROVEN, "Only 4 held-out examples"),
        ([], [], None, Outcome.UNPROVEN, "Only 0 held-out examples"),
        ([None] * 3 + [1] * 7, [[0] * 10], None, Outcome.NOT_BETTER, "no answer to 3 of 10"),
    ],
)
def test_the_outcome_follows_the_rule(candidate, baselines, rule, outcome, words):
    result = judged(candidate, *baselines, rule=rule, skipped=("champion: none",) if not baselines else ())

    assert result.outcome is outcome
    assert words in result.reason


def test_a_dearer_candidate_can_be_refused():
    rule = PromoteRule(max_cost_ratio=1.5)

    assert judged([1] * 10, [0] * 10, rule=rule, tokens=15).outcome is Outcome.BETTER
    refused = judged([1] * 10, [0] * 10, rule=rule, tokens=16)
    assert refused.outcome is Outcome.NOT_BETTER
    assert "1.60 times the tokens" in refused.reason


def test_the_comparison_survives_storage():
    result = judged([1, 0, 1, 1, 1, 1], [0] * 6)

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
    items = [
        EvaluationItem(index=n, messages=[{"role": "user", "content": text}], reference=text)
        for n in range(6)
    ]
    good = [Answer(index=n, text=text) for n in range(6)]
    bad = [Answer(index=n, text="no") for n in range(6)]
    names = {"candidate": "candidate", "baseline-1": text[:40]}
    result = compare(
        items,
        {"candidate": good, "baseline-1": bad},
        [GRADER],
        PromoteRule(),
        labels=names,
        deployments=names,
    )
    page, rows = to_markdown(result), list(csv.reader(io.StringIO(to_csv(result))))

    assert all(
        cell.startswith("'") or not cell.startswith(("=", "+", "-", "@", "\t"))
        for row in rows[1:]
        for cell in row[4:]
    )
    table = [line for line in page.splitlines() if line.startswith("| 0 ")]
    assert all(line.replace("\\|", "").count("|") == 6 for line in table)
    assert "<script>" not in page.replace("\\<", "")
    assert "\u202e" not in page
    assert len(rows) == 13
