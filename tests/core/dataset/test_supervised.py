"""Supervised rows: one table row a rule."""

import pytest

from shared.core.dataset.rulebook import Severity
from tests.core.dataset.rows import ANSWER, CALL, CALLING, RESULT, TOOL, USER, chat, inspect, lines

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
QUIET = {"DS058", "DS072"}  # said of sound examples: deprecated functions, images
TEXT = {"type": "text", "text": "What is this?"}


def findings_of(row):
    _, log = inspect(lines(row))
    return [(finding.code, finding.path) for finding in log.findings]


@pytest.mark.parametrize(
    "row",
    [
        chat(USER, ANSWER),
        chat({"role": "system", "content": "Be brief."}, USER, ANSWER),
        chat({"role": "developer", "content": "Be brief."}, USER, ANSWER),
        chat(USER, CALLING, tools=[TOOL]),
        chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL], parallel_tool_calls=False),
        chat(USER, {**CALLING, "content": ""}, tools=[TOOL]),
        chat(USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}),
        chat({**USER, "name": "Ada_1"}, ANSWER),
        chat(
            {"role": "user", "content": [TEXT, IMAGE]},
            {"role": "assistant", "content": [{"type": "text", "text": "A cat"}]},
        ),
        chat(USER, {"role": "assistant", "refusal": "I cannot help with that."}),
        chat(
            USER,
            {"role": "assistant", "function_call": {"name": "price", "arguments": "{}"}},
            {"role": "function", "name": "price", "content": "3"},
            ANSWER,
            functions=[{"name": "price"}],
        ),
    ],
)
def test_sound_examples_have_no_errors_or_warnings(row):
    assert [code for code, _ in findings_of(row) if code not in QUIET] == []


