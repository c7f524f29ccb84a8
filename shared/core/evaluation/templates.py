"""Templates of graders: `{{ item.reference }}`, `{{ item.any.field }}`, `{{ sample.output_text }}` and `output_json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.core.evaluation.answers import Answer
from shared.core.evaluation.items import EvaluationItem

_SLOT: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PATH: Final = re.compile(r"(item|sample)(\.[A-Za-z_][A-Za-z0-9_]*)+")
_SAMPLE: Final = ("output_text", "output_json")


def problems(template: str) -> list[str]:
    """What is wrong with a template by its form, in words; whether an item has a field is known only per item."""
    found = []
    for slot in _SLOT.findall(template):
        if not _PATH.fullmatch(slot):
            found.append(f"{{{{{slot}}}}} is neither {{{{item.FIELD}}}} nor {{{{sample.output_text}}}}")
        elif slot.startswith("sample.") and slot.split(".")[1] not in _SAMPLE:
            found.append(f"{{{{{slot}}}}}: a sample has output_text and output_json")
    return found


def render(template: str, item: EvaluationItem, answer: Answer) -> str:
    """The template with its slots filled; a field that is not there becomes empty text, as the service does it."""
    return _SLOT.sub(lambda match: _text(_resolve(match[1], item, answer)), template)


def _resolve(path: str, item: EvaluationItem, answer: Answer) -> Any:
    root, *keys = path.split(".")
    if root == "item":
        value: Any = {"reference": item.reference, **item.fields}
    else:
        value = {"output_text": answer.text or ""}
        if keys[:1] == ["output_json"]:
            value["output_json"] = _parsed(answer.text or "")
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
