"""A rule that is added by the recipe of CONTRIBUTING fires, without a change anywhere else; on rows that look clean, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import ANY

import pytest

from shared.core.dataset.options import Action, Role
from shared.core.dataset.rulebook import RULES, Problem, Scope, Severity, rule
from shared.core.spec import MethodType
from tests.core.dataset.rows import ANSWER, CALLING, RESULT, TOOL, USER, chat, lines, many, validated

CODE = "DS999"
PAIR = {
    "input": {"messages": [USER], "tools": [TOOL]},
    "preferred_output": [ANSWER],
    "non_preferred_output": [{**ANSWER, "content": "5"}],
}
TOOLED = chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL])

#: For each scope a row of a method in which no other rule finds anything, and what the function is given there.
GIVEN = {
    Scope.ROW: ("supervised", chat(USER, ANSWER), (chat(USER, ANSWER),)),
    Scope.GRADED_ROW: ("reinforcement", chat(USER, answer="4"), (chat(USER, answer="4"), ())),
    Scope.HOLDER: ("dpo", PAIR, (PAIR["input"], "input")),
    Scope.DEFINITIONS: ("supervised", TOOLED, ({"tools": [TOOL]}, "")),
    Scope.SCHEMA: ("supervised", TOOLED, (ANY, "tools[0].function.parameters")),
    Scope.TOOL: ("supervised", TOOLED, (TOOL, "tools[0]")),
    Scope.FUNCTION: ("supervised", TOOLED, (TOOL["function"], "tools[0].function")),
    Scope.TALK: ("dpo", PAIR, ([ANSWER], "preferred_output")),
    Scope.PROMPT: ("dpo", PAIR, ([USER], "input.messages")),
    Scope.ROLES: ("supervised", chat(USER, ANSWER), (["user", "assistant"], "messages")),
    Scope.MESSAGE: ("supervised", chat(USER, ANSWER), (ANSWER, "messages[1]")),
    Scope.CALL: (
        "supervised",
        TOOLED,
        (CALLING["tool_calls"][0]["function"], "messages[1].tool_calls[0].function", {"price": ANY}),
    ),
    Scope.TEXT: ("supervised", chat(USER, ANSWER), ("4", "messages[1].content")),
}  # fmt: skip


@contextmanager
def added(on: Scope, **named) -> Iterator[list[tuple]]:
    """The rules with one more, which finds something in the first thing that it is given; all that it was given."""
    given: list[tuple] = []

    @rule(CODE, Severity.WARNING, "Do something else.", on=on, **named)
    def found_everywhere(*facts) -> Iterator[Problem]:
        """Nothing is anywhere."""
        given.append(facts)
        yield Problem(None, "there is something", "")

    try:
        yield given
    finally:
        del RULES[CODE]


@pytest.mark.parametrize("on", GIVEN)
def test_a_new_rule_is_asked_about_what_it_is_about(on):
    method, row, facts = GIVEN[on]
    with added(on) as given:
        report = validated(lines(*[row] * 3), method).report

    assert facts in given
    assert report.totals[CODE] >= 1
    assert report.totals[CODE] % 3 == 0
    assert CODE not in validated(lines(row), method).report.totals


@pytest.mark.parametrize("on", [Scope.FILE])
def test_a_new_rule_about_a_file_is_asked_once(on):
    with added(on):
        assert validated(many(20)).report.totals == {CODE: 1}


def test_a_new_rule_about_texts_is_asked_where_a_needle_is_found():
    data = many(20) + lines(chat(USER, {**ANSWER, "content": "Look at #42."}))
    with added(Scope.TEXT, needles=(rb"#[0-9]",)):
        assert validated(data).report.totals[CODE] == 2  # its row has two texts


def test_a_new_rule_is_asked_for_its_methods_and_where_it_speaks():
    with added(Scope.MESSAGE, methods=[MethodType.DPO]):
        assert CODE not in validated(many(20)).report.totals
    with added(Scope.MESSAGE, speaks=lambda shape: shape.role == "user"):
        assert validated(many(20)).report.totals == {CODE: 20}


def test_what_a_pipeline_says_of_a_new_rule_counts():
    with added(Scope.MESSAGE):
        assert CODE not in validated(many(20), severities={CODE: None}).report.totals
        aside = validated(
            many(20),
            severities={CODE: Severity.ERROR},
            default_action=Action.QUARANTINE,
            quarantine_max_share=1,
        )

    assert aside.files[Role.TRAINING].used_rows == 0
    assert len(aside.files[Role.TRAINING].quarantine) == 20


def test_a_rule_says_what_it_is_about():
    with pytest.raises(TypeError, match="on"):
        rule(CODE, Severity.WARNING, "Do something else.")
    assert CODE not in RULES
