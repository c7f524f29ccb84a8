"""Files of answers, a line for each row of a dataset: read strictly, as the answers that the app would have stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from cli.console import CannotStart
from cli.lines import Unusable, index_of, lines_of, object_on
from shared.core.evaluation.answers import Answer, calls_in, encodable, message_calls, message_text

#: A longer line is none of answers: the longest that a model gives are a small part of this.
_LINE_MAX: Final = 16_000_000
_EXAMPLE: Final = '{"index": 0, "text": "yes", "refusal": null, "finish_reason": "stop"}'

type _Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """What counts on a line; other keys are ignored.  The names are those of `Answer`."""

    index: int
    text: str | None
    refusal: str | None = None
    finish_reason: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    error: str | None = None
    error_code: str | None = None
    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    cached_tokens: _Count = None
    reasoning_tokens: _Count = None
    latency_ms: _Count = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the rows stand in the file of a dataset.

    Attributes:
        file: that has them.
        count: of its lines, up to the last row.
        rows: lines that are rows, from 0.
    """

    file: Path
    count: int
    rows: frozenset[int]


def read_answers(file: Path, lines: Lines) -> dict[int, Answer]:
    """The answers of a file by index.

    Args:
        file: of the answers.
        lines: of the file of the rows.

    Raises:
        CannotStart: a line cannot be used, or there are none; with file and line.
        OSError: the file cannot be read.
    """
    answers: dict[int, Answer] = {}
    for number, raw in lines_of(file, "answers", _LINE_MAX):
        try:
            answer = _answer(object_on(raw, _EXAMPLE))
            _check_index(answer.index, answers, lines)
        except Unusable as error:
            msg = f"{file}:{number}: {error}"
            raise CannotStart(msg) from None
        answers[answer.index] = answer
    if not answers:
        msg = f"{file}:1: there are no answers"
        raise CannotStart(msg)
    return answers


def _check_index(index: int, answers: dict[int, Answer], lines: Lines) -> None:
    if index in answers:
        msg = f"index {index} was there before"
        raise Unusable(msg)
    if index >= lines.count:
        msg = f"index {index} is beyond the rows: {lines.file} has {lines.count:,} lines, and the first one has index 0"
        raise Unusable(msg)
    if index not in lines.rows:
        msg = f"index {index} is not a row: line {index + 1:,} of {lines.file} is blank"
        raise Unusable(msg)


def _answer(row: dict[str, Any]) -> Answer:
    index_of(row)
    if "text" not in row:
        msg = "text is missing: what was answered, or null"
        raise Unusable(msg)
    try:
        line = msgspec.convert(row, _Line)
        text, calls = _said(line)
    except msgspec.ValidationError as error:
        msg = f"cannot be read: {error}"
        raise Unusable(msg) from None
    return Answer(
        index=line.index,
        text=text,
        finish_reason=line.finish_reason,
        prompt_tokens=line.prompt_tokens or 0,
        completion_tokens=line.completion_tokens or 0,
        latency_ms=line.latency_ms or 0,
        error=line.error,
        refusal=line.refusal,
        error_code=line.error_code,
        tool_calls=calls,
        cached_tokens=line.cached_tokens,
        reasoning_tokens=line.reasoning_tokens,
    )


def _said(line: _Line) -> tuple[str | None, tuple[dict[str, Any], ...] | None]:
    """Text and calls as the app stores them: the text ends with the calls, which a line that the app wrote does already."""
    text = None if line.text is None else encodable(line.text)
    if line.tool_calls is None:
        return text, None
    message = {"content": text, "tool_calls": line.tool_calls}
    try:
        calls = message_calls(message)
        return (text if calls_in(text or "") else message_text(message) or None), calls
    except (RecursionError, ValueError):
        msg = "tool_calls is nested too deep"
        raise Unusable(msg) from None
