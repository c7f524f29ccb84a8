"""Templates of graders and their slots: `{{ item.x }}`, `{{ sample.output_text }}`, `{{ sample.output_json.x }}`."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_SLOT: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PATH: Final = re.compile(r"(item|sample)(\.\w+)+")
_SAMPLE: Final = frozenset({"output_text", "output_json", "output_tools", "choices"})


class NoValue(LookupError):
    """There is no value for a slot; the argument is the slot."""


class NotJson(NoValue):
    """A slot needs `sample.output_json`, and the answer is not JSON."""


def slots(template: str) -> list[str]:
    """What stands between the braces of a template, in order."""
    return _SLOT.findall(template)


def problems(template: str) -> list[str]:
    """What is wrong with the slots of a template."""
    found = []
    for slot in slots(template):
        if not _PATH.fullmatch(slot):
            found.append(f"'{{{{{slot}}}}}' is neither an item nor a sample variable")
        elif slot.startswith("sample.") and slot.split(".")[1] not in _SAMPLE:
            found.append(f"'{{{{{slot}}}}}' is not a variable of a sample")
    return found


def has_value(item: dict[str, Any], slot: str) -> bool:
    """Whether a row can fill a slot `item.*`."""
    try:
        _walk(item, slot)
    except NoValue:
        return False
    return True


def render(template: str, item: dict[str, Any], sample: dict[str, Any]) -> str:
    """The template with its slots filled.

    Raises:
        NoValue: at the first slot without a value.
        NotJson: at a slot for which the answer should have been JSON.
    """
    return _SLOT.sub(lambda match: _text(_value(match[1], item, sample)), template)


def _value(slot: str, item: dict[str, Any], sample: dict[str, Any]) -> Any:
    if slot.startswith("item."):
        return _walk(item, slot)
    if slot.startswith("sample.output_json") and "output_json" not in sample:
        try:
            parsed = json.loads(str(sample.get("output_text", "")))
        except ValueError:
            raise NotJson(slot) from None
        return _walk({"output_json": parsed}, slot)
    return _walk(sample, slot)


def _walk(value: Any, slot: str) -> Any:
    for key in slot.split(".")[1:]:
        if not isinstance(value, dict) or key not in value:
            raise NoValue(slot)
        value = value[key]
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
