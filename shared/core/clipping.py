"""The one place that makes texts fit to be stored: no longer than a table takes, and of characters that it takes."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

#: UTF-16 units of one text in a run's state; a property of a table holds 32,768, and a state has many texts.
TEXT_UNITS_MAX: Final = 4_000
_END: Final = "…"


def clip(text: str, units: int = TEXT_UNITS_MAX) -> str:
    """A text of at most so many UTF-16 units, with a mark where it was cut; halves of characters are replaced."""
    if text.isascii():
        return text if len(text) <= units else text[: units - 1] + _END
    raw = text.encode("utf-16-le", "surrogatepass")
    if len(raw) > 2 * units:
        raw = raw[: 2 * (units - 1)] + _END.encode("utf-16-le")
    clean = raw.decode("utf-16-le", "replace")
    return text if clean == text else clean


def clipped[T](value: T, stored: T | None = None) -> T:
    """A value with all its texts clipped, however deep they lie; the same object if none has to be.

    Args:
        value: a struct, or a tuple, dict or anything else that structs hold.
        stored: the value before; fields of structs that are still the same object fit already, and are not looked at.
    """
    return cast("T", _clipped(value, stored))


def _clipped(value: Any, stored: Any = None) -> Any:
    if isinstance(value, str):
        return clip(value)
    if isinstance(value, msgspec.Struct):
        known = stored if type(stored) is type(value) else None
        old = {
            name: one
            for name in value.__struct_fields__
            if (one := getattr(value, name)) is not None and one is not getattr(known, name, None)
        }
        changes = {
            name: new
            for name, one in old.items()
            if (new := _clipped(one, getattr(known, name, None))) is not one
        }
        return msgspec.structs.replace(value, **changes) if changes else value
    if isinstance(value, tuple):
        parts = tuple(_clipped(one) for one in value)
        return value if all(new is one for new, one in zip(parts, value, strict=True)) else parts
    if isinstance(value, dict):
        made = {key: _clipped(one) for key, one in value.items()}
        return value if all(made[key] is one for key, one in value.items()) else made
    return value
