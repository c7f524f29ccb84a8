"""JSON compared by value: formatting, the order of keys and 1 or 1.0 do not count; the order of lists does."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from shared.core.evaluation.answers import parsed_json


def same_value(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal.  `true` is not 1; accents may be composed or not."""
    left = [(one, other)]
    while left:
        ours, theirs = left.pop()
        if isinstance(ours, dict) and isinstance(theirs, dict):
            if ours.keys() != theirs.keys():
                return False
            left += [(value, theirs[key]) for key, value in ours.items()]
        elif isinstance(ours, list) and isinstance(theirs, list):
            if len(ours) != len(theirs):
                return False
            left += zip(ours, theirs, strict=True)
        elif not _same_leaf(ours, theirs):
            return False
    return True


def _same_leaf(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str) and isinstance(theirs, str):
        return unicodedata.normalize("NFC", ours) == unicodedata.normalize("NFC", theirs)
    return isinstance(ours, bool) == isinstance(theirs, bool) and bool(ours == theirs)


def json_match(given: str, reference: str) -> float:
    """1 if both texts are JSON of the same value."""
    pair = _parsed(given, reference)
    return float(pair is not None and same_value(*pair))


def json_by_field(given: str, reference: str) -> float:
    """Share of the places with a value, of both together, at which both have the same."""
    pair = _parsed(given, reference)
    if pair is None:
        return 0.0
    ours, theirs = (dict(leaves(value)) for value in pair)
    equal = sum(1 for place in ours.keys() & theirs.keys() if _same_leaf(ours[place], theirs[place]))
    return equal / len(ours.keys() | theirs.keys())


def is_json(text: str) -> bool:
    """Whether a text is JSON, so that it can be a reference."""
    return _parsed(text, text) is not None


def leaves(value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The values in a JSON value that hold no others, each with the keys and indexes that lead to it."""
    left: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while left:
        place, found = left.pop()
        if isinstance(found, dict) and found:
            left += [((*place, key), inner) for key, inner in found.items()]
        elif isinstance(found, list) and found:
            left += [((*place, at), inner) for at, inner in enumerate(found)]
        else:
            yield place, found


def _parsed(given: str, reference: str) -> tuple[Any, Any] | None:
    try:
        return parsed_json(given), parsed_json(reference)
    except ValueError:
        return None
