"""Rows of uploaded files as pairs of prompt and answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """One row: what is asked, what is to be answered, and how many tokens it is."""

    prompt: str
    answer: dict[str, Any]

    @property
    def text(self) -> str:
        """The answer as text, tool calls as JSON."""
        return answer_text(self.answer)


def read_rows(content: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        ValueError: naming the first line that is no JSON object.
    """
    for number, line in enumerate(content.decode("utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            json.dumps(row, ensure_ascii=False).encode()  # a lone surrogate is no text
        except (ValueError, RecursionError) as error:
            msg = f"Invalid JSON in line {number}: {error}"
            raise ValueError(msg) from error
        if not isinstance(row, dict):
            msg = f"Invalid JSON in line {number}: expected an object"
            raise ValueError(msg)  # noqa: TRY004  # one kind of error for a bad file
        yield row


def content_text(content: Any) -> str:
    """Text of a message's content, parts joined."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def answer_text(message: dict[str, Any]) -> str:
    """Text of an assistant message, tool calls as JSON."""
    calls = [call.get("function", {}) for call in message.get("tool_calls") or ()]
    return content_text(message.get("content")) + (json.dumps(calls) if calls else "")


def prompt_text(messages: list[dict[str, Any]]) -> str:
    """What a model is asked: the messages after the system prompt."""
    return "\n".join(
        answer_text(message) for message in messages if message.get("role") not in {"system", "developer"}
    )


def pairs(content: bytes) -> list[Pair]:
    """Pairs of supervised and preference rows; reinforcement rows have no answer to learn.

    Raises:
        ValueError: naming the first row that is no conversation.
    """
    found = []
    for number, row in enumerate(read_rows(content), start=1):
        try:
            pair = _pair(row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"Row {number} is no conversation: {error}"
            raise ValueError(msg) from error
        if pair is not None:
            found.append(pair)
    return found


def _messages(row: dict[str, Any]) -> list[dict[str, Any]]:
    if "preferred_output" in row:
        return [*row["input"]["messages"], *row["preferred_output"]]
    return list(row["messages"])


def conversations(content: bytes) -> list[list[dict[str, Any]]]:
    """All messages of each row of a file whose pairs could be read."""
    return [_messages(row) for row in read_rows(content)]


def _pair(row: dict[str, Any]) -> Pair | None:
    messages = _messages(row)
    last = max((at for at, m in enumerate(messages) if m.get("role") == "assistant"), default=None)
    if last is None:
        return None
    pair = Pair(prompt=prompt_text(messages[:last]), answer=messages[last])
    for call in pair.answer.get("tool_calls") or ():
        json.loads(call["function"]["arguments"])
    return pair
