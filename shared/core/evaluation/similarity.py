"""Similarity of two texts, 0 to 1, by published definitions.

Tokens do not depend on case or on how accents are composed.  They are runs of letters, digits and their marks; single characters
in scripts that put no spaces between words; and every other visible character by itself.  What has nothing to count scores 0,
also against itself: nothing is no evidence of anything.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import chain
from types import MappingProxyType
from typing import Final

#: Scripts without spaces between words: the class SA of Unicode's line breaking (UAX 14), kana, bopomofo, Yi and Han.
_UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u1950-\u19df\u1a20-\u1aaf\uaa80-\uaadf"  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # signs that stand for Han characters
    "\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\uff66-\uff9f\U0001b000-\U0001b16f"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\ua000-\ua48f"  # Yi
    "\U00011700-\U0001174f"  # Ahom
)
#: They join what stands on both sides, in Hindi and Persian words as well as in emoji.
_JOINERS: Final = "\u200c\u200d"
#: Where Unicode has marks: scripts and emoji, and selectors of variants.
_MARKED: Final = (range(0x300, 0x20000), range(0xE0100, 0xE01F0))
_ORDER_MAX: Final = 4


@cache
def _token() -> re.Pattern[str]:
    """The pattern of a token.  What `re` takes for a word has no vowel signs and no accents of their own; they are added here."""
    marks = [code for code in chain(*_MARKED) if unicodedata.category(chr(code))[0] == "M"]
    mark = f"[{_ranges(marks)}{_JOINERS}]"
    letter = f"[^\\W{_UNSPACED}]"
    return re.compile(f"[{_UNSPACED}]{mark}*|{letter}(?:{letter}|{mark})*|[^\\w\\s]{mark}*")


def _ranges(codes: Sequence[int]) -> str:
    """Sorted code points as what stands between the brackets of a pattern."""
    firsts = [code for code, before in zip(codes, (-2, *codes), strict=False) if code != before + 1]
    lasts = [code for code, after in zip(codes, (*codes[1:], -2), strict=True) if code != after - 1]
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in zip(firsts, lasts, strict=True))


def tokens(text: str) -> list[str]:
    """The tokens that n-gram measures count."""
    return _token().findall(caseless(text))


def caseless(text: str) -> str:
    """The text in the form in which letters that differ by case or composition are equal (Unicode 3.13, D145)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def _f1(overlap: int, candidate: int, reference: int) -> float:
    return 2 * overlap / (candidate + reference) if overlap else 0.0


def fuzzy_match(candidate: str, reference: str) -> float:
    """Indel similarity of the characters, RapidFuzz `fuzz.ratio`.

    Which of RapidFuzz's ratios the hosted grader of this name uses is not published: scores may differ from it.
    """
    from rapidfuzz import fuzz  # noqa: PLC0415  # a compiled library that only gradings need

    ours, theirs = (unicodedata.normalize("NFC", text) for text in (candidate, reference))
    return float(fuzz.ratio(ours, theirs)) / 100 if ours or theirs else 0.0


def rouge_n(order: int, candidate: str, reference: str) -> float:
    """ROUGE-N as F1 of shared n-grams (Lin 2004)."""
    left, right = tokens(candidate), tokens(reference)
    ours, theirs = _grams(left, order), _grams(right, order)
    return _f1((ours & theirs).total(), ours.total(), theirs.total())


def rouge_l(candidate: str, reference: str) -> float:
    """ROUGE-L as F1 of the longest common subsequence of tokens (Lin 2004)."""
    ours, theirs = tokens(candidate), tokens(reference)
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
    matches = left = right = 0
    for order in range(1, _ORDER_MAX + 1):
        mine, yours = _grams(ours, order), _grams(theirs, order)
        matches += (mine & yours).total()
        left += mine.total()
        right += yours.total()
    return matches / max(left, right) if matches else 0.0


def has_something_to_count(metric: str, reference: str) -> bool:
    """Whether any text could score above 0 against a reference: an empty one, or one shorter than the n-grams, has no match."""
    if metric == "fuzzy_match":
        return bool(reference)
    order = int(metric.removeprefix("rouge_")) if metric in _ROUGE_N else 1
    return len(tokens(reference)) >= order


_ROUGE_N: Final = MappingProxyType({f"rouge_{order}": partial(rouge_n, order) for order in range(1, 6)})
#: evaluation_metric of a text_similarity grader -> function of (candidate, reference).
METRICS: Final[MappingProxyType[str, Callable[[str, str], float]]] = MappingProxyType(
    {
        "fuzzy_match": fuzzy_match,
        "bleu": bleu,
        "gleu": gleu,
        **_ROUGE_N,
        "rouge_l": rouge_l,
    }
)
