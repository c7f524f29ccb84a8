"""Answers as text, rows as items, templates and graders."""

import json

import msgspec
import pytest

from shared.core.evaluation.answers import Answer, message_text
from shared.core.evaluation.graders import GraderProblem, compile_grader, grader_problems
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.evaluation.templates import problems, render
from shared.core.pipeline.file import PipelineFileError, parse_pipeline

ITEM = EvaluationItem(
    index=0, messages=[{"role": "user", "content": "q"}], reference="Paris", fields={"k": {"n": 7}}
)


def said(text, error=None):
    return Answer(index=0, text=text, error=error)


def call(name, arguments, identity="c1"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "hi"}, "hi"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": None}, ""),
        ({"tool_calls": [call("f", '{"b": 1, "a": 2}')]}, '[{"arguments":{"a":2,"b":1},"name":"f"}]'),
        ({"content": "wait", "tool_calls": [call("f", "{}")]}, 'wait\n[{"arguments":{},"name":"f"}]'),
        ({"tool_calls": [call("f", "no json")]}, '[{"arguments":"no json","name":"f"}]'),
        ({"function_call": {"name": "f", "arguments": "{}"}}, '[{"arguments":{},"name":"f"}]'),
    ],
)
def test_a_message_becomes_comparable_text(message, text):
    assert message_text({"role": "assistant"} | message) == text


def test_call_ids_and_the_order_of_arguments_do_not_count():
    one = {"tool_calls": [call("f", '{"x": 1, "y": 2}', "one")]}
    other = {"tool_calls": [call("f", '{"y":2,"x":1}', "other")]}

    assert message_text(one) == message_text(other)


def test_a_supervised_row_asks_everything_before_its_last_answer():
    row = {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u1"},
            {"role": "assistant", "content": "a1"},
            {"role": "user", "content": "u2"},
            {"role": "assistant", "content": "a2"},
        ],
        "tools": [{"type": "function"}],
        "extra": 1,
    }
    item = item_from_row(row, "supervised", 3)

    assert [m["content"] for m in item.messages] == ["s", "u1", "a1", "u2"]
    assert (item.index, item.reference, item.tools, item.fields) == (
        3,
        "a2",
        [{"type": "function"}],
        {"extra": 1},
    )


def test_preference_and_reinforcement_rows_become_items_too():
    preference = {
        "input": {"messages": [{"role": "user", "content": "q"}]},
        "preferred_output": [{"role": "assistant", "content": "good"}],
        "non_preferred_output": [{"role": "assistant", "content": "bad"}],
    }
    reinforcement = {"messages": [{"role": "user", "content": "q"}], "target": "77"}

    assert item_from_row(preference, "dpo", 0).reference == "good"
    item = item_from_row(reinforcement, "reinforcement", 0)
    assert (item.reference, item.fields) == (None, {"target": "77"})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{item.reference}}", "Paris"),
        ("{{ item.k.n }}!", "7!"),
        ("{{item.k}}", '{"n":7}'),
        ("{{item.none}}", None),
        ("{{ sample.output_text }}", '{"city": "Rome"}'),
        ("{{sample.output_json.city}}", "Rome"),
        ("{{sample.output_json.none}}", None),
        ("plain", "plain"),
    ],
)
def test_a_template_is_filled_or_has_no_value(template, text):
    assert render(template, ITEM, said(json.dumps({"city": "Rome"}))) == text


@pytest.mark.parametrize("template", ["{{items.x}}", "{{ sample.text }}", "{{item}}", "{{ item.a[b] }}"])
def test_a_template_that_cannot_be_filled_is_named(template):
    assert problems(template)


def grader(**changes):
    base = {
        "type": "string_check",
        "name": "g",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference}}",
    }
    return base | {"operation": "eq"} | changes


@pytest.mark.parametrize(
    ("operation", "text", "score"),
    [
        ("eq", "Paris", 1),
        ("eq", "paris", 0),
        ("ne", "Rome", 1),
        ("ne", "Paris", 0),
        ("like", "It is Paris.", 1),
        ("like", "It is paris.", 0),
        ("ilike", "it is PARIS", 1),
        ("ilike", "Rome", 0),
    ],
)
def test_string_checks(operation, text, score):
    assert compile_grader(grader(operation=operation)).grade(ITEM, said(text)) == score


