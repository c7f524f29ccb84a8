"""Calls of tools compared by name and arguments as values.  The order of parallel calls does not count, nor do their ids."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from shared.core.evaluation.answers import parsed_json
from shared.core.evaluation.json_match import same_value


class Call(NamedTuple):
    """One call: name and arguments, these as a value, or as their text if it is not JSON."""

    name: str
    arguments: Any


def tool_call_match(given: str, reference: str) -> float:
    """1 if both lists have the same calls, each as often; no call where none is wanted is right too."""
    ours, theirs = calls_of(given), calls_of(reference)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return 0.0
    for call in theirs:
        found = next((at for at, other in enumerate(ours) if _is_same(call, other)), None)
        if found is None:
            return 0.0
        del ours[found]
    return 1.0


def tool_names(given: str, reference: str) -> float:
    """Share of the calls, of the list that has more of them, whose function is called in both; 1 if both have none."""
    ours, theirs = calls_of(given), calls_of(reference)
    if ours is None or theirs is None:
        return 0.0
    names = Counter(call.name for call in ours) & Counter(call.name for call in theirs)
    return names.total() / max(len(ours), len(theirs)) if ours or theirs else 1.0


def are_calls(text: str) -> bool:
    """Whether a text is a list of calls, so that it can be a reference."""
    return calls_of(text) is not None


def calls_of(text: str) -> list[Call] | None:
    """The calls in a JSON list as chat completions have them, or of `{name, arguments}`; None if it is not such a list."""
    try:
        listed = parsed_json(text)
    except ValueError:
        return None
    if not isinstance(listed, list):
        return None
    calls = [_call(entry) for entry in listed]
    return None if None in calls else [call for call in calls if call is not None]


def _call(entry: Any) -> Call | None:
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    return Call(function["name"], _value(function.get("arguments")))


def _value(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return {} if arguments is None else arguments
    if not arguments.strip():
        return {}  # how some models call a function without parameters
    try:
        return parsed_json(arguments)
    except ValueError:
        return arguments


def _is_same(one: Call, other: Call) -> bool:
    return one.name == other.name and same_value(one.arguments, other.arguments)
