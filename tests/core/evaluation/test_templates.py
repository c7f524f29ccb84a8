"""Templates: what is filled, what is refused before money is spent, what is never guessed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.evaluation.answers import Answer, message_calls, message_text
from shared.core.evaluation.graders import compile_grader, grader_problems
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.templates import known_fields, missing_fields, problems, render, slots


def test_white_space_around_a_slot_does_not_count_however_much_there_is():
    """`{{` and 3,300 spaces kept every request waiting for a quarter of a minute."""
    spaces = " " * 100_000

    assert problems("{{" + spaces) == ["{{ is never closed by }}"]
    assert slots("{{" + spaces + "item.k\n}} {{item.b }}") == ("item.k", "item.b")


ITEM = EvaluationItem(
    index=0,
    messages=[{"role": "user", "content": "q"}],
    reference="Paris",
    fields={"k": {"n": 7}, "none": None, "list": ["a", {"b": "c"}]},
)


def said(text):
    return Answer(index=0, text=text)


@given(st.text())
def test_an_answer_is_never_taken_for_a_slot(text):
    sneaky = text + "{{ item.reference }}{{sample.output_text}}"

    assert render("<{{sample.output_text}}>", ITEM, said(sneaky)) == f"<{sneaky}>"


@given(st.text())
def test_any_template_is_judged_without_raising(template):
    missing_fields(template, ITEM)
    render(template, ITEM, said("x"))

    assert isinstance(problems(template), list)


@pytest.mark.parametrize(
    "template",
    [
        "{{sample.output_text.x}}",
        "{{ item.reference",
        "{{ }}",
        "{{sample}}",
        "{{sample.items.0}}",
        "{{item.a-b}}",
        "{{item[0]}}",
        "{{item.a[x]}}",
        "{{item.a[-1]}}",
    ],
)
def test_a_bad_slot_is_named(template):
    assert problems(template)


@pytest.mark.parametrize(
    "template",
    ["", "plain", '{"a":{"b":1}}', "{{item.a_1.b}} {{ sample.output_json }}", "{{item.a[0].b[1][2]}}"],
)
def test_a_sound_template_has_no_problem(template):
    assert problems(template) == []


def test_missing_fields_are_found_beside_those_that_are_there():
    template = "{{item.refernce}} {{item.k.n}} {{ item.k.m }} {{item.none}} {{sample.output_json.x}}"

    assert missing_fields(template, ITEM) == ("item.refernce", "item.k.m", "item.none")
    assert known_fields(ITEM) == ("item.k", "item.list", "item.reference")


def test_a_row_field_called_reference_counts_more_than_the_answer_in_the_row():
    own = EvaluationItem(index=0, messages=[], reference="long answer", fields={"reference": "short"})

    assert render("{{item.reference}}", own, said("x")) == "short"


@pytest.mark.parametrize("operation", ["eq", "ne", "like", "ilike"])
@pytest.mark.parametrize(
    ("given_template", "reference", "text"),
    [
        ("{{sample.output_text}}", "{{item.refernce}}", "anything"),  # blank would be contained in everything
        ("{{item.reference}}", "{{sample.output_json.city}}", "no json"),
        ("{{item.reference}}", "{{sample.output_json.city}}", '{"town": "Paris"}'),
        ("{{item.reference}}", "{{sample.output_json.city}}", "[" * 100_000),
    ],
)
def test_a_slot_without_a_value_scores_nothing(operation, given_template, reference, text):
    grader = compile_grader(
        {
            "type": "string_check",
            "name": "g",
            "input": given_template,
            "reference": reference,
            "operation": operation,
        }
    )

    assert grader.grade(ITEM, said(text)) == 0


def test_a_part_of_a_json_answer_is_graded():
    grader = compile_grader(
        {
            "type": "string_check",
            "name": "g",
            "input": "{{sample.output_json.a.city}}",
            "reference": "{{item.reference}}",
            "operation": "eq",
        }
    )

    assert grader.grade(ITEM, said(json.dumps({"a": {"city": "Paris"}}))) == 1
    assert grader.grade(ITEM, said(json.dumps({"a": {"city": "Rome"}}))) == 0


def test_a_grader_that_never_looks_at_the_answer_is_refused():
    blind = {
        "type": "string_check",
        "name": "g",
        "input": "{{item.reference}}",
        "reference": "Paris",
        "operation": "eq",
    }

    assert [problem.path for problem in grader_problems(blind)] == ["input"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{item.list[0]}}", "a"),
        ("{{ item.list[1].b }}", "c"),
        ("{{item.list[2]}}", None),
        ("{{item.list.b}}", None),
        ("{{item.k[0]}}", None),
        ("{{item.list[0][0]}}", None),
        ("{{sample.output_json.x[1]}}", "2"),
    ],
)
def test_places_in_lists_are_found_by_their_index(template, text):
    assert render(template, ITEM, said('{"x": [1, 2]}')) == text


CALLED = {
    "role": "assistant",
    "content": "One moment.",
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    ],
}


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{sample.output_tools[0].function.name}}", "weather"),
        ("{{sample.output_tools[1].function.name}}", None),
        ("{{sample.choices[0].message.content}}", "One moment."),
        ("{{sample.choices[0].message.tool_calls[0].function.name}}", "weather"),
        ("{{sample.choices[0].finish_reason}}", "tool_calls"),
        ("{{sample.choices[1].finish_reason}}", None),
        ("{{item.reference_tools[0].function.name}}", "weather"),
    ],
)
def test_calls_and_choices_are_those_of_chat_completions(template, text, is_old):
    """OpenAI's guide to graders; answers that an older release stored have their calls in the text only."""
    answer = Answer(
        index=0,
        text=message_text(CALLED),
        finish_reason="tool_calls",
        tool_calls=None if is_old else message_calls(CALLED),
    )
    item = EvaluationItem(index=0, messages=[], reference_calls=message_calls(CALLED))

    assert problems(template) == []
    assert render(template, item, answer) == text


def test_arguments_are_text_as_in_chat_completions():
    answer = Answer(index=0, text=None, tool_calls=message_calls(CALLED))
    template = "{{sample.output_tools[0].function.arguments}}"

    assert json.loads(render(template, ITEM, answer)) == {"city": "Rome"}


def test_an_answer_in_words_calls_nothing():
    assert render("{{sample.output_tools}}", ITEM, said("Rome")) == "[]"
    assert render("{{sample.choices[0].message.content}}", ITEM, said("Rome")) == "Rome"
    assert render("{{item.reference_tools}}", ITEM, said("Rome")) is None
