"""Numbers about a dataset for people: lengths, scripts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from shared.core.dataset.report import Lengths

#: Scripts are found in so many texts, and so many characters of each.
_SAMPLE_TEXTS: Final = 400
_SAMPLE_CHARS: Final = 400


def lengths_of(tokens: Sequence[int]) -> Lengths | None:
    """Lengths of the rows that were counted; None if none was."""
    counted = np.sort(np.array(tokens, np.uint32))
    counted = counted[counted > 0]
    if not len(counted):
        return None
    return Lengths(
        least=int(counted[0]),
        median=int(counted[len(counted) // 2]),
        p95=int(counted[min(len(counted) - 1, len(counted) * 95 // 100)]),
        most=int(counted[-1]),
        mean=round(float(counted.mean()), 1),
    )


def scripts_of(texts: Sequence[str]) -> dict[str, float]:
    """Share of the letters by script in a sample of texts, the common ones first."""
    sample = "".join([text[:_SAMPLE_CHARS] for text in texts[:_SAMPLE_TEXTS]])
    points, counts = np.unique(
        np.frombuffer(sample.encode("utf-32-le", "surrogatepass"), "<u4"), return_counts=True
    )
    letters: Counter[str] = Counter()
    for char, count in zip(map(chr, points.tolist()), counts.tolist(), strict=True):
        if char.isalpha():
            letters["LATIN" if char < "\u02b0" else unicodedata.name(char, "OTHER").split(" ", 1)[0]] += count
    total = sum(letters.values())
    return (
        {name.capitalize(): round(count / total, 3) for name, count in letters.most_common(8)}
        if total
        else {}
    )
