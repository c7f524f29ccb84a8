"""`compare --items`: answers of models to rows of a dataset, graded and compared as the app does."""

import json

import msgspec
import pytest

from shared.core import artifacts
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.scorecard import Comparison
from shared.core.run import Status
from shared.run_folder import RunFolder
from tests.support.product import Product

LABELS = ["refund", "delivery", "account"]


def question(number):
    return {
        "role": "user",
        "content": f"Ticket {number * 7919} about the parcel of house {number * number % 97}: what is it?",
    }


def labelled(count=30):
    return [
        {"messages": [question(n), {"role": "assistant", "content": LABELS[n % 3]}]} for n in range(count)
    ]


def said(texts, **more):
    return [
        {"index": n, "text": text, "refusal": None, "finish_reason": "stop"} | more
        for n, text in enumerate(texts)
    ]


RIGHT = said([LABELS[n % 3].title() + "." for n in range(30)])
HALF = said([LABELS[n % 3] if n % 2 else "other" for n in range(30)])


@pytest.fixture
def write(tmp_path):
    def made(name, rows):
        path = tmp_path / name
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("".join(line + "\n" for line in lines))
        return path

    return made


@pytest.fixture
def compare(run, write):
    """Exit code, output, errors of a comparison of lists of lines."""

    def call(ours, *theirs, rows=None, options=()):
        items = write("held-out.jsonl", labelled() if rows is None else rows)
        named = [
            part for n, side in enumerate(theirs) for part in ("--baseline", write(f"base-{n}.jsonl", side))
        ]
        return run("compare", "--items", items, "--candidate", write("tuned.jsonl", ours), *named, *options)

    return call


@pytest.fixture
def judged(compare):
    """The result as JSON."""

    def call(*sides, options=(), **more):
        code, out, err = compare(*sides, options=[*options, "--format", "json"], **more)
        assert out, err
        result = json.loads(out)
        assert code == (0 if result["verdict"] in {"better", "as_good"} else 1)
        return result

    return call


def test_labels_are_found_graded_and_said(compare):
    code, out, err = compare(RIGHT, HALF)

    assert (code, err) == (0, "")
    assert out.startswith(
        "better: label_match: 1.000 against 0.500 of base-0.jsonl, gain +0.500 (at least +0."
    )
    assert "15 wins and 0 losses on 30 held-out examples)" in out
    assert "30 of 30 held-out references are one of 3 labels" in out
    assert "label_match decides; it passed its self-test: true references score above others" in out
    assert "worst slice against base-0.jsonl" in out


def test_the_result_for_programs_has_the_grader_too(judged):
    result = judged(RIGHT, HALF)

    assert list(result) == ["verdict", "reason", "contests", "graded"]
    assert (result["graded"]["grader"], result["graded"]["self_test"]["passed"]) == ("label_match", True)


def test_the_graders_and_the_rule_of_a_pipeline_file_count(judged, write):
    exact = {
        "type": "string_check",
        "name": "exact",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference}}",
    }
    pipeline = write(
        "support.yaml",
        [
            "model: gpt-4.1-2025-04-14",
            f"evaluation: {{graders: [{json.dumps(exact)}], promote: {{superior_by: 0.9}}}}",
        ],
    )
    result = judged(RIGHT, HALF, options=["--pipeline", pipeline])

    assert (result["verdict"], result["graded"]["grader"]) == ("not_better", "exact")
    assert result["contests"][0]["losses"] == 15
    assert "0.9 is asked for" in result["reason"]
    plain = judged(said([LABELS[n % 3] for n in range(30)]), HALF, options=["--pipeline", pipeline])
    assert plain["contests"][0]["wins"] == 15


