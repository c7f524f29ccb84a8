"""Every key of the pipeline file: where it stands, its default, what it means.

All three are read from `shared.core.spec`.  docs/generate.py makes the tables of docs/pipeline-file.md of them, and tests hold
the readers and an example of every key against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec
from msgspec.structs import FieldInfo

from shared.core.spec import DAY_S, PipelineSpec

_ENTRY: Final = re.compile(r"(\w+)(?: \(([\w.-]+)\))?: (.+?)\.?(?: +\[(.+)\])?")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the pipeline file.

    Attributes:
        path: where it stands, such as `evaluation.promote.superior_by`.
        field: what it fills, such as `PromoteRule.superior_by`.
        default: what counts when it is left out, in Markdown.
        about: what it means, in Markdown.
    """

    path: str
    field: str
    default: str
    about: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the docstring of a struct has about a field.

    Attributes:
        key: what the file calls it; None if it has no key of its own.
        about: what it means.
        default: words for its default; None if the value itself is shown.
    """

    key: str | None
    about: str
    default: str | None


def parts_of(shape: type[msgspec.Struct] = PipelineSpec) -> tuple[type[msgspec.Struct], ...]:
    """A struct and every struct that it is made of, each once: all that a pipeline file says."""
    found = [shape]
    for field in msgspec.structs.fields(shape):
        for inner in (field.type, *get_args(field.type)):
            if _is_struct(inner):
                found += parts_of(inner)
    return tuple(dict.fromkeys(found))


def keys_of(shape: type[msgspec.Struct] = PipelineSpec, prefix: str = "") -> Iterator[Key]:
    """Every key that fills a struct, in the order of its fields.

    Raises:
        LookupError: a field is not documented.
    """
    entries = _entries_of(shape)
    for field in msgspec.structs.fields(shape):
        name = f"{shape.__name__}.{field.name}"
        if field.name not in entries:
            msg = f"{name} has no entry below `Attributes` in shared/core/spec.py; the table of the docs is made of these"
            raise LookupError(msg)
        entry = entries[field.name]
        if _is_struct(field.type):
            yield from keys_of(field.type, f"{prefix}{field.name}.")
        elif entry.key is not None:
            yield Key(prefix + entry.key, name, entry.default or _default_of(field), entry.about)


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def _entries_of(shape: type[msgspec.Struct]) -> Mapping[str, _Entry]:
    """What stands below `Attributes` in the docstring of a struct, by field."""
    listed = (shape.__doc__ or "").partition("Attributes:\n")[2]
    entries = {}
    for text in re.split(r"\n(?= {4}\w)", "\n" + listed):
        match = _ENTRY.fullmatch(re.sub(r"\n\s+", " ", text).strip())
        if match:
            field, key, about, default = match.groups()
            entries[field] = _Entry(None if key == "-" else key or field, about, default)
    return entries


def _default_of(field: FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value is None or value in ((), {}):
        return "none"
    return f"`{_duration(value) if field.name.endswith('_s') else _flow(msgspec.to_builtins(value))}`"


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, DAY_S)
    return f"PT{seconds}S" if rest else f"P{days}D"


def _flow(value: Any) -> str:
    """A value as YAML writes it within a line; what is None is left out."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case list() | tuple():
            return f"[{', '.join(map(_flow, value))}]"
        case dict():
            pairs = (f"{key}: {_flow(inner)}" for key, inner in value.items() if inner is not None)
            return f"{{{', '.join(pairs)}}}"
    return str(value)
