"""Similarity of two texts, 0 to 1, by published definitions.

Tokens are runs of letters and digits, lower-cased, and every other visible character by itself.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_ORDER_MAX: Final = 4


def tokens(text: str) -> list[str]:
    """The tokens that n-gram measures count."""
    return _TOKEN.findall(text.lower())


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def _f1(overlap: int, candidate: int, reference: int) -> float:
    return 2 * overlap / (candidate + reference) if overlap else 0.0


def fuzzy_match(candidate: str, reference: str) -> float:
    """Indel similarity of the characters, RapidFuzz `fuzz.ratio`.

    Which of RapidFuzz's ratios the hosted grader of this name uses is not published: scores may differ from it.
    """
    from rapidfuzz import fuzz  # noqa: PLC0415  # a compiled library that only gradings need

    return float(fuzz.ratio(candidate, reference)) / 100


def rouge_n(order: int, candidate: str, reference: str) -> float:
    """ROUGE-N as F1 of shared n-grams (Lin 2004)."""
    left, right = tokens(candidate), tokens(reference)
    if left == right:
        return 1.0
    ours, theirs = _grams(left, order), _grams(right, order)
    return _f1((ours & theirs).total(), ours.total(), theirs.total())


def rouge_l(candidate: str, reference: str) -> float:
    """ROUGE-L as F1 of the longest common subsequence of tokens (Lin 2004)."""
    ours, theirs = tokens(candidate), tokens(reference)
    if ours == theirs:
        return 1.0
    return _f1(_common_subsequence(ours, theirs), len(ours), len(theirs))


def _common_subsequence(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence, by whole-row bit operations (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for at, word in enumerate(ours):
        places[word] = places.get(word, 0) | (1 << at)
    mask = (1 << len(ours)) - 1
    row = mask
    for word in theirs:
        found = row & places.get(word, 0)
        row = ((row + found) | (row - found)) & mask
    return len(ours) - row.bit_count()


def bleu(candidate: str, reference: str) -> float:
    """Sentence BLEU up to 4-grams with brevity penalty (Papineni 2002).

    Orders above 1 are smoothed by adding one to both counts (Lin and Och 2004, ORANGE), since short sentences have no 4-grams.
    """
    ours, theirs = tokens(candidate), tokens(reference)
    if ours == theirs:
        return 1.0
    if not ours or not theirs:
        return 0.0
    logs = 0.0
    for order in range(1, _ORDER_MAX + 1):
        grams = _grams(ours, order)
        matches, total = (grams & _grams(theirs, order)).total(), grams.total()
        if order == 1 and not matches:
            return 0.0
        smoothing = 0 if order == 1 else 1
        logs += math.log((matches + smoothing) / (total + smoothing))
    brevity = min(0.0, 1 - len(theirs) / len(ours))
    return math.exp(logs / _ORDER_MAX + brevity)


def gleu(candidate: str, reference: str) -> float:
    """Sentence GLEU: the smaller of precision and recall over all 1- to 4-grams (Wu 2016)."""
    ours, theirs = tokens(candidate), tokens(reference)
    if ours == theirs:
        return 1.0
    matches = left = right = 0
    for order in range(1, _ORDER_MAX + 1):
        mine, yours = _grams(ours, order), _grams(theirs, order)
        matches += (mine & yours).total()
        left += mine.total()
        right += yours.total()
    return matches / max(left, right) if matches else 0.0


#: evaluation_metric of a text_similarity grader -> function of (candidate, reference).
METRICS: Final[MappingProxyType[str, Callable[[str, str], float]]] = MappingProxyType(
    {
        "fuzzy_match": fuzzy_match,
        "bleu": bleu,
        "gleu": gleu,
        **{f"rouge_{order}": partial(rouge_n, order) for order in range(1, 6)},
        "rouge_l": rouge_l,
    }
)