@pytest.mark.parametrize(
    ("line", "outcome_is_missing"),
    [
        ({"index": 0, "text": None, "refusal": "I cannot.", "finish_reason": "stop"}, True),
        ({"index": 0, "text": None, "refusal": None, "finish_reason": "content_filter"}, True),
        ({"index": 0, "text": None, "refusal": None, "finish_reason": "length"}, True),
        ({"index": 0, "text": "refund", "refusal": None, "finish_reason": "length"}, False),
        ({"index": 0, "text": "refu", "refusal": None, "finish_reason": "content_filter"}, True),
        ({"index": 0, "text": " ", "refusal": None, "finish_reason": "stop"}, True),
        ({"index": 0, "text": None}, True),
        (None, True),
    ],
)
def test_what_became_of_a_question_counts_as_in_the_app(judged, line, outcome_is_missing):
    """A baseline's missing answer is not the candidate's win: it counts 1."""
    base = ([line] if line else []) + HALF[1:]
    (contest,) = judged(RIGHT, base)["contests"]

    assert contest["n"] == 30
    assert contest["missing"] == {"candidate": 0, "baseline": int(outcome_is_missing)}
    assert contest["wins"] == 14


def test_a_row_that_nobody_answered_is_missing_on_both_sides(judged):
    result = judged(RIGHT[:20], HALF[:20])

    assert result["verdict"] == "not_better"
    assert "The candidate gave no answer to 10 of 30 examples" in result["reason"]


