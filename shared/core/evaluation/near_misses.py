"""Near misses: answers that are wrong, made from references, each with the score that a grader may give it at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.evaluation.answers import Answer, message_text, parsed_json
from shared.core.evaluation.detect import is_container, is_label
from shared.core.evaluation.items import EvaluationItem
from shared.core.evaluation.json_match import leaves, same_value
from shared.core.evaluation.labels import normalised

_HALF: Final = 0.5


class NearMiss(NamedTuple):
    """A wrong answer to an item.

    Attributes:
        kind: what is wrong with it.
        item: that it answers.
        answer: the answer.
        allowed: the most that it may score.
    """

    kind: str
    item: EvaluationItem
    answer: Answer
    allowed: float


def near_misses(items: Sequence[EvaluationItem]) -> Iterator[NearMiss]:
    """Wrong answers to items with references, of all kinds that these offer."""
    texts = [item.reference for item in items if item.reference and not item.reference_calls]
    labels = {normalised(text): text for text in texts}
    are_labels = all(map(is_label, labels.values()))
    functions = list(dict.fromkeys(_name(call) for item in items for call in item.reference_calls or ()))
    for place, item in enumerate(items):
        if item.reference_calls:
            yield from _of_calls(item, functions)
        elif item.reference and is_container(item.reference):
            yield from _of_json(item, item.reference)
        elif item.reference and are_labels:
            yield from _of_label(item, list(labels.values()), place)
        elif item.reference:
            yield from _of_text(item, item.reference, items[place - 1].reference or "")


def saying(item: EvaluationItem, text: str) -> Answer:
    """An answer in words."""
    return Answer(index=item.index, text=text, finish_reason="stop", tool_calls=())


def calling(item: EvaluationItem, calls: Sequence[dict[str, Any]]) -> Answer:
    """An answer of nothing but calls."""
    text = message_text({"tool_calls": list(calls)})
    return Answer(index=item.index, text=text, finish_reason="tool_calls", tool_calls=tuple(calls))


def _of_label(item: EvaluationItem, labels: Sequence[str], place: int) -> Iterator[NearMiss]:
    others = [label for label in labels if normalised(label) != normalised(item.reference or "")]
    if others:
        yield NearMiss("another label", item, saying(item, others[place % len(others)]), _HALF)
        yield NearMiss("every label at once", item, saying(item, ", ".join(labels)), _HALF)


def _of_json(item: EvaluationItem, text: str) -> Iterator[NearMiss]:
    value = parsed_json(text)
    places = sorted(leaves(value), key=lambda leaf: str(leaf[0]))
    if places and places[0][0]:
        place, old = places[item.index % len(places)]
        wrong = _with(value, place, _other(old))
        yield NearMiss(
            "one wrong value",
            item,
            saying(item, msgspec.json.encode(wrong).decode()),
            1 - 1 / len(places),
        )


def _other(old: Any) -> Any:
    """Another value of the same type."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int | float):
        return old + 1 if old + 1 != old else 0
    return f"{old}x" if isinstance(old, str) else "x"


def _with(value: Any, place: Sequence[str | int], new: Any) -> Any:
    """A copy of a JSON value with another one at a place."""
    copied = parsed_json(msgspec.json.encode(value).decode())
    holder = copied
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = new
    return copied


def _of_calls(item: EvaluationItem, functions: Sequence[str]) -> Iterator[NearMiss]:
    calls = item.reference_calls or ()
    first = calls[0]["function"]
    offered = [tool.get("function", {}).get("name") for tool in item.tools or ()]
    other = next(
        (name for name in (*offered, *functions) if name and name != first["name"]), f"{first['name']}_x"
    )
    renamed = {"type": "function", "function": first | {"name": other}}
    yield NearMiss("another function", item, calling(item, [renamed, *calls[1:]]), _HALF)
    for at, call in enumerate(calls):
        if swapped := _swapped(call["function"]["arguments"]):
            changed = {"type": "function", "function": call["function"] | {"arguments": swapped}}
            yield NearMiss(
                "two arguments swapped", item, calling(item, [*calls[:at], changed, *calls[at + 1 :]]), _HALF
            )
            return


def _swapped(arguments: str) -> str | None:
    """Arguments with the values of two exchanged that differ; None if there are no two."""
    try:
        values = parsed_json(arguments)
    except ValueError:
        return None
    names = list(values) if isinstance(values, dict) else []
    for one, other in pairwise(names):
        if not same_value(values[one], values[other]):
            return msgspec.json.encode(values | {one: values[other], other: values[one]}).decode()
    return None


def _of_text(item: EvaluationItem, text: str, other: str) -> Iterator[NearMiss]:
    """A text in which a number is wrong, or else its last word is that of another text."""
    words = text.split()
    numbers = [at for at, word in enumerate(words) if any(char.isdecimal() for char in word)]
    if numbers:
        at = numbers[-1]
        wrong = "".join(str((int(char) + 1) % 10) if char.isdecimal() else char for char in words[at])
        yield NearMiss(
            "another number", item, saying(item, " ".join([*words[:at], wrong, *words[at + 1 :]])), _HALF
        )
        return
    last = other.split()[-1:]
    if words and last and last[0] != words[-1]:
        yield NearMiss("another last word", item, saying(item, " ".join([*words[:-1], *last])), _HALF)


def _name(call: dict[str, Any]) -> str:
    return str(call["function"]["name"])
