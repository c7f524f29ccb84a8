"""Recognises files whose lines hold rows, but written otherwise than as JSON Lines: one finding instead of one a line."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from shared.core.dataset.rulebook import Problem

#: Python's own parser is slow, and is not asked about longer lines.
_PARSED_BYTES_MAX: Final = 20_000
#: So often a line may have been encoded.
_ENCODED_MAX: Final = 5

_decode: Final = msgspec.json.Decoder().decode


def foreign_lines(lines: Sequence[bytes]) -> Problem | None:
    """What a file is whose first lines are no rows; None if that cannot be known, or if there are none.

    Args:
        lines: the first lines that are not blank, two if there are so many; each has to be written in the same way.
    """
    if not lines:
        return None
    # The first line of CSV may be the names of the columns.
    has_names = len(lines) > 1 and not _is_csv(lines[0]) and not lines[0].startswith((b"{", b"["))
    for is_written_so, name, remedy in _KINDS:
        if all(map(is_written_so, lines[1:] if has_names and is_written_so is _is_csv else lines)):
            return Problem(None, f"the lines are {name}", lines[0][:200].decode(errors="replace"), remedy)
    return None


def _is_object(text: bytes | str) -> bool:
    return isinstance(_value(text), dict)


def _value(text: bytes | str) -> Any:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _has_comma(line: bytes) -> bool:
    line = line.rstrip()
    return line.endswith(b",") and line[:-1].rstrip().endswith(b"}") and _is_object(line[:-1])


def _is_python(line: bytes) -> bool:
    """Whether a line is what Python prints for a dictionary, or for one in a tuple, in bytes or in a text."""
    if not line.lstrip().startswith(PYTHON_STARTS):
        return False
    if line.lstrip().startswith(_ORDERED) or len(line) > _PARSED_BYTES_MAX:
        return not line.lstrip().startswith(b'{"')
    try:
        text = line.strip().decode()
        value = ast.literal_eval(text) if _stops_at_python(text) else None
        return isinstance(value[0] if isinstance(value, tuple) and value else value, dict) or (
            isinstance(value, bytes | str) and _is_object(value)
        )
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False


def _stops_at_python(text: str) -> bool:
    """Whether the first thing in a text that is not JSON is a word, bracket or quotation mark of Python."""
    if text.startswith(("({", "b'")):
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.startswith(("'", "None", "True", "False"), error.pos)
    return False


#: How lines begin that Python printed.  A line of JSON may begin like the second one.
PYTHON_STARTS: Final = (b"{'", b'{"', b"({'", b"b'{", b"'{", b"OrderedDict(")
_ORDERED: Final = b"OrderedDict("
#: A list or an object in the quotation marks of CSV, which doubles those within, at the beginning of a record or after a column.
_QUOTED: Final = re.compile(rb'(?:^|[^"]{0,200}[,;\t])"\s{0,20}(?:\{|\[\s{0,20}\{)\s{0,20}""')


def _is_csv(line: bytes) -> bool:
    """Whether a line is a record of CSV with JSON in it."""
    return _QUOTED.match(line.strip()) is not None


def _is_text(line: bytes) -> bool:
    """Whether a line is a JSON text that holds a JSON object, encoded once or more often."""
    return isinstance(_within(line), dict)


def _is_text_of_messages(line: bytes) -> bool:
    """The same of a list of messages."""
    value = _within(line)
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _within(line: bytes) -> Any:
    """What is encoded in a JSON text; None if a line is no text."""
    if not line.lstrip().startswith(b'"'):
        return None
    value: Any = _value(line)
    for _ in range(_ENCODED_MAX):
        if not isinstance(value, str):
            break
        value = _value(value)
    return value


_KINDS: Final[tuple[tuple[Callable[[bytes], bool], str, str], ...]] = (
    (
        _has_comma,
        "objects with a comma after each, as within a JSON array",
        "Take the comma off the end of each line: `sed 's/}[[:space:]]*,[[:space:]]*$/}/' FILE > OUT.jsonl`.",
    ),
    (
        _is_python,
        "what Python prints for dictionaries, not JSON",
        "Write each row with `json.dumps(row)` instead of `str(row)`.",
    ),
    (
        _is_csv,
        "JSON in the quotation marks of CSV",
        "Read it with a CSV reader, and write the text of each record as a line.",
    ),
    (
        _is_text,
        "JSON objects that are encoded twice, as texts",
        "Decode each line until it is an object: `jq -c 'until(type != \"string\"; fromjson)' FILE > OUT.jsonl`.",
    ),
    (
        _is_text_of_messages,
        "lists of messages that are encoded as texts",
        "Decode each line and make it a row: `jq -c '{messages: until(type != \"string\"; fromjson)}' FILE > OUT.jsonl`.",
    ),
)
