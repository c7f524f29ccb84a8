"""The product: functions that check a file in this process and return how many findings they have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Texts that are counted in one call.
_BATCH: Final = 1000


def _validate(path: Path, depth: str) -> int:
    from cli.files import files_of, validate_files  # noqa: PLC0415  measured without the import
    from shared.core.dataset.options import Depth, Options  # noqa: PLC0415  measured without the import

    return sum(validate_files(files_of(path), Options(depth=Depth(depth))).report.totals.values())


def structure(path: Path) -> int:
    """Rules of structure and meaning."""
    return _validate(path, "structure")


def gate(path: Path) -> int:
    """And exact duplicates, leakage, secrets, personal data."""
    return _validate(path, "gate")


def full(path: Path) -> int:
    """And exact tokens, near duplicates, hashes: what the product does."""
    return _validate(path, "full")


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
