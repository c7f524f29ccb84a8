"""Templates of graders: `{{ item.reference }}`, `{{ item.list[0] }}`, `{{ sample.output_text }}` and other parts of answers.

What a sample has is told by OpenAI's guide to graders: `output_text`; `output_json`, its value if it is JSON; `output_tools` and
`choices`, as chat completions have them.  Items have `reference` and `reference_tools`, the answer in the data, unless the row
has fields of these names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from shared.core.evaluation.answers import Answer, message_text, parsed_json
from shared.core.evaluation.items import EvaluationItem
from shared.core.json_path import descend, steps_of

#: White space around a slot is taken away afterwards: here it would be looked for in every possible way.
_SLOT: Final = re.compile(r"\{\{([^{}]*)\}\}")
#: Parts of a sample that have parts of their own.
_DEEP: Final = ("output_json", "output_tools", "choices")
_PATH: Final = re.compile(r"(item|sample)(\.[A-Za-z_][A-Za-z0-9_]*(\[[0-9]{1,9}\])*)+")


def problems(template: str) -> list[str]:
    """What is wrong with a template by its form, in words.  Whether an item has a field: see `missing_fields`."""
    found = []
    for slot in slots(template):
        if not _PATH.fullmatch(slot):
            found.append(f"{{{{{slot}}}}} is neither {{{{item.FIELD}}}} nor {{{{sample.output_text}}}}")
        elif slot.startswith("sample.") and not _is_sample_path(slot):
            found.append(f"{{{{{slot}}}}}: a sample has output_text, {', '.join(_DEEP)}")
    if not is_closed(template):
        found.append("{{ is never closed by }}")
    return found


@lru_cache(maxsize=256)
def slots(template: str) -> tuple[str, ...]:
    """What stands between the braces of a template."""
    return tuple(slot.strip() for slot in _SLOT.findall(template))


def is_closed(template: str) -> bool:
    """Whether all braces of a template come in pairs."""
    return "{{" not in _SLOT.sub("", template)


def mentions_sample(template: str) -> bool:
    """Whether the text depends on the model's answer."""
    return any(slot.startswith("sample.") for slot in slots(template))


def missing_fields(template: str, item: EvaluationItem) -> tuple[str, ...]:
    """The slots of a template for which an item has no value, such as `item.refernce`."""
    return tuple(slot for slot in item_slots(template) if _walk(_fields(item), slot) is None)


def item_slots(template: str) -> tuple[str, ...]:
    """The slots of a template that a row must fill, such as `item.answer`."""
    return tuple(slot for slot in slots(template) if slot.startswith("item."))


def slot_value(row: Mapping[str, Any], slot: str) -> Any:
    """What a row has for a slot `item.*`; None if nothing."""
    return _walk(row, slot)


def known_fields(item: EvaluationItem) -> tuple[str, ...]:
    """The top-level slots that an item can fill, for messages."""
    return tuple(sorted(f"item.{name}" for name, value in _fields(item).items() if value is not None))


def render(template: str, item: EvaluationItem, answer: Answer) -> str | None:
    """The template with its slots filled; None if one of them has no value, since blanks would match too much.

    Values that are not text are written as compact JSON.  What an answer contains is never taken for a slot.
    """
    values = {slot: _resolve(slot, item, answer) for slot in slots(template)}
    if any(value is None for value in values.values()):
        return None
    return _SLOT.sub(lambda match: _text(values[match[1].strip()]), template)


def _is_sample_path(slot: str) -> bool:
    return slot == "sample.output_text" or steps_of(slot)[1] in _DEEP


def _fields(item: EvaluationItem) -> dict[str, Any]:
    """A field of the row called `reference` counts more than the answer found in the row."""
    calls = None if item.reference_calls is None else list(item.reference_calls)
    return {"reference": item.reference, "reference_tools": calls, **item.fields}


def _resolve(slot: str, item: EvaluationItem, answer: Answer) -> Any:
    if slot.startswith("item."):
        return _walk(_fields(item), slot)
    if slot == "sample.output_text":
        return answer.text
    if steps_of(slot)[1] == "output_json":
        try:
            return _walk({"output_json": parsed_json(answer.text or "")}, slot)
        except ValueError:
            return None
    calls = list(answer.calls)
    return _walk({"output_tools": calls, "choices": [_choice(answer, calls)]}, slot)


def _choice(answer: Answer, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """An answer as a choice of a chat completion."""
    content = answer.text
    if calls:
        text = message_text({"tool_calls": calls})
        content = (answer.text or "").removesuffix(text).removesuffix("\n") or None
    message = {"role": "assistant", "content": content} | ({"tool_calls": calls} if calls else {})
    return {"index": 0, "finish_reason": answer.finish_reason, "message": message}


def _walk(value: Any, slot: str) -> Any:
    found, is_there = descend(value, steps_of(slot)[1:])
    return found if is_there else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
