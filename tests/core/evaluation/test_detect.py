"""A pipeline file that names no graders gets those that an expert would choose, for each kind of task."""

import json
from pathlib import Path

import pytest

from shared.core.evaluation.detect import SIMILARITY, detect
from shared.core.evaluation.graders import compile_grader
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.spec import MethodType

PUBLIC = Path(__file__).parents[4] / "shared" / "data"


def found(*references, method="supervised"):
    items = [EvaluationItem(index=n, messages=[], reference=text) for n, text in enumerate(references)]
    return detect(items, MethodType(method), None)


def types(detected):
    return [grader["type"] for grader in detected.graders]


@pytest.mark.parametrize(
    ("folder", "method", "expected"),
    [
        ("sft-gsm8k", "supervised", ["text_similarity", "string_check"]),
        ("sft-tools", "supervised", ["tool_call_match"]),
        ("sft-vision-chartqa", "supervised", ["label_match"]),
        ("dpo-orca", "dpo", ["text_similarity", "string_check"]),
    ],
)
@pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public datasets lie beside the repository in ../shared/data"
)
def test_public_data_sets(folder, method, expected):
    rows = [json.loads(line) for line in (PUBLIC / folder / "training.jsonl").read_text().splitlines()]
    items = [item_from_row(row, method, index) for index, row in enumerate(rows)]

    assert types(detect(items, MethodType(method), None)) == expected
    assert types(detect(items[-20:], MethodType(method), None)) == expected


@pytest.mark.parametrize(
    "references",
    [
        ["billing", "delivery", "Billing.", "account"] * 10,
        ["billing"] * 39 + ["I cannot tell which of the four it is, so please ask again."],
        ["very likely to be fraud", "not likely to be fraud"] * 5,
        ["配送", "請求"] * 10,
        ["Yes", "6", "2014", "95.5 %", "North America"],
        ["1", "2", "3", "4", "5"],
        ["true", "false"] * 5,
    ],
)
def test_labels_and_answers_that_have_one_wording(references):
    detected = found(*references)

    assert types(detected) == ["label_match"]
    assert "compared without case" in detected.reason


@pytest.mark.parametrize(
    "references",
    [
        ['{"total": 1}', '{"total": 2, "x": []}', "[]", '\n{"a": 1}'],
        ['{"total": 1}'] * 39 + ["The invoice cannot be read."],
    ],
)
def test_json(references):
    detected = found(*references)

    assert types(detected) == ["json_match"]
    assert "JSON" in detected.reason


@pytest.mark.parametrize(
    "references",
    [
        [f"The code of box {n} is {n * 7}." for n in range(20)],
        [f'{{"total": {n}}}' for n in range(10)] + ["The invoice cannot be read."] * 3,
        ["A short title about number " + str(n) for n in range(20)],
        ["Take the lift\nto the roof"] * 10,
        ["今日はとても良い天気です"] + [f"明日は{n}度になるでしょう、たぶん" for n in range(9)],
        ["", "", ""],
        ["billing"] * 10 + ["I am sorry, but I do not know which of them it might be."] * 3,
    ],
)
def test_free_text(references):
    assert found(*references).graders == SIMILARITY


def calling(n, name="f"):
    call = {"type": "function", "function": {"name": name, "arguments": "{}"}}
    return EvaluationItem(index=n, messages=[], reference="x", reference_calls=(call,))


@pytest.mark.parametrize(
    ("calls", "kind"), [(20, "tool_call_match"), (4, "tool_call_match"), (3, "label_match")]
)
def test_calls_of_tools(calls, kind):
    spoken = [
        EvaluationItem(index=n, messages=[], reference="no", reference_calls=()) for n in range(20 - calls)
    ]
    detected = detect([*map(calling, range(calls)), *spoken], MethodType.SUPERVISED, None)

    assert types(detected) == [kind]
    assert ("right to call none" in detected.reason) is (calls == 4)


CHECK = {
    "type": "string_check",
    "name": "mine",
    "operation": "eq",
    "input": "{{sample.output_json.x}}",
    "reference": "{{item.target}}",
}


@pytest.mark.parametrize(
    ("grader", "decides", "why"),
    [
        (CHECK, True, "job's own grader"),
        (CHECK | {"type": "text_similarity", "evaluation_metric": "bleu"}, True, "job's own grader"),
        (CHECK | {"type": "text_similarity", "evaluation_metric": "cosine"}, False, "evaluation_metric"),
        (CHECK | {"input": "{{sample.output_audio}}"}, False, "output_audio"),
        ({"type": "score_model", "name": "judge", "model": "o3"}, False, "score_model"),
        ({"type": "python", "name": "code"}, False, "python"),
        (None, False, "None"),
    ],
)
def test_reinforcement_is_judged_by_the_jobs_own_grader_or_by_a_person(grader, decides, why):
    rows = [EvaluationItem(index=n, messages=[], fields={"target": "1"}) for n in range(10)]
    detected = detect(rows, MethodType.REINFORCEMENT, grader)

    assert bool(detected.graders) is decides
    assert detected.graders == ((grader,) if decides else ())
    assert why in detected.reason
    assert ("person will be asked" in detected.reason) is not decides


def test_without_held_out_examples_nothing_is_compared():
    assert "nothing will be compared" in detect([], MethodType.SUPERVISED, None).reason


@pytest.mark.parametrize(
    "references", [["a", "b"] * 5, ['{"a": 1}'], ["Some text that is long enough, I think."]]
)
def test_what_is_detected_can_be_run(references):
    for grader in found(*references).graders:
        assert compile_grader(grader).name == grader["name"]
