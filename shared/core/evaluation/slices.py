"""Slices of the examples: by label, by length of the prompt, by its script.  A mean gain may hide that one of them loses."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.core.dataset.rules.sets import LABEL_CHARS_MAX, are_labels
from shared.core.evaluation.answers import message_text
from shared.core.evaluation.differences import (
    Numbers,
    Pair,
    by_group,
    difference,
    regression,
    upper_bound,
)
from shared.core.evaluation.exam import tidy, tidy_or_none
from shared.core.evaluation.items import EvaluationItem

#: With fewer groups a slice is shown, but does not decide.
SLICE_GROUPS_MIN: Final = 10
_SAMPLE_CHARS: Final = 1000


class SliceGain(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate against one baseline on one slice.  Both bounds hold for all slices of at least 10 groups at once.

    Attributes:
        name: which examples they are.
        groups: groups of these.
        gain: mean difference of groups, candidate minus baseline, with missing answers by the worst case.
        lower_bound: of the gain, one-sided; None if so few groups give none.
        upper_bound: of the gain, one-sided; an answer that the baseline owes shows no loss.
    """

    name: str
    groups: int
    gain: float
    lower_bound: float | None
    upper_bound: float | None

    @property
    def is_large(self) -> bool:
        """Whether it has enough groups to decide."""
        return self.groups >= SLICE_GROUPS_MIN


def gains_of(
    pairs: Sequence[Pair], slices: Sequence[Sequence[str]], confidence: float
) -> tuple[SliceGain, ...]:
    """The gain on each slice, large slices first, the smallest gain first.

    Args:
        pairs: group and scores of both sides, for each item.
        slices: names of the slices of each item, in the same order.
        confidence: of the rule; the error is shared by the large slices.
    """
    found: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair, names in zip(pairs, slices, strict=True):
        for name in names:
            found[name].append(pair)
    large = sum(1 for those in found.values() if len({group for group, _, _ in those}) >= SLICE_GROUPS_MIN)
    alpha = (1 - confidence) / max(large, 1)
    gains = [_gain_of(name, those, alpha) for name, those in found.items()]
    return tuple(sorted(gains, key=lambda one: (not one.is_large, one.gain, one.name)))


def _gain_of(name: str, pairs: Sequence[Pair], alpha: float) -> SliceGain:
    numbers = Numbers(by_group(pairs, difference), alpha)
    return SliceGain(
        name=name,
        groups=numbers.groups,
        gain=tidy(numbers.gain),
        lower_bound=tidy_or_none(numbers.bound(alpha)),
        upper_bound=tidy_or_none(upper_bound(by_group(pairs, regression), alpha)),
    )


def slices_of(items: Sequence[EvaluationItem]) -> list[tuple[str, ...]]:
    """Names of the slices of each item; what all items have in common is not a slice."""
    kinds = [
        kind for kind in (_labels(items), _lengths(items), _scripts(items)) if kind and len(set(kind)) > 1
    ]
    return [tuple(names) for names in zip(*kinds, strict=True)] if kinds else [() for _ in items]


def _labels(items: Sequence[EvaluationItem]) -> list[str]:
    """The reference of each item, if references repeat so much that they are labels; else nothing."""
    labels = [" ".join((item.reference or "").casefold().split()) for item in items]
    is_short = all(label and len(label) <= LABEL_CHARS_MAX for label in labels)
    return (
        [f"label {label}" for label in labels] if is_short and are_labels(Counter(labels), len(items)) else []
    )


def _lengths(items: Sequence[EvaluationItem]) -> list[str]:
    """In which third of the lengths the prompt of each item lies; prompts of one length are in one third."""
    lengths = [sum(len(message_text(message)) for message in item.messages) for item in items]
    if not lengths:
        return []
    in_order = sorted(lengths)
    first, second = (in_order[-(-part * len(in_order) // 3) - 1] for part in (1, 2))
    return [
        f"prompts of up to {first:,} characters"
        if length <= first
        else f"prompts of {first + 1:,} to {second:,} characters"
        if length <= second
        else f"prompts of more than {second:,} characters"
        for length in lengths
    ]


def _scripts(items: Sequence[EvaluationItem]) -> list[str]:
    """The script of most letters of each item's question, the last message of its prompt."""
    return [f"script {_script(message_text(item.messages[-1]) if item.messages else '')}" for item in items]


def _script(text: str) -> str:
    letters = Counter(
        "LATIN" if char < "\u02b0" else unicodedata.name(char, "OTHER").split(" ", 1)[0].partition("-")[0]
        for char in text[:_SAMPLE_CHARS]
        if char.isalpha()
    )
    return min(letters, key=lambda name: (-letters[name], name)).capitalize() if letters else "none"
