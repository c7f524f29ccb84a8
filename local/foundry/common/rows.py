"""Rows of uploaded files: as JSON, and as what each method learns from."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of a supervised file: what is asked, and the message that answers it."""

    prompt: str
    answer: dict[str, Any]

    @property
    def text(self) -> str:
        """The answer as text, tool calls as JSON."""
        return answer_text(self.answer)


@dataclass(frozen=True, slots=True)
class Preference:
    """One row of a preference file: what is asked, the better answer and the other."""

    prompt: str
    preferred: dict[str, Any]
    other: dict[str, Any]

    @property
    def texts(self) -> tuple[str, str]:
        """Both answers as text."""
        return answer_text(self.preferred), answer_text(self.other)


@dataclass(frozen=True, slots=True)
class Question:
    """One row of a reinforcement file: what is asked, and what the grader knows about it."""

    prompt: str
    item: dict[str, Any]


def read_rows(content: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        ValueError: naming the first line that is not a JSON object.
    """
    for number, raw in enumerate(
        io.BytesIO(content), start=1
    ):  # line by line: a large file is not copied as a whole
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            json.dumps(row, ensure_ascii=False).encode()  # a lone surrogate is not valid text
        except (ValueError, RecursionError) as error:
            msg = f"Invalid JSON in line {number}: {error}"
            raise ValueError(msg) from error
        if not isinstance(row, dict):
            msg = f"Invalid JSON in line {number}: expected an object"
            raise ValueError(msg)  # noqa: TRY004  # one kind of error for a bad file
        yield row


def content_text(content: Any) -> str:
    """The text of a message's content, its parts joined."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def answer_text(message: dict[str, Any]) -> str:
    """The text of an assistant's message, tool calls as JSON."""
    calls = [call.get("function", {}) for call in message.get("tool_calls") or ()]
    return content_text(message.get("content")) + (json.dumps(calls) if calls else "")


def prompt_text(messages: list[dict[str, Any]]) -> str:
    """What a model is asked: all messages but the system prompt."""
    return "\n".join(
        answer_text(message) for message in messages if message.get("role") not in {"system", "developer"}
    )


class Reread[S, T]:
    """Something that can be gone through several times: it is read again each time, and never in memory as a whole."""

    def __init__(self, source: Callable[[], S], read: Callable[[S], Iterator[T]]) -> None:
        self._source, self._read = source, read

    def __iter__(self) -> Iterator[T]:
        """Read it from the beginning."""
        return self._read(self._source())


def each_pair(content: bytes) -> Iterator[Pair]:
    """The rows of a supervised file, one after the other.

    Raises:
        ValueError: at the first row that is not a conversation with an answer.
    """
    return _read(content, _pair, "is not a conversation")


def each_preference(content: bytes) -> Iterator[Preference]:
    """The rows of a preference file, one after the other.

    Raises:
        ValueError: at the first row that is not a preference pair.
    """
    return _read(content, _preference, "is not a preference pair")


def each_question(content: bytes) -> Iterator[Question]:
    """The rows of a reinforcement file, one after the other.

    Raises:
        ValueError: at the first row that is not a reinforcement example.
    """
    return _read(content, _question, "is not a reinforcement example")


def questions(content: bytes) -> list[Question]:
    """The rows of a reinforcement file, all at once.

    Raises:
        ValueError: naming the first row that is not a reinforcement example.
    """
    return list(each_question(content))


def _read[T](content: bytes, read: Callable[[dict[str, Any]], T], fault: str) -> Iterator[T]:
    for number, row in enumerate(read_rows(content), start=1):
        try:
            found = read(row)
        except KeyError as error:
            msg = f"Row {number} {fault}: {error} is missing"
            raise ValueError(msg) from error
        except (AttributeError, TypeError, ValueError) as error:
            msg = f"Row {number} {fault}: {error}"
            raise ValueError(msg) from error
        yield found


def _answer(messages: list[dict[str, Any]]) -> int:
    """The index of the last message of the assistant.

    Raises:
        ValueError: there is none, or the arguments of its tool calls are not JSON.
    """
    last = max((at for at, m in enumerate(messages) if m.get("role") == "assistant"), default=None)
    if last is None:
        msg = "no message of the assistant"
        raise ValueError(msg)
    for call in messages[last].get("tool_calls") or ():
        json.loads(call["function"]["arguments"])
    return last


def _pair(row: dict[str, Any]) -> Pair:
    messages = list(row["messages"])
    last = _answer(messages)
    return Pair(prompt=prompt_text(messages[:last]), answer=messages[last])


def _preference(row: dict[str, Any]) -> Preference:
    asked = list(row["input"]["messages"])
    preferred, other = (list(row[key]) for key in ("preferred_output", "non_preferred_output"))
    for messages in (preferred, other):
        if any(message.get("role") not in {"assistant", "tool"} for message in messages):
            msg = "an output holds messages of the assistant and of tools only"
            raise ValueError(msg)
    return Preference(prompt_text(asked), preferred[_answer(preferred)], other[_answer(other)])


def _question(row: dict[str, Any]) -> Question:
    messages = list(row["messages"])
    if not messages or messages[-1].get("role") != "user":
        msg = "the last message must be the user's"
        raise ValueError(msg)
    item = {key: value for key, value in row.items() if key != "messages"}
    return Question(prompt_text(messages), item)


def conversations(content: bytes) -> Iterator[list[dict[str, Any]]]:
    """The messages of each row of a file that was checked; those of a preference pair are of both outputs."""
    return (_messages(row) for row in read_rows(content))


def _messages(row: dict[str, Any]) -> list[dict[str, Any]]:
    if "preferred_output" in row:
        return [*row["input"]["messages"], *row["preferred_output"], *row["non_preferred_output"]]
    return list(row["messages"])
