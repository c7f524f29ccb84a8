"""Similarity of two texts, 0 to 1: the measures of text_similarity graders by their published definitions."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_ORDER_MAX: Final = 4


def tokens(text: str) -> list[str]:
    """Lower-case words and marks."""
    return _TOKEN.findall(text.lower())


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def f1(overlap: int, left: int, right: int) -> float:
    """Harmonic mean of precision and recall, from the sizes of two bags and of what they share."""
    return 2 * overlap / (left + right) if overlap else 0.0


def fuzzy_match(given: str, reference: str) -> float:
    """Share of characters that match in order (Ratcliff and Obershelp); the service's own ratio is not published."""
    return difflib.SequenceMatcher(None, given, reference, autojunk=False).ratio()


def rouge_n(order: int, given: str, reference: str) -> float:
    """F1 of shared n-grams (Lin 2004)."""
    left, right = tokens(given), tokens(reference)
    if left == right:
        return 1.0
    ours, theirs = _grams(left, order), _grams(right, order)
    return f1((ours & theirs).total(), ours.total(), theirs.total())


def rouge_l(given: str, reference: str) -> float:
    """F1 of the longest common subsequence of tokens (Lin 2004)."""
    left, right = tokens(given), tokens(reference)
    if left == right:
        return 1.0
    row = [0] * (len(right) + 1)
    for word in left:
        before = 0
        for at, other in enumerate(right, start=1):
            before, row[at] = row[at], before + 1 if word == other else max(row[at], row[at - 1])
    return f1(row[-1], len(left), len(right))


def bleu(given: str, reference: str) -> float:
    """Sentence BLEU up to 4-grams (Papineni 2002), orders above 1 smoothed by adding one."""
    ours, theirs = tokens(given), tokens(reference)
    if ours == theirs:
        return 1.0
    if not ours or not theirs:
        return 0.0
    logs = 0.0
    for order in range(1, _ORDER_MAX + 1):
        grams, added = _grams(ours, order), int(order > 1)
        matches = (grams & _grams(theirs, order)).total()
        if not matches + added:
            return 0.0
        logs += math.log((matches + added) / (grams.total() + added))
    return math.exp(logs / _ORDER_MAX + min(0.0, 1 - len(theirs) / len(ours)))


def gleu(given: str, reference: str) -> float:
    """The smaller of precision and recall over all 1- to 4-grams (Wu 2016)."""
    ours, theirs = tokens(given), tokens(reference)
    if ours == theirs:
        return 1.0
    orders = range(1, _ORDER_MAX + 1)
    matches = sum((_grams(ours, order) & _grams(theirs, order)).total() for order in orders)
    sizes = [sum(max(0, len(words) - order + 1) for order in orders) for words in (ours, theirs)]
    return matches / max(sizes) if matches else 0.0


def meteor(given: str, reference: str) -> float:
    """Exact-match METEOR (Banerjee and Lavie 2005): recall counts nine times precision, less for scattered matches."""
    ours, theirs = tokens(given), tokens(reference)
    if ours == theirs:
        return 1.0
    blocks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()[:-1]
    matches = sum(block.size for block in blocks)
    if not matches:
        return 0.0
    precision, recall = matches / len(ours), matches / len(theirs)
    mean = 10 * precision * recall / (recall + 9 * precision)
    return mean * (1 - 0.5 * (len(blocks) / matches) ** 3)


#: evaluation_metric -> function of (input, reference).
METRICS: Final[dict[str, Callable[[str, str], float]]] = {
    "fuzzy_match": fuzzy_match,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    **{f"rouge_{order}": partial(rouge_n, order) for order in range(1, 6)},
    "rouge_l": rouge_l,
}
