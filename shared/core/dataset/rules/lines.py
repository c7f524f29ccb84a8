"""Rules about one line as bytes: strict UTF-8, strict JSON, one object.

Their functions take the line and look only at lines that the fast parser refused, or that look suspicious.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from shared.core.dataset.rulebook import Problem, Rule, Scope, Severity, rule
from shared.core.json_keys import repeated_key

#: Commas, brackets and braces of a line.
VALUES_MAX: Final = 250_000
DEPTH_MAX: Final = 64


@rule(
    "DS002", Severity.ERROR, "Shorten the row or refer to images by URL.", is_hard=True, on=Scope.ROW_OF_FILE
)
def line_too_long(size_bytes: int, most: int) -> Iterator[Problem]:
    """No line is longer than 16 MiB.

    A longer line is passed over without being kept in memory, so nothing else is reported about it.

    Bad (line_bytes=60):
        {"messages": [{"role": "user", "content": "Hello, how are you?"}, {"role": "assistant", "content": "Well."}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if size_bytes > most:
        yield Problem(None, f"{size_bytes:,} bytes, at most {most:,} are read")


@rule("DS098", Severity.ERROR, "Make the row smaller.", is_hard=True, on=Scope.LINE)
def too_many_values(data: bytes) -> Iterator[Problem]:
    """A row has at most 250,000 values.

    A value takes fifty times as much memory as it takes in the file.  What could begin a value is counted: commas, brackets and
    braces.

    Bad (values=300000):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good (values=200000):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if len(data) > VALUES_MAX and sum(map(data.count, (b",", b"[", b"{"))) > VALUES_MAX:
        yield Problem(None, f"more than {VALUES_MAX:,} values", data[:300].decode(errors="replace"))


@rule("DS003", Severity.WARNING, "Remove the line; the file has one JSON object per line.", on=Scope.SEVERAL)
def blank_line(data: bytes) -> Iterator[Problem]:
    """There are no blank lines.

    The prepared file leaves them out, so they do no harm here; other tools stop at them.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
        b'   '
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not data or data.isspace():
        yield Problem(None, "the line is blank")


@rule("DS010", Severity.ERROR, "Store the file as UTF-8.", is_hard=True, on=Scope.LINE)
def invalid_utf8(data: bytes) -> Iterator[Problem]:
    r"""The text is UTF-8.

    A single byte of another encoding, such as Latin-1 or Windows-1252, makes the line unreadable.  A byte order mark at the
    beginning of the file is accepted; UTF-16 and UTF-32 are named by DS020.

    Bad:
        b'{"messages": [{"role": "user", "content": "caf\xe9"}, {"role": "assistant", "content": "Yes"}]}'
    Good:
        {"messages": [{"role": "user", "content": "café"}, {"role": "assistant", "content": "Yes"}]}
    """
    try:
        data.decode()
    except UnicodeDecodeError as bad:
        excerpt = data[max(0, bad.start - 20) : bad.start + 300].decode(errors="replace")
        yield Problem(
            None, f"byte {bad.start + 1} of the line is not UTF-8 (0x{data[bad.start]:02x})", excerpt
        )


class _Constant(Exception):
    """NaN or an infinity was met."""


class _Lenient(NamedTuple):
    """What Python's own parser, which takes more than JSON, makes of a line."""

    text: str
    value: Any = None
    error: Exception | None = None


def _refuse_constant(name: str) -> Any:
    raise _Constant(name)


@functools.lru_cache(maxsize=1)
def _read(data: bytes) -> _Lenient:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return _Lenient("", error=_alone(error))
    try:
        return _Lenient(text, json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError, _Constant) as error:
        return _Lenient(text, error=_alone(error))


def _alone(error: Exception) -> Exception:
    """An error that is kept: its traceback would keep all that the frames on the way hold, block and rows."""
    error.__traceback__ = error.__context__ = None
    return error


@rule(
    "DS012",
    Severity.ERROR,
    "JSON has no NaN or Infinity; use null or leave it out.",
    is_hard=True,
    on=Scope.LINE,
)
def not_finite(data: bytes) -> Iterator[Problem]:
    """Numbers are finite.

    Python writes `NaN` and `Infinity` without a warning; they are not JSON, and strict parsers refuse the line.

    Bad:
        b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "weight": NaN}]}'
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "weight": 1}]}
    """
    seen = _read(data)
    if isinstance(seen.error, _Constant):
        yield Problem(None, f"{seen.error} is not JSON", _around(seen.text, seen.text.find(str(seen.error))))


@rule(
    "DS013",
    Severity.ERROR,
    r"A \ud8xx escape needs its second half; write the character itself.",
    is_hard=True,
    on=Scope.LINE,
)
def lone_surrogate(data: bytes) -> Iterator[Problem]:
    r"""Escapes form whole characters.

    Half of a surrogate pair is not a character; it appears when text is cut in the middle of an emoji.

    Bad:
        b'{"messages": [{"role": "user", "content": "\\ud83d"}, {"role": "assistant", "content": "Hello"}]}'
    Good:
        b'{"messages": [{"role": "user", "content": "\\ud83d\\ude00"}, {"role": "assistant", "content": "Hello"}]}'
    """
    seen = _read(data)
    if seen.error is not None:
        return
    try:
        json.dumps(seen.value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        start = int(getattr(error, "start", 0))
        yield Problem(None, "half of a surrogate pair", _around(str(error.object), start))


@rule("DS015", Severity.ERROR, "Flatten the row; check the brackets.", is_hard=True, on=Scope.LINE)
def too_deep(data: bytes) -> Iterator[Problem]:
    """A row is nested at most 64 levels deep.

    Parsers give up at different depths, and a crafted row could take a parser's stack.

    Bad:
        b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}'
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    seen = _read(data)
    if isinstance(seen.error, RecursionError) or (seen.error is None and depth(seen.value) > DEPTH_MAX):
        yield Problem(None, f"nested more than {DEPTH_MAX} levels deep", seen.text[:300])


@rule("DS017", Severity.ERROR, "Write it as text.", is_hard=True, on=Scope.LINE)
def number_range(data: bytes) -> Iterator[Problem]:
    """Numbers fit in 64 bits.

    Larger ones become other numbers in many parsers, silently.

    Bad (method=reinforcement):
        {"messages": [{"role": "user", "content": "2**70?"}], "answer": 1180591620717411303424}
        {"messages": [{"role": "user", "content": "10**400?"}], "answer": 1e400}
    Good (method=reinforcement):
        {"messages": [{"role": "user", "content": "2**70?"}], "answer": "1180591620717411303424"}
    """
    seen = _read(data)
    if isinstance(seen.error, ValueError) and not isinstance(seen.error, json.JSONDecodeError | UnicodeError):
        yield Problem(None, "a number with too many digits", seen.text[:300])
    elif seen.error is None and (number := _large_number(seen.value)) is not None:
        yield Problem(None, "a number that does not fit in 64 bits", number)


@rule("DS014", Severity.ERROR, "Keep one; parsers disagree on which counts.", is_hard=True, on=Scope.LINE)
def duplicate_key(data: bytes) -> Iterator[Problem]:
    """No key appears twice in an object.

    JSON allows it and leaves the meaning open: one parser takes the first, another the last, so what is checked here
    might not be what is trained on.

    Bad:
        b'{"messages": [{"role": "user", "role": "system", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if (key := repeated_key(data)) is not None:
        yield Problem(
            None, f"key {key[:60]!r} appears twice in one object", data[:300].decode(errors="replace")
        )


@rule("DS016", Severity.ERROR, 'Write {"messages": [...]} on each line.', is_hard=True, on=Scope.LINE)
def not_an_object(data: bytes) -> Iterator[Problem]:
    """Every line is a JSON object.

    A line that holds a list, a string or a number is valid JSON, but not an example.

    Bad:
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    seen = _read(data)
    if seen.error is None and not isinstance(seen.value, dict):
        is_twice = isinstance(seen.value, str) and seen.value.lstrip().startswith("{")
        remedy = "Decode the text once: it seems to be a row that was encoded twice." if is_twice else None
        yield Problem(None, f"expected a JSON object, found {json_kind(seen.value)}", seen.text[:300], remedy)


@rule("DS011", Severity.ERROR, "Correct the line; it holds one complete object.", is_hard=True, on=Scope.LINE)
def invalid_json(data: bytes) -> Iterator[Problem]:
    """Every line is one JSON value.

    Strict JSON: double quotes, no comments, no trailing commas, nothing after the closing bracket.

    Bad:
        b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},]}'
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    seen = _read(data)
    if seen.text.startswith("\ufeff"):
        yield Problem(None, "a byte order mark in the middle of the file", seen.text[:300])
    elif isinstance(seen.error, json.JSONDecodeError):
        at = seen.error.pos
        name, remedy = _named(seen.text, at) or (seen.error.msg, None)
        yield Problem(None, f"{name}, at character {at + 1}", _around(seen.text, at), remedy)
    else:
        yield Problem(None, "not strict JSON", seen.text[:300])


