"""What null means in a row: as much as nothing, where exports write every key into every object.

Arrow and pandas know tables, not objects: after a round trip through them, each message has the keys of all messages, with null
where it had none.  Rules look at rows without these.  Left as they are: `content` of messages, whose null has rules of its own
unless the message refuses; arguments of calls and fields for graders, which are data; parameters of tools, which are JSON schemas
(`plain_schema`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.core.dataset.format import Row, RowFormat, functions_of
from shared.core.json_path import at_index, below

#: Keys whose null says something of its own.
_MEANT: Final = frozenset({"content"})
_DATA: Final = frozenset({"arguments", "parameters"})
#: Keywords of JSON schemas that hold schemas: by name, in a list, alone.
_BY_NAME: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTED: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_ALONE: Final = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
#: Keywords whose null is a value.
_VALUES: Final = ("default", "const")


def without_nulls(row: Row, form: RowFormat) -> Row:
    """A row without the keys that hold nothing."""
    return {
        key: value if form.has_fields and key not in form.keys else _plain(value)
        for key, value in row.items()
        if value is not None or (form.has_fields and key not in form.keys)
    }


def drop_nulls(row: Row, form: RowFormat) -> int:
    """Leave the keys out of a row that hold nothing, also those of schemas of its tools; how many they were."""
    plain = without_nulls(row, form)
    holders = [form.holder(plain), plain] if isinstance(form.holder(plain), dict) else [plain]
    for function in (function for holder in holders for _, function in functions_of(holder)):
        if isinstance(function.get("parameters"), dict):
            function["parameters"] = plain_schema(function["parameters"])
    count = _nulls_in(row) - _nulls_in(plain)
    if count:
        row.clear()
        row.update(plain)
    return count


def _nulls_in(value: Any) -> int:
    return msgspec.json.encode(value).count(b":null")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item if key in _DATA else _plain(item)
        for key, item in value.items()
        if item is not None or (key in _MEANT and (value.get("tool_calls") or not value.get("refusal")))
    }


def plain_schema(schema: Any) -> Any:
    """A JSON schema without the keywords that hold nothing."""
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            plain[key] = {name: plain_schema(child) for name, child in value.items() if child is not None}
        elif key in _LISTED and isinstance(value, list):
            plain[key] = [plain_schema(child) for child in value]
        elif value is not None or key in _VALUES:
            plain[key] = plain_schema(value) if key in _ALONE else value
    return plain


def schemas_in(schema: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A JSON schema and those in it, each with its path."""
    if not isinstance(schema, dict):
        return
    yield at, schema
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            for name, child in value.items():
                yield from schemas_in(child, below(below(at, key), name))
        elif key in _LISTED and isinstance(value, list):
            for index, child in enumerate(value):
                yield from schemas_in(child, at_index(below(at, key), index))
        elif key in _ALONE:
            yield from schemas_in(value, below(at, key))


def refused_in(schema: dict[str, Any]) -> tuple[str, ...]:
    """What of one schema Foundry was seen to refuse: what pydantic and MCP write for optional values.

    They write titles too, but nobody found that a title alone is refused.
    """
    found = [f"{key} with null" for key in ("anyOf", "oneOf") if _takes_null(schema.get(key))]
    found += [f"{key}: null" for key, value in schema.items() if value is None and key != "const"]
    return tuple(found)


def _takes_null(listed: Any) -> bool:
    return isinstance(listed, list) and any(_is_null(child) for child in listed)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def passing_schema(schema: Any) -> Any:
    """A schema as it would pass: without null; whoever has no value leaves the argument out.

    Titles, which the schemas that were refused had too, say nothing and are left out for safety.
    """
    plain = plain_schema(schema)
    if not isinstance(plain, dict):
        return plain
    rest = {key: value for key, value in plain.items() if not (key == "title" and isinstance(value, str))}
    if rest.get("default", ...) is None:
        del rest["default"]
    for key in ("anyOf", "oneOf"):
        if _takes_null(rest.get(key)):
            others = [child for child in rest.pop(key) if not _is_null(child)]
            rest = (
                (others[0] | rest)
                if len(others) == 1 and isinstance(others[0], dict)
                else {key: others} | rest
            )
    return rest | {
        key: {name: passing_schema(child) for name, child in rest[key].items()}
        for key in _BY_NAME
        if isinstance(rest.get(key), dict)
    }
