"""Keys of JSON objects that appear twice: JSON allows it and leaves the meaning open, so whoever reads strictly refuses them."""

from __future__ import annotations

import json
from typing import Any


def repeated_key(data: bytes) -> str | None:
    """The first key that an object of a JSON text repeats, at whatever depth; None if there is none, or if it is not JSON."""
    doubled: list[str] = []

    def check(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen and not doubled:
                doubled.append(key)
            seen.add(key)

    try:
        # Numbers stay text: one of thousands of digits would be an error before its object has ended.
        json.loads(data, object_pairs_hook=check, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return doubled[0] if doubled else None