def _named(text: str, at: int) -> tuple[str, str] | None:
    """What a line that is not JSON is, and what to do, by what stands where the parser stopped; None if that is not known."""
    rest = text[at : at + 6]
    if text[at - 1 : at] == "}" and not text[at:].strip(" \t,"):
        return "a comma after the object", "Take it off: each line holds one object and nothing else."
    if rest.startswith(("None", "True", "False")):
        word = rest[: 5 if rest.startswith("False") else 4]
        return f"{word} is Python, not JSON", "Write the row with `json.dumps(row)` instead of `str(row)`."
    if rest.startswith("'"):
        return (
            "single quotes instead of double quotes, as Python prints them",
            "Write the row with `json.dumps(row)` instead of `str(row)`.",
        )
    return None


#: In this order the rules are asked why the parser refused a line; the last one always finds something.
UNREADABLE: Final = (
    invalid_utf8,
    not_finite,
    too_deep,
    lone_surrogate,
    number_range,
    not_an_object,
    invalid_json,
)


type IsDoubtful = Callable[[bytes, Any, bytes], bool]
"""Whether a line that the parser took may still break a rule, from the line, its value, and the value written again."""


def _is_no_object(_data: bytes, value: Any, _written: bytes) -> bool:
    return value.__class__ is not dict


