"""Files of the real size, for rules about limits that no small file reaches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_MB: Final = 1_000_000


def _row(question: Any, answer: str = "Yes.", **more: Any) -> bytes:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, **more}).encode() + b"\n"


def _rows(path: Path, count: int, row: Callable[[int], bytes]) -> None:
    with path.open("wb") as file:
        for number in range(count):
            file.write(row(number))


def _of_size(path: Path, size: int) -> None:
    text = "All work and no play makes a dull example. " * 200
    _rows(path, size // len(_row(text)) + 1, lambda number: _row(f"{number}: {text}"))


def _image(number: int, size: int = 12) -> list[dict[str, Any]]:
    url = (
        f"https://example.org/{number}.png"
        if size == 12
        else "data:image/png;base64,iVBORw0KGgo" + "A" * size
    )
    return [{"type": "image_url", "image_url": {"url": url}}]


#: By rule, a row like those of its file, that is right; of others any good row will do.
TWINS: Final = {"DS065": _row(_image(0)), "DS068": _row(_image(0))}
#: By rule, what writes a file that breaks it.
LARGE: Final[dict[str, Callable[[Path], None]]] = {
    "DS002": lambda path: _rows(path, 2, lambda number: _row("word " * (3_400_000 if number else 1))),
    "DS004": lambda path: _of_size(path, 537 * _MB),
    "DS005": lambda path: _of_size(path, 151 * _MB),
    "DS006": lambda path: _rows(path, 9, lambda number: _row(f"How much is {number} + 1?")),
    "DS065": lambda path: _rows(path, 1, lambda number: _row(_image(number, 14 * _MB))),
    "DS068": lambda path: _rows(path, 50_001, lambda number: _row(_image(number))),
    "DS070": lambda path: _rows(path, 2, lambda number: _row("word " * (70_000 if number else 1))),
    "DS096": lambda path: _rows(path, 2_000_001, lambda number: _row(f"{number}?")),
    "DS098": lambda path: _rows(
        path, 2, lambda number: _row(f"{number}?", x=[0] * (300_000 if number else 1))
    ),
}
