"""One line to one JSON object, strictly: what two parsers could read differently is refused."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.dataset import rules
from shared.core.dataset.findings import Rule

DEPTH_MAX: Final = 64

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder().decode


class ParsedRow(NamedTuple):
    """An object with its canonical bytes: sorted keys, no white space, UTF-8 instead of escapes."""

    value: dict[str, Any]
    canonical: bytes


class RowProblem(NamedTuple):
    """Why a line is no row."""

    rule: Rule
    message: str
    excerpt: str


def parse_row(data: bytes) -> ParsedRow | RowProblem:
    """Read one line.

    Refused: invalid UTF-8, anything that is not one JSON object, NaN and Infinity, lone surrogates, numbers
        beyond 64 bits,
    duplicate keys, more than 64 levels.
    """
    try:
        value = _decode(data)
        canonical = _encode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        return _diagnose(data, error)
    if not isinstance(value, dict):
        kind = json_kind(value)
        return RowProblem(rules.NOT_AN_OBJECT, f"expected a JSON object, found {kind}", _text(data))
    brackets = data.count(b"{") + data.count(b"[")
    if brackets > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        return RowProblem(rules.TOO_DEEP, f"nested more than {DEPTH_MAX} levels deep", _text(data))
    # A dropped duplicate takes at least its colon with it; only an escaped colon can hide that.
    is_suspect = data.count(b":") != canonical.count(b":") or b"\\u003" in data
    if is_suspect and (key := _duplicate_key(data)) is not None:
        return RowProblem(rules.DUPLICATE_KEY, f"key {key!r} appears twice in one object", _text(data))
    return ParsedRow(value, canonical)


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


def _depth(value: Any) -> int:
    """Levels of nesting, counted level by level, so that depth costs no stack."""
    level: list[Any] = [value]
    depth = 0
    while level and depth <= DEPTH_MAX:
        depth += 1
        below: list[Any] = []
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            below.extend(child for child in children if isinstance(child, dict | list) and child)
        level = below
    return depth


class _Found(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _duplicate_key(data: bytes) -> str | None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise _Found(key)
            seen.add(key)

    try:
        json.loads(data, object_pairs_hook=check)
    except _Found as found:
        return found.what
    except (ValueError, RecursionError):  # pragma: no cover  msgspec read it, so json does too
        return None
    return None


def _diagnose(data: bytes, error: Exception) -> RowProblem:
    """Say why a line is no JSON, better than the fast parser does; only lines that it refused come here."""
    try:
        text = data.decode()
    except UnicodeDecodeError as bad:
        message = f"byte {bad.start + 1} of the line is not UTF-8 (0x{data[bad.start]:02x})"
        return RowProblem(rules.INVALID_UTF8, message, _text(data[max(0, bad.start - 20) :]))
    if text.startswith("\ufeff"):
        message = "a byte order mark in the middle of the file"
        remedy_text = text[:80]
        return RowProblem(rules.INVALID_JSON, message, remedy_text)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except _Found as found:
        return RowProblem(rules.NOT_FINITE, f"{found.what} is not JSON", text)
    except RecursionError:
        return RowProblem(rules.TOO_DEEP, f"nested more than {DEPTH_MAX} levels deep", text)
    except json.JSONDecodeError as bad:
        return RowProblem(
            rules.INVALID_JSON, f"{bad.msg}, at character {bad.pos + 1}", _around(text, bad.pos)
        )
    except ValueError:
        return RowProblem(rules.NUMBER_RANGE, "a number with too many digits", text)
    return _diagnose_value(value, text, error)


def _diagnose_value(value: Any, text: str, error: Exception) -> RowProblem:
    """The lenient parser reads the line: find what the strict one minds."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return RowProblem(rules.LONE_SURROGATE, "half of a surrogate pair", text)
    except RecursionError:
        return RowProblem(rules.TOO_DEEP, f"nested more than {DEPTH_MAX} levels deep", text)
    if "range" in str(error) or isinstance(error, OverflowError):
        return RowProblem(rules.NUMBER_RANGE, "a number that does not fit in 64 bits", text)
    if isinstance(error, RecursionError):
        return RowProblem(rules.TOO_DEEP, f"nested more than {DEPTH_MAX} levels deep", text)
    return RowProblem(rules.INVALID_JSON, f"not strict JSON: {error}", text)


def _refuse_constant(name: str) -> Any:
    raise _Found(name)


def _around(text: str, position: int) -> str:
    return text[max(0, position - 30) : position + 50]


def _text(data: bytes) -> str:
    return data[:320].decode(errors="replace")