def test_rows_that_repeat_are_one_group_as_in_the_app(judged):
    rows = [row for row in labelled(12) for _ in range(3)]
    right = said([LABELS[n // 3 % 3] for n in range(36)])
    (contest,) = judged(right, said(["other"] * 36), rows=rows)["contests"]

    assert (contest["n"], contest["groups"], contest["wins"]) == (36, 12, 12)


def test_lines_are_counted_as_they_stand_in_the_file(compare, judged):
    rows = labelled(11)
    spread = [*rows[:3], "", *rows[3:]]
    right = [line | {"index": n if n < 3 else n + 1} for n, line in enumerate(RIGHT[:11])]
    (contest,) = judged(right, right, rows=spread)["contests"]

    assert (contest["n"], contest["missing"]) == (11, {"candidate": 0, "baseline": 0})
    code, _, err = compare(RIGHT[:11], right, rows=spread)
    assert code == 2
    assert "tuned.jsonl:4: index 3 is not a row: line 4 of" in err


def test_calls_of_tools_are_compared_as_values(judged):
    def call(origin, target):
        function = {"name": "book", "arguments": json.dumps({"from": origin, "to": target})}
        return {"type": "function", "id": f"call_{origin}", "function": function}

    towns = [f"Town{n}" for n in range(21)]
    tools = [
        {"type": "function", "function": {"name": "book", "parameters": {"type": "object", "properties": {}}}}
    ]
    rows = [
        {
            "messages": [question(n), {"role": "assistant", "tool_calls": [call(towns[n], towns[n + 1])]}],
            "tools": tools,
        }
        for n in range(20)
    ]
    right = [
        {
            "index": n,
            "text": None,
            "finish_reason": "tool_calls",
            "tool_calls": [call(towns[n], towns[n + 1])],
        }
        for n in range(20)
    ]
    swapped = [line | {"tool_calls": [call(towns[n + 1], towns[n])]} for n, line in enumerate(right)]
    result = judged(right, swapped, rows=rows)

    assert (result["graded"]["grader"], result["verdict"]) == ("tool_call_match", "better")
    assert result["contests"][0]["gain"] == 1.0
    as_text = [
        {
            "index": n,
            "text": json.dumps([{"name": "book", "arguments": {"to": towns[n + 1], "from": towns[n]}}]),
        }
        for n in range(20)
    ]
    assert judged(as_text, swapped, rows=rows)["contests"][0]["gain"] == 1.0


def test_rows_of_preferences_need_no_pipeline_file(judged):
    rows = [
        {
            "input": {"messages": [question(n)]},
            "preferred_output": [{"role": "assistant", "content": LABELS[n % 3]}],
            "non_preferred_output": [{"role": "assistant", "content": "other"}],
        }
        for n in range(30)
    ]

    assert judged(RIGHT, HALF, rows=rows)["verdict"] == "better"


TARGETS = [{"messages": [question(n)], "target": LABELS[n % 3]} for n in range(30)]


def reinforced(write, grader):
    return write(
        "rft.yaml",
        [
            "model: o4-mini-2025-04-16",
            f"method: {{type: reinforcement, reinforcement: {{grader: {json.dumps(grader)}}}}}",
        ],
    )


def test_rows_of_reinforcement_are_graded_by_the_jobs_own_grader(judged, write):
    check = {
        "type": "string_check",
        "name": "target",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.target}}",
    }
    texts = said([LABELS[n % 3] for n in range(30)])
    result = judged(texts, HALF, rows=TARGETS, options=["--pipeline", reinforced(write, check)])

    assert (result["verdict"], result["graded"]["grader"]) == ("better", "target")
    assert result["graded"]["self_test"]["near_misses"]


def test_where_nothing_can_grade_nothing_is_proven(judged, write):
    model = {
        "type": "score_model",
        "name": "judge",
        "model": "o3",
        "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    }
    result = judged(RIGHT, HALF, rows=TARGETS, options=["--pipeline", reinforced(write, model)])

    assert result["verdict"] == "unproven"
    assert "Nothing decides" in result["reason"]


def test_tokens_on_the_lines_count_and_without_them_cost_is_not_compared(judged, write):
    pipeline = write(
        "cheap.yaml",
        [
            "model: gpt-4.1-2025-04-14",
            "evaluation: {promote: {not_worse_by: 0.3, max_prompt_ratio: 0.5}}",
        ],
    )

    def sides(ours, theirs):
        return (
            [line | {"prompt_tokens": tokens, "completion_tokens": 3} for line in RIGHT]
            for tokens in (ours, theirs)
        )

    kept = judged(*sides(100, 900), options=["--pipeline", pipeline])
    assert (kept["verdict"], kept["contests"][0]["prompt_ratio"]) == ("as_good", pytest.approx(1 / 9))
    assert judged(*sides(800, 900), options=["--pipeline", pipeline])["verdict"] == "not_better"
    unknown = judged(RIGHT, RIGHT, options=["--pipeline", pipeline])
    assert unknown["verdict"] == "as_good"
    assert "Cost was not compared" in unknown["reason"]


def test_several_baselines_are_beaten_one_by_one(judged):
    result = judged(RIGHT, HALF, RIGHT)

    assert result["verdict"] == "not_better"
    assert [contest["wins"] for contest in result["contests"]] == [15, 0]


BAD = [
    ("{", "is not JSON"),
    ('"yes"', "expected an object such as"),
    ({"text": "refund"}, "index is missing"),
    ({"index": -1, "text": "refund"}, "index -1 is not a whole number from 0"),
    ({"index": True, "text": "refund"}, "index true is not a whole number from 0"),
    ({"index": 29}, "text is missing: what was answered, or null"),
    ({"index": 29, "text": 3}, "cannot be read: Expected `str | null`, got `int` - at `$.text`"),
    ({"index": 29, "text": "a", "finish_reason": 1}, "$.finish_reason"),
    ({"index": 29, "text": "a", "tool_calls": "f"}, "$.tool_calls"),
    ({"index": 29, "text": "a", "prompt_tokens": -3}, "$.prompt_tokens"),
    ({"index": 0, "text": "refund"}, "index 0 was there before"),
    ({"index": 30, "text": "refund"}, "index 30 is beyond the rows: "),
    ({"index": 10**30, "text": "refund"}, "is beyond the rows"),
    ('{"index": 29, "text": "a", "text": "b"}', 'key "text" appears twice in one object'),
]


@pytest.mark.parametrize(("line", "words"), BAD, ids=[words for _, words in BAD])
@pytest.mark.parametrize("side", ["tuned", "base-0"])
def test_a_line_that_cannot_be_used_is_named_by_file_and_number(compare, line, words, side):
    bad = [*RIGHT[:2], line]
    code, out, err = compare(*((bad, HALF) if side == "tuned" else (RIGHT, bad)))

    assert (code, out) == (2, "")
    assert f"{side}.jsonl:3: " in err
    assert words in err


def test_a_file_without_answers_is_not_compared(compare):
    code, _, err = compare(RIGHT, [])

    assert code == 2
    assert "base-0.jsonl:1: there are no answers" in err


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*labelled(3), "{"], "held-out.jsonl:4"),
        ([*labelled(3), {"messages": []}], "held-out.jsonl:4"),
        (TARGETS, "Without --pipeline rows are read as those of supervised or dpo."),
        ([], "held-out.jsonl"),
    ],
)
def test_rows_that_the_app_would_refuse_are_not_compared(compare, rows, words):
    code, out, err = compare(RIGHT[:3], HALF[:3], rows=rows)

    assert (code, out) == (2, "")
    assert words in err