def _has_long_number(data: bytes, _value: Any, _written: bytes) -> bool:
    return _LONG_NUMBER in data.translate(_TO_ZEROS)


def _has_many_brackets(data: bytes, _value: Any, _written: bytes) -> bool:
    return _count(data, b"{") + _count(data, b"[") > DEPTH_MAX


def _may_have_dropped_a_key(data: bytes, _value: Any, written: bytes) -> bool:
    """A dropped duplicate takes at least its colon with it."""
    return _count(data, b":") != _count(written, b":")


def _may_hide_a_colon(data: bytes, value: Any, written: bytes) -> bool:
    """An escaped colon can stand for the one that a dropped key took with it."""
    return _ESCAPED_COLON in data and not _may_have_dropped_a_key(data, value, written)


def _count(data: bytes, character: bytes) -> int:
    """How often a character occurs.

    Where it is rare, leaving it out takes a third of the time that `bytes.count` takes in Python 3.13, and where it is dense six
    times as much: only of short lines it is sure that this does not matter.
    """
    if len(data) > _SHORT_BYTES:
        return data.count(character)
    return len(data) - len(data.replace(character, b""))


#: Makes every digit a zero, so that a run of digits is found as one text.
_TO_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
#: So many digits in a row may not fit in 64 bits.
_LONG_NUMBER: Final = b"0" * 19
_ESCAPED_COLON: Final = b"\\u003"
_SHORT_BYTES: Final = 64 * 1024


class Doubt(NamedTuple):
    """A rule about lines that this parser takes and others may read differently.

    Attributes:
        rule: that is asked.
        is_doubtful: its condition.
        needle: what is in each line that is doubtful, for Hyperscan; None: any line may be.
    """

    rule: Rule
    is_doubtful: IsDoubtful
    needle: bytes | None = None


#: In this order they are asked.
DOUBTFUL: Final = (
    Doubt(not_an_object, _is_no_object),
    Doubt(number_range, _has_long_number, rb"[0-9]{19}"),
    Doubt(too_deep, _has_many_brackets),
    Doubt(duplicate_key, _may_have_dropped_a_key),
    Doubt(duplicate_key, _may_hide_a_colon, re.escape(_ESCAPED_COLON)),
)


def depth(value: Any) -> int:
    """Levels of nesting, counted level by level, so that depth costs no stack; at most one more than is allowed."""
    level: list[Any] = [value]
    levels = 0
    while level and levels <= DEPTH_MAX:
        levels += 1
        below: list[Any] = []
        for item in filter(None, level):  # what is empty has nothing below it
            children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            below.extend(child for child in children if isinstance(child, dict | list))
        level = below
    return levels


def json_kind(value: Any) -> str:
    """What a JSON value is, in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _large_number(value: Any) -> str | None:
    """The first number in a value that 64 bits cannot hold."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, float) and item in {float("inf"), float("-inf")}:
            return "beyond 1.8e308"
        elif isinstance(item, int) and not -(2**63) <= item < 2**64:
            return str(item)[:40]
    return None


def _around(text: str, position: int) -> str:
    return text[max(0, position - 30) : position + 50]
