"""Similarity of two texts, 0 to 1: the measures of text_similarity graders, computed as their papers define them.

The product has its own code for the same measures, and no line here is taken from it: a test compares the two.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final

_ORDER_MAX: Final = 4

_Gram = tuple[str, ...]


def tokens(text: str) -> list[str]:
    """Lower-case words of letters, digits and underscores; and every other visible character by itself."""
    found: list[str] = []
    for is_word, run in groupby(text.lower(), _is_of_word):
        if is_word:
            found.append("".join(run))
        else:
            found += (mark for mark in run if not mark.isspace())
    return found


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _grams(words: Sequence[str], order: int) -> Iterator[_Gram]:
    """Every sequence of so many neighbours."""
    return zip(*(words[start:] for start in range(order)), strict=False)


def _matches(ours: Sequence[str], theirs: Sequence[str], order: int) -> int:
    """How many n-grams of one text find a partner in the other.  Each is the partner of at most one: the papers clip counts."""
    free: dict[_Gram, int] = {}
    for gram in _grams(theirs, order):
        free[gram] = free.get(gram, 0) + 1
    found = 0
    for gram in _grams(ours, order):
        if free.get(gram):
            free[gram] -= 1
            found += 1
    return found


def _size(words: Sequence[str], order: int) -> int:
    """How many n-grams a text has."""
    return max(0, len(words) - order + 1)


def _f1(matches: int, ours: int, theirs: int) -> float:
    """The harmonic mean of precision and recall."""
    if not matches:
        return 0.0
    precision, recall = matches / ours, matches / theirs
    return 2 * precision * recall / (precision + recall)


def fuzzy_match(given: str, reference: str) -> float:
    """Share of characters that match in order (Ratcliff and Obershelp).  Which ratio the service takes is not published."""
    return difflib.SequenceMatcher(None, given, reference, autojunk=False).ratio()


def rouge_n(order: int, given: str, reference: str) -> float:
    """F1 of shared n-grams (Lin 2004)."""
    ours, theirs = tokens(given), tokens(reference)
    return _f1(_matches(ours, theirs, order), _size(ours, order), _size(theirs, order))


def rouge_l(given: str, reference: str) -> float:
    """F1 of the longest common subsequence of tokens (Lin 2004), whose length is found row by row."""
    ours, theirs = tokens(given), tokens(reference)
    row = [0] * (len(theirs) + 1)
    for word in ours:
        corner = 0  # the longest of what stands before both words
        for at, other in enumerate(theirs, start=1):
            corner, row[at] = row[at], corner + 1 if word == other else max(row[at], row[at - 1])
    return _f1(row[-1], len(ours), len(theirs))


def bleu(given: str, reference: str) -> float:
    """Sentence BLEU: brevity penalty times the geometric mean of the precisions of 1- to 4-grams (Papineni 2002).

    Precisions of orders above 1 are smoothed: one is added to both counts (Lin and Och 2004).
    """
    ours, theirs = tokens(given), tokens(reference)
    if not ours:
        return 0.0
    smoothed = (
        (_matches(ours, theirs, order) + 1) / (_size(ours, order) + 1) for order in range(2, _ORDER_MAX + 1)
    )
    precisions = (_matches(ours, theirs, 1) / len(ours), *smoothed)
    penalty = 1.0 if len(ours) >= len(theirs) else math.exp(1 - len(theirs) / len(ours))
    return float(penalty * math.prod(precisions) ** (1 / _ORDER_MAX))


def gleu(given: str, reference: str) -> float:
    """The smaller of precision and recall over all 1- to 4-grams together (Wu 2016)."""
    ours, theirs = tokens(given), tokens(reference)
    if not ours or not theirs:
        return 0.0
    orders = range(1, _ORDER_MAX + 1)
    matches = sum(_matches(ours, theirs, order) for order in orders)
    precision, recall = (matches / sum(_size(words, order) for order in orders) for words in (ours, theirs))
    return min(precision, recall)


def meteor(given: str, reference: str) -> float:
    """Exact-match METEOR (Banerjee and Lavie 2005): recall counts nine times as much as precision; scattered matches cost."""
    ours, theirs = tokens(given), tokens(reference)
    if ours == theirs:
        return 1.0
    chunks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()[:-1]
    matches = sum(chunk.size for chunk in chunks)
    if not matches:
        return 0.0
    precision, recall = matches / len(ours), matches / len(theirs)
    mean = 10 * precision * recall / (recall + 9 * precision)
    return mean * (1 - 0.5 * (len(chunks) / matches) ** 3)


#: evaluation_metric -> function of (input, reference).
METRICS: Final[dict[str, Callable[[str, str], float]]] = {
    "fuzzy_match": fuzzy_match,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    **{f"rouge_{order}": partial(rouge_n, order) for order in range(1, 6)},
    "rouge_l": rouge_l,
}
