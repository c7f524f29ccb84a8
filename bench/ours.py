"""The product: functions that check a file in this process and return how many findings they have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Texts that are counted in one call.
_BATCH: Final = 1000


def _validate(path: Path, depth: str, workers: int) -> int:
    from cli.files import validate_local  # noqa: PLC0415  measured without the import

    return sum(validate_local(path, depth=depth, workers=workers).totals.values())


def structure(path: Path) -> int:
    """Rules of structure and meaning."""
    return _validate(path, "structure", 1)


def gate(path: Path) -> int:
    """And exact duplicates, leakage, secrets, personal data."""
    return _validate(path, "gate", 1)


def full(path: Path) -> int:
    """And exact tokens, near duplicates, hashes: what the product does."""
    return _validate(path, "full", 1)


def full_2(path: Path) -> int:
    """The same on two cores."""
    return _validate(path, "full", 2)


def _texts(path: Path) -> list[str]:
    texts: list[str] = []
    with path.open("rb") as file:
        for line in file:
            texts += [m["content"] for m in json.loads(line)["messages"] if isinstance(m.get("content"), str)]
    return texts


def tokens(path: Path) -> Callable[[], int]:
    """Our token counts of all texts; the texts are read before the clock starts."""
    from shared.core.dataset.tokens import count  # noqa: PLC0415  measured without the import

    texts = _texts(path)
    count(texts[:10])
    return lambda: sum(sum(count(texts[i : i + _BATCH])) for i in range(0, len(texts), _BATCH))


def tiktoken(path: Path) -> Callable[[], int]:
    """The same counts by OpenAI's library."""
    from bench.ranks import o200k  # noqa: PLC0415  measured without the import

    encoding, texts = o200k(), _texts(path)
    encoding.encode_ordinary(texts[0])
    return lambda: sum(len(encoding.encode_ordinary(text)) for text in texts)
