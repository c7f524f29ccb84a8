"""The scores of all sides for all held-out examples, with what is known about the examples."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.core.evaluation.answers import AnswerOutcome

CANDIDATE: Final = "candidate"
#: Numbers are given with so many digits: the last ones may differ from one C library to the next.
_DIGITS: Final = 12


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What one side got for one item.

    Attributes:
        value: 0 to 1; None if there is nothing to grade.
        outcome: what became of the question.
        is_gradable: whether the item has what the grader reads; if not, no answer to it can be graded.
        prompt_tokens: of the question; None if that is not known.
        completion_tokens: of the answer; None if that is not known.
        is_known: whether the side's model was trained on the item.
        cached_tokens: of the question, from the cache; None if that is not known.
        reasoning_tokens: of the answer, thought before it; None if that is not known.
        latency_ms: from request to answer; None if that is not known.
    """

    value: float | None
    outcome: AnswerOutcome = AnswerOutcome.ANSWERED
    is_gradable: bool = True
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    is_known: bool = False
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    latency_ms: int | None = None

    @property
    def is_missing(self) -> bool:
        """Whether the side owes an answer that could have been graded."""
        return self.value is None and self.is_gradable


class Exam(msgspec.Struct, frozen=True, kw_only=True):
    """All scores of the deciding grader.

    Attributes:
        groups: the group of each item; items of one group are equal or nearly so, and count as one observation.
        labels: side -> its name for people; the candidate first.
        scores: side -> its score for each item, in the order of `groups`.
        slices: names of the slices of each item, in the same order; nothing if there are none.
        must_pass: place of an item that a candidate has to get right, from 0 -> its line in `evaluation.set`.
    """

    groups: Sequence[str]
    labels: Mapping[str, str]
    scores: Mapping[str, Sequence[Score]]
    slices: Sequence[tuple[str, ...]] = ()
    must_pass: Mapping[int, int] = {}

    def known(self, side: str) -> int:
        """Items that the model of a side was trained on."""
        return sum(1 for score in self.scores[side] if score.is_known)

    def fresh(self, *sides: str) -> Exam:
        """Groups, scores and slices of some sides, without the items that any of their models was trained on."""
        known = {place for side in sides for place, score in enumerate(self.scores[side]) if score.is_known}
        if not known:
            labels = {side: self.labels[side] for side in sides}
            scores = {side: self.scores[side] for side in sides}
            return Exam(groups=self.groups, labels=labels, scores=scores, slices=self.slices)
        places = [place for place in range(len(self.groups)) if place not in known]
        return Exam(
            groups=[self.groups[place] for place in places],
            labels={side: self.labels[side] for side in sides},
            scores={side: [self.scores[side][place] for place in places] for side in sides},
            slices=[self.slices[place] for place in places] if self.slices else (),
        )

    def mean(self, side: str) -> float:
        """Mean score of a side over groups; no answer counts 0."""
        values: defaultdict[str, list[float]] = defaultdict(list)
        for group, score in zip(self.groups, self.scores[side], strict=True):
            values[group].append(score.value or 0.0)
        return mean_of([math.fsum(found) / len(found) for found in values.values()])

    def share(self, is_so: Sequence[bool]) -> float:
        """The share of items of which something is so, or of groups, whichever is larger: many rows of one group hide nothing."""
        if not is_so:
            return 0.0
        values: defaultdict[str, list[bool]] = defaultdict(list)
        for group, value in zip(self.groups, is_so, strict=True):
            values[group].append(value)
        of_groups = math.fsum(sum(found) / len(found) for found in values.values()) / len(values)
        return max(sum(is_so) / len(is_so), of_groups)


def mean_of(values: Sequence[float]) -> float:
    """Their mean; 0 without any."""
    return tidy(math.fsum(values) / len(values)) if values else 0.0


def tidy_or_none(value: float | None) -> float | None:
    """`tidy`, of a number that may not be known."""
    return None if value is None else tidy(value)


def tidy(value: float) -> float:
    """A number without the digits that depend on the machine."""
    return float(f"{value:.{_DIGITS}g}")
