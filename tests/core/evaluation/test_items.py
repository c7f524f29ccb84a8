"""Rows become questions that a chat completion accepts."""

from pathlib import Path

import msgspec
import pytest

from shared.core.evaluation.items import item_from_row

PUBLIC = Path(__file__).parents[4] / "shared" / "data"
USER = {"role": "user", "content": "q"}
FILES = [
    ("sft-gsm8k/training.jsonl", "supervised"),
    ("sft-tools/training.jsonl", "supervised"),
    ("sft-vision-chartqa/training.jsonl", "supervised"),
    ("dpo-orca/training.jsonl", "dpo"),
    ("rft-countdown/training.jsonl", "reinforcement"),
]


def test_weights_are_not_sent_since_chat_completions_refuse_them():
    first = {"role": "assistant", "content": "a1", "weight": 0}
    row = {"messages": [USER, first, USER, {"role": "assistant", "content": "a2", "weight": 1}]}
    item = item_from_row(row, "supervised", 0)

    assert item.messages == [USER, {"role": "assistant", "content": "a1"}, USER]
    assert first["weight"] == 0  # the row itself is left alone


def test_a_reinforcement_row_may_call_a_field_input():
    row = {"messages": [USER], "input": [1, 2], "tools": [], "functions": [], "parallel_tool_calls": False}

    assert item_from_row(row, "reinforcement", 0).fields == {"input": [1, 2]}


@pytest.mark.parametrize("method", ["supervised", "dpo"])
def test_functions_and_parallel_calls_go_with_the_prompt(method):
    more = {"functions": [{"name": "f"}], "parallel_tool_calls": False}
    answer = {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a":1}'}}
    row = {"messages": [USER, answer]} | more
    if method == "dpo":
        row = {
            "input": {"messages": [USER]} | more,
            "preferred_output": [answer],
            "non_preferred_output": [answer],
        }
    item = item_from_row(row, method, 0)

    assert item.trained_with == more
    assert [call["function"] for call in item.reference_calls] == [{"name": "f", "arguments": '{"a":1}'}]


def test_what_follows_the_last_answer_is_not_asked():
    row = {"messages": [USER, {"role": "assistant", "content": "a"}, {"role": "user", "content": "late"}]}

    assert item_from_row(row, "supervised", 0).messages == [USER]


def test_tools_of_a_preference_row_go_with_the_prompt():
    row = {
        "input": {"messages": [USER], "tools": [{"type": "function"}]},
        "preferred_output": [{"role": "assistant", "content": "a"}, {"role": "tool", "content": "t"}],
        "non_preferred_output": [],
    }
    item = item_from_row(row, "dpo", 0)

    assert (item.tools, item.reference, item.fields) == ([{"type": "function"}], "a", {})


@pytest.mark.parametrize(
    ("row", "method"),
    [({"messages": [USER]}, "supervised"), ({"input": {"messages": [USER]}, "preferred_output": []}, "dpo")],
)
def test_a_row_without_an_answer_says_so(row, method):
    with pytest.raises(ValueError, match="example 7 has no assistant message"):
        item_from_row(row, method, 7)


@pytest.mark.skipif(
    not PUBLIC.exists(), reason="the public datasets lie beside the repository in ../shared/data"
)
@pytest.mark.parametrize(("file", "method"), FILES)
def test_every_public_row_is_a_question_with_an_answer(file, method):
    rows = [msgspec.json.decode(line) for line in (PUBLIC / file).read_bytes().splitlines()]
    items = [item_from_row(row, method, number) for number, row in enumerate(rows)]

    assert len(items) >= 86
    assert all(item.messages and item.messages[-1]["role"] in {"user", "tool"} for item in items)
    assert all(item.fields["target"] if method == "reinforcement" else item.reference for item in items)