def test_a_file_of_rows_that_is_not_there_is_named(run, write, tmp_path):
    side = write("tuned.jsonl", RIGHT)
    code, _, err = run("compare", "--items", tmp_path / "none.jsonl", "--candidate", side, "--baseline", side)

    assert code == 2
    assert "none.jsonl: No such file or directory" in err


def test_options_that_belong_together_are_asked_for(run, write):
    rows, side = write("rows.jsonl", labelled()), write("tuned.jsonl", RIGHT)
    code, _, err = run("compare", "--items", rows, "--candidate", side)
    assert code == 2
    assert "--items has the rows; give --candidate FILE and --baseline FILE too" in err
    code, _, err = run("compare", "--items", rows, "--evidence", rows.parent)
    assert code == 2
    assert "--evidence and --items exclude each other" in err


def test_the_app_and_the_command_judge_the_same_answers_alike(run, write):
    """The answers that a run stored, as lines: the same scores, the same contest."""
    product = Product()
    rows = [json.dumps(row) for row in labelled(60)]
    held = [json.dumps(row) for row in labelled(90)[60:]]
    product.world.datasets.put("boxes/evaluation.jsonl", "".join(row + "\n" for row in held).encode())
    product.world.datasets.put("boxes/training.jsonl", "".join(row + "\n" for row in rows).encode())

    def answer(deployment, messages):
        words = messages[-1]["content"].split()
        number = int(words[1]) // 7919 if words[0] == "Ticket" else 0
        if deployment == "base" and number % 7 == 0:
            return Answer(index=0, text=None, refusal="I cannot.", prompt_tokens=9, completion_tokens=3)
        text = LABELS[number % 3] if deployment != "base" or number % 2 else "other"
        return Answer(index=0, text=text, finish_reason="stop", prompt_tokens=9, completion_tokens=3)

    product.world.inference.answers = answer
    run_of = product.until(Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.FAILED, Status.INVALID)
    assert run_of.evaluation, run_of.failure
    folder = RunFolder(product.world.artifacts, run_of.id)
    stored = {
        target: [
            line
            for name in sorted(folder.names(artifacts.ANSWERS))
            if artifacts.chunk_of(name)[0] == target
            for line in json.loads(folder.read(artifacts.Artifact(name)))
        ]
        for target in ("candidate", "baseline-1")
    }
    files = [write(f"{target}.jsonl", lines) for target, lines in stored.items()]
    named = ("--items", write("rows.jsonl", held), "--candidate", files[0], "--baseline", files[1])
    _, out, err = run("compare", *named, "--format", "json")
    assert err == ""
    ours = json.loads(out)
    app = msgspec.json.decode(folder.read(artifacts.COMPARISON), type=Comparison)

    assert ours["verdict"] == app.outcome
    assert ours["contests"] == json.loads(msgspec.json.encode(app.contests))
