"""Recognises files whose lines hold rows, but written otherwise than as JSON Lines: one finding instead of one a line."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from shared.core.dataset.rulebook import Problem

#: Python's own parser is slow, and is not asked about longer lines.
_PARSED_BYTES_MAX: Final = 20_000

_decode: Final = msgspec.json.Decoder().decode


def foreign_lines(lines: Sequence[bytes]) -> Problem | None:
    """What a file is whose first lines are no rows; None if that cannot be known.

    Args:
        lines: the first lines that are not blank, two if there are so many; each has to be written in the same way.
    """
    for is_written_so, name, remedy in _KINDS:
        if lines and all(is_written_so(line) for line in lines):
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
    return line.endswith(b"},") and _is_object(line[:-1])


def _is_python(line: bytes) -> bool:
    """Whether a line is what Python prints for a dictionary."""
    if not line.lstrip().startswith((b"{'", b'{"')):
        return False
    if len(line) > _PARSED_BYTES_MAX:
        return line.lstrip().startswith(b"{'")
    try:
        text = line.strip().decode()
        return _stops_at_python(text) and isinstance(ast.literal_eval(text), dict)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False


def _stops_at_python(text: str) -> bool:
    """Whether the first thing in a text that is not JSON is a word or quotation mark of Python."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.startswith(("'", "None", "True", "False"), error.pos)
    return False


def _is_csv(line: bytes) -> bool:
    """Whether a line is a JSON object in the quotation marks of CSV, which doubles those within."""
    line = line.strip()
    return line.startswith(b'"{') and line.endswith(b'}"') and _is_object(line[1:-1].replace(b'""', b'"'))


def _is_text(line: bytes) -> bool:
    """Whether a line is a JSON text that holds a JSON object."""
    if not line.lstrip().startswith(b'"'):
        return False
    text = _value(line)
    return isinstance(text, str) and _is_object(text)


_KINDS: Final[tuple[tuple[Callable[[bytes], bool], str, str], ...]] = (
    (
        _has_comma,
        "objects with a comma after each, as within a JSON array",
        "Take the comma off the end of each line: `sed 's/},[[:space:]]*$/}/' FILE > OUT.jsonl`.",
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
        "Decode each line once: `jq -r . FILE > OUT.jsonl`.",
    ),
)