@pytest.mark.parametrize("operation", ["eq", "ne", "like", "ilike"])
def test_no_answer_is_never_a_success(operation):
    check = compile_grader(grader(operation=operation))

    assert check.grade(ITEM, said(None)) == 0
    assert check.grade(ITEM, said("Paris", error="content_filter")) == 0


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (Answer(index=0, text=None, finish_reason="stop", refusal="I cannot."), 0),
        (Answer(index=0, text="", finish_reason="stop"), 0),
        (Answer(index=0, text="", finish_reason="length"), 0),
        (Answer(index=0, text="Ro", finish_reason="content_filter"), 0),
        (Answer(index=0, text="Ro", finish_reason="length"), 1),
    ],
)
def test_silence_differs_from_no_reference_and_a_text_that_was_cut_off_does(answer, score):
    """A candidate that refuses every question must not win under `ne`."""
    check = compile_grader(grader(operation="ne"))

    assert check.grade(ITEM, answer) == score


def test_text_similarity_uses_its_metric():
    similar = compile_grader(grader(type="text_similarity", evaluation_metric="rouge_1"))

    assert similar.grade(ITEM, said("Paris it is")) == pytest.approx(0.5)


BAD = [
    (grader(type="score_model"), "type"),
    (grader(operation="equals"), "operation"),
    (grader(type="text_similarity", evaluation_metric="cosine"), "evaluation_metric"),
    (grader(name=""), "name"),
    (grader(input=5), "input"),
    (grader(reference="{{nobody.knows}}"), "reference"),
    (grader(input="{{item.reference}}"), "input"),
]


@pytest.mark.parametrize(("bad", "path"), BAD)
def test_a_grader_that_cannot_be_run_is_named_by_its_key(bad, path):
    assert path in [problem.path for problem in grader_problems(bad)]
    assert isinstance(grader_problems(bad)[0], GraderProblem)
    with pytest.raises(ValueError, match=path):
        compile_grader(bad)


@pytest.mark.parametrize(("bad", "path"), BAD)
def test_the_pipeline_file_refuses_what_cannot_be_run(bad, path):
    """Else a run would find out after its money was spent."""
    text = f"model: gpt-4.1\nevaluation: {{graders: [{json.dumps(bad)}]}}\n"

    with pytest.raises(PipelineFileError, match=f"evaluation.graders.*{path}"):
        parse_pipeline(text, name="p")


@pytest.mark.parametrize(
    "metric",
    ["fuzzy_match", "bleu", "gleu", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"],
)
def test_the_pipeline_file_takes_what_can_be_run(metric):
    good = grader(type="text_similarity", evaluation_metric=metric)
    del good["operation"]
    text = f"model: gpt-4.1\nevaluation: {{graders: [{json.dumps(good)}]}}\n"
    (taken,) = parse_pipeline(text, name="p").spec.evaluation.graders

    assert grader_problems(taken) == []


#: What is compared hangs on the answer, on the example, on both, or on neither.
BOTH_WAYS = ("{{sample.output_text}}", "{{item.label}}", "{{item.label}} {{sample.output_text}}", "spam")


@pytest.mark.parametrize("read", BOTH_WAYS)
@pytest.mark.parametrize("reference", BOTH_WAYS)
def test_all_pairs_score_as_each_of_them_does(read, reference):
    labels = ["spam", "ham", None, "spam"]
    items = [
        EvaluationItem(index=number, messages=[], fields={"label": label} if label else {})
        for number, label in enumerate(labels)
    ]
    texts = ["spam", None, "ham", ""]
    answers = [Answer(index=number, text=text) for number, text in enumerate(texts)]
    check = msgspec.structs.replace(compile_grader(grader()), input=read, reference=reference)

    assert check.of_every_pair(items, answers) == [
        [check.grade(item, answer) for answer in answers] for item in items
    ]
    assert check.of_every_pair([], answers) == []