@pytest.mark.parametrize(
    ("row", "code", "path"),
    [
        ({"messages": []}, "DS030", "messages"),
        ({"messages": {}}, "DS030", "messages"),
        ({"mesages": [USER]}, "DS030", "messages"),
        (chat(USER, ANSWER, split="train"), "DS031", None),
        (chat({**USER, "mood": 1}, ANSWER), "DS031", "messages[0]"),
        (chat("hello", ANSWER), "DS032", "messages[0]"),
        (chat({"content": "x"}, ANSWER), "DS033", "messages[0].role"),
        (chat({"from": "human", "content": "x"}, ANSWER), "DS033", "messages[0].role"),
        (chat({"role": "User", "content": "x"}, ANSWER), "DS033", "messages[0].role"),
        (chat({"role": 1, "content": "x"}, ANSWER), "DS033", "messages[0].role"),
        (chat({"role": "user"}, ANSWER), "DS034", "messages[0].content"),
        (chat({"role": "user", "content": None}, ANSWER), "DS034", "messages[0].content"),
        (chat({"role": "user", "content": 3}, ANSWER), "DS034", "messages[0].content"),
        (chat({"role": "user", "content": []}, ANSWER), "DS034", "messages[0].content"),
        (chat({"role": "user", "content": {"a": 1}}, ANSWER), "DS034", "messages[0].content"),
        (chat(USER, {"role": "assistant"}), "DS034", "messages[1].content"),
        (chat(USER, {"role": "assistant", "content": " \n"}), "DS035", "messages[1].content"),
        (chat({"role": "user", "content": ""}, ANSWER), "DS035", "messages[0].content"),
        (chat({"role": "system", "content": ""}, USER, ANSWER), "DS036", "messages[0].content"),
        (chat({"role": "user", "content": ["x"]}, ANSWER), "DS037", "messages[0].content[0]"),
        (
            chat({"role": "user", "content": [{"type": "text"}]}, ANSWER),
            "DS037",
            "messages[0].content[0].text",
        ),
        (
            chat({"role": "user", "content": [{"type": "input_audio"}]}, ANSWER),
            "DS037",
            "messages[0].content[0]",
        ),
        (chat(USER, {"role": "assistant", "content": [IMAGE]}), "DS038", "messages[1].content[0]"),
        (
            chat(
                {"role": "user", "content": [{"type": "image_url", "image_url": "https://a.example/b.png"}]},
                ANSWER,
            ),
            "DS038",
            "messages[0].content[0].image_url",
        ),
        (
            chat(
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///a.png"}}]},
                ANSWER,
            ),
            "DS038",
            "messages[0].content[0].image_url.url",
        ),
        (chat({"role": "user", "content": [IMAGE] * 65}, ANSWER), "DS039", "messages"),
        (chat({**USER, "name": "a b"}, ANSWER), "DS040", "messages[0].name"),
        (chat({**USER, "name": 1}, ANSWER), "DS040", "messages[0].name"),
        (chat(USER, {**ANSWER, "weight": 2}), "DS041", "messages[1].weight"),
        (chat(USER, {**ANSWER, "weight": True}), "DS041", "messages[1].weight"),
        (chat(USER, {**ANSWER, "weight": 1.0}), "DS041", "messages[1].weight"),
        (chat({**USER, "weight": 1}, ANSWER), "DS041", "messages[0].weight"),
        (chat(USER, {**ANSWER, "weight": 0}), "DS042", "messages"),
        (chat(USER, ANSWER, USER), "DS043", "messages[2].role"),
        (chat(ANSWER), "DS045", "messages"),
        (
            chat({"role": "system", "content": "a"}, {"role": "system", "content": "b"}, USER, ANSWER),
            "DS046",
            "messages",
        ),
        (chat(*([USER, ANSWER] * 1025)), "DS047", "messages"),
        (chat(USER, ANSWER, tools=[]), "DS099", "tools"),
        (chat(USER, {**CALLING, "content": None}, tools=[TOOL]), "DS093", "messages[1].content"),
        (chat(USER, ANSWER, tools={}), "DS050", "tools"),
        (chat(USER, ANSWER, tools=[{"type": "function"}]), "DS050", "tools[0]"),
        (
            chat(USER, ANSWER, tools=[{"type": "function", "function": {"name": "a", "parameters": []}}]),
            "DS050",
            "tools[0].function.parameters",
        ),
        (chat(USER, ANSWER, parallel_tool_calls="no"), "DS059", "parallel_tool_calls"),
        (
            chat(USER, ANSWER, tools=[{"type": "function", "function": {"name": "a b"}}]),
            "DS040",
            "tools[0].function.name",
        ),
        (
            chat(
                USER, ANSWER, tools=[{"type": "function", "function": {"name": f"f{i}"}} for i in range(129)]
            ),
            "DS051",
            "tools",
        ),
        (chat(USER, ANSWER, tools=[TOOL, TOOL]), "DS052", "tools[1].function.name"),
        (chat({**USER, "tool_calls": [CALL]}, ANSWER), "DS053", "messages[0].tool_calls"),
        (
            chat(USER, {"role": "assistant", "content": "a", "tool_calls": []}),
            "DS053",
            "messages[1].tool_calls",
        ),
        (chat(USER, {"role": "assistant", "tool_calls": [1]}), "DS053", "messages[1].tool_calls[0]"),
        (
            chat(USER, {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]}, tools=[TOOL]),
            "DS053",
            "messages[1].tool_calls[0].id",
        ),
        (
            chat(USER, {"role": "assistant", "tool_calls": [CALL, CALL]}, tools=[TOOL]),
            "DS053",
            "messages[1].tool_calls[1].id",
        ),
        (
            chat(USER, {"role": "assistant", "tool_calls": [{**CALL, "type": "tool"}]}, tools=[TOOL]),
            "DS053",
            "messages[1].tool_calls[0].type",
        ),
        (
            chat(USER, {"role": "assistant", "tool_calls": [{**CALL, "function": None}]}, tools=[TOOL]),
            "DS053",
            "messages[1].tool_calls[0].function",
        ),
        *(
            (
                chat(
                    USER,
                    {
                        "role": "assistant",
                        "tool_calls": [{**CALL, "function": {"name": "price", "arguments": arguments}}],
                    },
                    tools=[TOOL],
                ),
                "DS054",
                "messages[1].tool_calls[0].function.arguments",
            )
            for arguments in ({"symbol": "MSFT"}, None, "{", "[]", "NaN", '{"a": ' + "1" * 5000 + "}")
        ),
        (chat(USER, CALLING), "DS055", "messages[1].tool_calls[0].function.name"),
        (chat(USER, RESULT, ANSWER), "DS056", "messages[1].tool_call_id"),
        (chat(USER, CALLING, RESULT, RESULT, ANSWER, tools=[TOOL]), "DS056", "messages[3].tool_call_id"),
        (
            chat(USER, CALLING, {"role": "tool", "content": "1"}, ANSWER, tools=[TOOL]),
            "DS056",
            "messages[2].tool_call_id",
        ),
        (chat(USER, CALLING, USER, ANSWER, tools=[TOOL]), "DS057", "messages[2]"),
    ],
)
def test_each_rule_finds_its_violation_at_its_place(row, code, path):
    assert (code, path) in findings_of(row)


def test_a_misspelt_role_gets_the_word_that_was_meant():
    _, log = inspect(lines(chat({"role": "human", "content": "x"}, ANSWER)))

    assert log.findings[0].message == "unknown role; did you mean user?"


def test_rows_with_errors_do_not_count_as_good_and_later_rows_are_still_checked():
    summary, log = inspect(lines(chat(USER, ANSWER), chat(USER), chat(USER, ANSWER)))

    assert (summary.rows, summary.used_rows) == (3, 2)
    assert [(f.code, f.line) for f in log.findings if f.severity is Severity.ERROR] == [("DS043", 2)]
