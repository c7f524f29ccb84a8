"""JSON Lines of this machine: an object on each line, and a line that cannot be used named by its file and number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.console import CannotStart
from shared.core.evaluation.exam import CANDIDATE
from shared.core.json_keys import repeated_key

_SHOWN_MAX: Final = 40
_BOM: Final = b"\xef\xbb\xbf"

_decode: Final = msgspec.json.Decoder().decode


class Unusable(Exception):
    """A line that cannot be used; the message says why."""


def lines_of(file: Path, what: str, bytes_max: int) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line that is not blank.

    Args:
        file: that is read.
        what: it should have, for the message.
        bytes_max: a longer line is none of these.

    Raises:
        CannotStart: a line is too long.
        OSError: the file cannot be read.
    """
    with file.open("rb") as lines:
        number = 0
        while raw := lines.readline(bytes_max + 1):
            number += 1
            if len(raw) > bytes_max:
                msg = (
                    f"{file}:{number}: the line is longer than {bytes_max:,} bytes; is this a file of {what}?"
                )
                raise CannotStart(msg)
            if number == 1:
                raw = raw.removeprefix(_BOM)
            if raw.strip():
                yield number, raw


def object_on(raw: bytes, example: str) -> dict[str, Any]:
    """The object on a line.

    Raises:
        Unusable: there is none, or one that two readers would read differently.
    """
    try:
        row = _decode(raw)
    except UnicodeError:
        msg = "is not UTF-8"
        raise Unusable(msg) from None
    except (ValueError, RecursionError) as error:
        hint = "; NaN and Infinity are not JSON" if b"NaN" in raw or b"Infinity" in raw else ""
        msg = f"is not JSON ({error}){hint}"
        raise Unusable(msg) from None
    if not isinstance(row, dict):
        msg = f"expected an object such as {example}, found {shown(row)}"
        raise Unusable(msg)
    if (key := repeated_key(raw)) is not None:
        msg = f"key {shown(key)} appears twice in one object; keep one"
        raise Unusable(msg)
    return row


def index_of(row: dict[str, Any]) -> int:
    """Which example a line is about.

    Raises:
        Unusable: it does not say so.
    """
    if "index" not in row:
        msg = "index is missing: the number of the example, the same in every file"
        raise Unusable(msg)
    index = row["index"]
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        msg = f"index {shown(index)} is not a whole number from 0"
        raise Unusable(msg)
    return index


def labels_of(files: Sequence[Path]) -> dict[str, str]:
    """The file of each side, the candidate's first, as short as they differ; without bytes that are no text."""
    numbered = [f"{file} ({number})" for number, file in enumerate(files, start=1)]
    forms = ([file.name for file in files], [str(file) for file in files], numbered)
    shortest = next(form for form in forms if len(set(form)) == len(files))
    sides = [CANDIDATE, *(f"baseline-{number}" for number in range(1, len(files)))]
    names = (text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for text in shortest)
    return dict(zip(sides, names, strict=True))


def shown(value: Any) -> str:
    """A value as it stands in JSON, clipped."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."
