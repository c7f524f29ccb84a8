"""Places in JSON values, written as in `messages[2].content`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

#: Of a path, more than any reader is shown: a name of a megabyte above many values would be repeated for each of them.
_CHARS_MAX: Final = 801
_STEP: Final = re.compile(r"\[([0-9]{1,9})\]|([^.\[\]]+)")


def below(path: str, name: str) -> str:
    """The path of what a name leads to, or its beginning; the value itself has the empty path."""
    return _longer(path, f".{name}" if path else name)


def at_index(path: str, index: int) -> str:
    """The path of an item of a list, or its beginning."""
    return _longer(path, f"[{index}]")


def _longer(path: str, step: str) -> str:
    return path if len(path) >= _CHARS_MAX else f"{path}{step}"[:_CHARS_MAX]


@lru_cache(maxsize=256)
def steps_of(path: str) -> tuple[str | int, ...]:
    """The names and indexes of a path: `list[0].x` is list, 0, x."""
    return tuple(int(index) if index else name for index, name in _STEP.findall(path))


def descend(value: Any, steps: Iterable[str | int]) -> tuple[Any, bool]:
    """What lies at a place of a value, and True.  If there is no such place: the last thing on the way there, and False."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return value, False
        elif not isinstance(value, Mapping) or step not in value:
            return value, False
        value = value[step]
    return value, True
