"""Where things lie in rows of each method: one place knows it."""

import pytest

from shared.core.dataset.format import FORMATS
from shared.core.spec import MethodType
from tests.core.dataset.rows import ANSWER, TOOL, USER, chat

OTHER = {**ANSWER, "content": "5"}
PAIR = {
    "input": chat(USER, tools=[TOOL]),
    "preferred_output": [ANSWER],
    "non_preferred_output": [OTHER],
    "x": 1,
}


@pytest.mark.parametrize(
    ("method", "row", "talks", "prompt", "answer", "fields"),
    [
        ("supervised", chat(USER, ANSWER), {"messages": [USER, ANSWER]}, [USER], ANSWER, {}),
        (
            "supervised",
            chat(USER, ANSWER, USER, OTHER, x=1),
            {"messages": [USER, ANSWER, USER, OTHER]},
            [USER, ANSWER, USER],
            OTHER,
            {"x": 1},
        ),
        (
            "dpo",
            PAIR,
            {"input.messages": [USER], "preferred_output": [ANSWER], "non_preferred_output": [OTHER]},
            [USER],
            ANSWER,
            {"x": 1},
        ),
        (
            "reinforcement",
            chat(USER, functions=[], input=2),
            {"messages": [USER]},
            [USER],
            None,
            {"input": 2},
        ),
    ],
)
def test_messages_answer_and_fields_are_found(method, row, talks, prompt, answer, fields):
    form = FORMATS[MethodType(method)]

    assert dict(form.talks(row)) == talks
    assert form.prompt_and_answer(row) == (prompt, answer)
    assert form.fields(row) == fields


@pytest.mark.parametrize("method", list(MethodType))
@pytest.mark.parametrize(
    "row", [{}, {"messages": 1, "input": [], "preferred_output": {}}, {"input": {"messages": None}}]
)
def test_what_is_not_where_it_should_be_is_passed_over(method, row):
    assert list(FORMATS[method].talks(row)) == []


def test_a_row_without_an_answer_has_none_to_compare_with():
    with pytest.raises(ValueError, match="no assistant message"):
        FORMATS[MethodType.SUPERVISED].prompt_and_answer(chat(USER))
