"""A file that is something else is named once, with the way out."""

import gzip

import pytest

from shared.core.dataset.rules import RULES
from tests.core.dataset.rows import ANSWER, USER, chat, inspect, lines, many

SHAREGPT = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
PREFERENCE = {"input": {"messages": [USER]}, "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]}


@pytest.mark.parametrize(
    ("data", "method", "code", "words"),
    [
        (gzip.compress(many(20)), "supervised", "DS020", "gzip"),
        (b"PK\x03\x04" + bytes(100), "supervised", "DS020", "ZIP"),
        (b"PAR1" + bytes(100), "supervised", "DS020", "Parquet"),
        (many(20).decode().encode("utf-16"), "supervised", "DS020", "UTF-16"),
        (many(20).decode().encode("utf-16-le"), "supervised", "DS020", "UTF-16"),
        (b"prompt,completion\na,b\nc,d\n", "supervised", "DS021", "comma-separated"),
        (b"\xef\xbb\xbfquestion\tanswer\n1\t2\n", "supervised", "DS021", "tab-separated"),
        (b'[\n  {"messages": []}\n]\n', "supervised", "DS021", "one JSON array"),
        (b'[{"messages": []}]', "supervised", "DS021", "one JSON array"),
        (b'{\n  "messages": []\n}\n', "supervised", "DS021", "many lines"),
        (b"<!DOCTYPE html>\n<html>\n", "supervised", "DS021", "HTML"),
        (lines(*[PREFERENCE] * 5), "supervised", "DS022", "preference data"),
        (lines(*[chat(USER, target=1)] * 5), "supervised", "DS022", "reinforcement data"),
        (lines(*[chat(USER, ANSWER)] * 5), "dpo", "DS022", "supervised data"),
        (lines(*[chat(USER, ANSWER)] * 5), "reinforcement", "DS022", "supervised data"),
        (lines(*[{"prompt": "a", "completion": "b"}] * 5), "supervised", "DS023", "prompt and completion"),
        (lines(*[{"question": "a", "answer": "b"}] * 5), "supervised", "DS023", "question and answer pairs"),
        (b"- role: user\n  content: a\n", "supervised", "DS021", "YAML"),
        (lines(*[SHAREGPT] * 5), "supervised", "DS023", "ShareGPT"),
        (lines(*[{"instruction": "a", "input": "", "output": "b"}] * 5), "supervised", "DS023", "Alpaca"),
        (lines(*[{"prompt": "a", "chosen": "b", "rejected": "c"}] * 5), "dpo", "DS023", "Hugging Face"),
    ],
)
def test_a_foreign_file_is_one_finding_with_the_way_out(data, method, code, words):
    _, log = inspect(data, method)

    errors = [finding for finding in log.findings if RULES[finding.code].severity == "error"]
    assert [finding.code for finding in errors] == [code]
    assert words in errors[0].message
    assert errors[0].remedy


def test_the_bytes_of_a_foreign_file_are_hashed_whole():
    data = gzip.compress(many(2000))

    summary, _ = inspect([data[:10], data[10:5000], data[5000:]])

    assert summary.size_bytes == len(data)
    assert summary.rows == 0


@pytest.mark.parametrize(
    "row",
    [
        chat(USER, {**ANSWER, "from": "me", "value": 1}),
        chat({"role": "user", "content": [{"type": "text", "text": "Hi"}, {"text": "and more"}]}, ANSWER),
        chat({"role": "user", "content": [{"type": "image", "url": "https://example.org/a.png"}]}, ANSWER),
        chat(USER, ANSWER, system={"role": "system"}),
        chat(USER, ANSWER, schemaVersion=2),
        chat(USER, ANSWER, tools=[{"type": "function", "function": {"name": "input_schema"}}]),
        chat(USER, ANSWER, mapping={}, contents=[], conversations=[]),
        chat(USER, {"role": "assistant", "content": None, "parts": []}),
    ],
)
def test_a_row_that_only_resembles_another_system_s_is_not_named_after_it(row):
    _, log = inspect(lines(*[row] * 12))

    assert "DS023" not in {finding.code for finding in log.findings}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, "ShareGPT"),
        (chat({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}, ANSWER), "Claude"),
        (chat(USER, ANSWER, tools=[{"name": "f", "input_schema": {}}]), "Claude"),
        (chat(USER, ANSWER, system=[{"type": "text", "text": "Be brief."}]), "Claude"),
        (chat({"role": "user", "content": [{"text": "Hi"}]}, ANSWER), "Bedrock"),
        (chat(USER, ANSWER, schemaVersion="bedrock-conversation-2024"), "Bedrock"),
        ({"messages": [{"role": "user", "parts": [{"text": "Hi"}]}]}, "Gemini"),
        ({"messages": [{"author": "user", "content": "Hi"}]}, "PaLM"),
        ({"messages": [{"sender": "human", "text": "Hi"}]}, "chats"),
        ({"messages": [None, 3, {"from": "human", "value": "a"}]}, "ShareGPT"),
    ],
)
def test_a_list_of_messages_in_another_system_s_format_is_one_finding_with_the_way_out(row, words):
    _, log = inspect(lines(*[row] * 12))

    assert [finding.code for finding in log.findings] == ["DS023"]
    assert words in log.findings[0].message
    assert log.findings[0].remedy
