"""The candidate against one baseline: from the scores of both sides to gain, bounds and p."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import stdev
from typing import TYPE_CHECKING, Final

import msgspec

from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.exact import gain_at_least, gain_error, share_at_most
from shared.core.evaluation.looks import Look, error_of
from shared.core.evaluation.power import needed_for_counts, needed_for_scores
from shared.core.spec import PromoteRule

if TYPE_CHECKING:
    from shared.core.evaluation.flips import Flips

CANDIDATE: Final = "candidate"
#: Below this no statistics help: even five wins of five are chance once in 32 times.
GROUPS_MIN: Final = 5
#: A group that loses this much or more has regressed severely.
SEVERE: Final = 0.5
#: What is smaller is the noise of floating-point numbers.
NOISE: Final = 1e-9
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
    """

    value: float | None
    outcome: AnswerOutcome = AnswerOutcome.ANSWERED
    is_gradable: bool = True
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

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
    """

    groups: Sequence[str]
    labels: Mapping[str, str]
    scores: Mapping[str, Sequence[Score]]

    def mean(self, side: str) -> float:
        """Mean score of a side over groups; no answer counts 0."""
        values: defaultdict[str, list[float]] = defaultdict(list)
        for group, score in zip(self.groups, self.scores[side], strict=True):
            values[group].append(score.value or 0.0)
        return _mean([math.fsum(found) / len(found) for found in values.values()])

    def share(self, is_so: Sequence[bool]) -> float:
        """The share of items of which something is so, or of groups, whichever is larger: many rows of one group hide nothing."""
        if not is_so:
            return 0.0
        values: defaultdict[str, list[bool]] = defaultdict(list)
        for group, value in zip(self.groups, is_so, strict=True):
            values[group].append(value)
        of_groups = math.fsum(sum(found) / len(found) for found in values.values()) / len(values)
        return max(sum(is_so) / len(is_so), of_groups)


class Severe(msgspec.Struct, frozen=True, kw_only=True):
    """Groups that lose 0.5 or more.

    Attributes:
        count: how many were seen.
        upper_bound: of their true share, at the confidence of the rule; None without groups.
    """

    count: int
    upper_bound: float | None


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate against one baseline, on the deciding grader.  Statistics are of groups; the score of a group is its mean.

    Attributes:
        baseline: name of the side.
        n: items compared.
        groups: groups of these.
        wins: groups in which the candidate scored higher.
        losses: groups in which it scored lower.
        gain: mean difference of groups, candidate minus baseline, with missing answers by the worst case; 0 without groups.
        lower_bound: one-sided lower confidence bound of the gain; None if so few groups give none.
        complete_bound: the same of the items that both answered, for comparison; it decides nothing.
        safe_bound: lower bound at the error that is left for this look, which holds for any law of the differences.
        p: one-sided p of the hypothesis that the gain is not above what the rule asks for.
        means: mean scores of groups of which the gain is the difference, by side: `candidate`, `baseline`.
        missing: items without an answer, by side: `candidate`, `baseline`; those that are left out are counted too.
        missing_both: of these, items that neither side answered.
        severe: groups that lose 0.5 or more.
        needed: groups, about, that it takes to show the gain that was seen with a chance of 80 %; None if the gain is not above
            what the rule asks for.
        prompt_ratio: prompt tokens of the candidate over those of the baseline, where both answered; None if not known.
        cost_ratio: completion tokens likewise.
    """

    baseline: str
    n: int
    groups: int
    wins: int
    losses: int
    gain: float
    lower_bound: float | None
    complete_bound: float | None
    safe_bound: float | None
    p: float
    means: dict[str, float]
    missing: dict[str, int]
    missing_both: int
    severe: Severe
    needed: int | None
    prompt_ratio: float | None
    cost_ratio: float | None


def reaches(bound: float | None, rule: PromoteRule) -> bool:
    """Whether a bound is what the rule asks for: above 0, or at least the line where the rule names one."""
    return bound is not None and (bound > NOISE if _is_above(rule) else bound >= rule.line - NOISE)


def _is_above(rule: PromoteRule) -> bool:
    """Whether the bound must be above the line: a tie is no proof of a gain, but of a loss of nothing."""
    return rule.line == 0 and rule.not_worse_by is None


def contest_of(
    exam: Exam, baseline: str, rule: PromoteRule, look: Look, *, is_planning: bool = True
) -> Contest:
    """Compare the candidate with a baseline.

    A candidate's missing answer scores 0, a baseline's 1.  Where both are missing, or the item cannot be graded, there is no
    difference; under `not_worse_by`, where no difference is what the candidate hopes for, the item is left out.

    Args:
        exam: the scores of both.
        baseline: name of its side.
        rule: of the pipeline file.
        look: which look this is.
        is_planning: whether `needed` is worked out, which takes longer than all the rest; nothing is decided by it.
    """
    everything = list(zip(exam.groups, exam.scores[CANDIDATE], exam.scores[baseline], strict=True))
    pairs = everything if rule.not_worse_by is None else [pair for pair in everything if not _is_silent(pair)]
    alpha, alpha_of_look = 1 - rule.confidence, error_of(rule.confidence, look.pipeline)
    differences = _by_group(pairs, _difference)
    both = [pair for pair in pairs if pair[1].value is not None and pair[2].value is not None]
    severe = sum(1 for value in _by_group(pairs, _regression) if value <= NOISE - SEVERE)
    groups = len(differences)
    numbers = _Numbers(differences, alpha)
    complete = numbers if len(both) == len(pairs) else _Numbers(_by_group(both, _difference), alpha)
    return Contest(
        baseline=baseline,
        n=len(pairs),
        groups=groups,
        wins=numbers.wins,
        losses=numbers.losses,
        gain=tidy(numbers.gain),
        lower_bound=_tidy_or_none(numbers.bound(alpha)),
        complete_bound=_tidy_or_none(complete.bound(alpha)),
        safe_bound=_tidy_or_none(numbers.safe_bound(alpha_of_look)),
        p=tidy(numbers.p(rule)),
        means={
            "candidate": _mean(_by_group(pairs, lambda ours, theirs: _counted(ours, theirs, 0.0))),
            "baseline": _mean(_by_group(pairs, lambda ours, theirs: _counted(theirs, ours, 1.0))),
        },
        missing={
            "candidate": sum(1 for _, ours, _ in everything if ours.is_missing),
            "baseline": sum(1 for _, _, theirs in everything if theirs.is_missing),
        },
        missing_both=sum(1 for _, ours, theirs in everything if ours.is_missing and theirs.is_missing),
        severe=Severe(
            count=severe, upper_bound=tidy(share_at_most(severe, groups, alpha)) if groups else None
        ),
        needed=numbers.needed(rule) if is_planning else None,
        prompt_ratio=_ratio([(ours.prompt_tokens, theirs.prompt_tokens) for _, ours, theirs in both]),
        cost_ratio=_ratio([(ours.completion_tokens, theirs.completion_tokens) for _, ours, theirs in both]),
    )


type _Pair = tuple[str, Score, Score]


def _is_silent(pair: _Pair) -> bool:
    """Whether neither side has a score."""
    return pair[1].value is None and pair[2].value is None


def _counted(score: Score, other: Score, missing: float) -> float:
    """What a side's score counts: its own, or `missing`, or 0 where the other side has none either."""
    if score.value is not None:
        return score.value
    return missing if other.value is not None else 0.0


def _difference(ours: Score, theirs: Score) -> float:
    return _counted(ours, theirs, 0.0) - _counted(theirs, ours, 1.0)


def _regression(ours: Score, theirs: Score) -> float:
    """The difference, but for answers of the baseline that were made up: these show no regression."""
    return 0.0 if theirs.value is None else _difference(ours, theirs)


def _by_group(pairs: Sequence[_Pair], measure: Callable[[Score, Score], float]) -> list[float]:
    """Mean of each group, in ascending order: the order of the items does not count."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for group, ours, theirs in pairs:
        values[group].append(measure(ours, theirs))
    return sorted(math.fsum(found) / len(found) for found in values.values())


class _Numbers:
    """Statistics of the differences of groups: exact where each is -1, 0 or 1, else by sign flips."""

    def __init__(self, differences: Sequence[float], alpha: float) -> None:
        self.groups = len(differences)
        self.wins = sum(1 for value in differences if value > NOISE)
        self.losses = sum(1 for value in differences if value < -NOISE)
        self.gain = math.fsum(differences) / self.groups if differences else 0.0
        self._differences = differences
        is_count = all(abs(value - round(value)) <= NOISE for value in differences)
        self._flips = None if is_count else _flips(differences, alpha)

    def bound(self, alpha: float) -> float | None:
        if not self.groups:
            return None
        if self._flips is None:
            return gain_at_least(self.wins, self.losses, self.groups, alpha)
        return self._flips.bound(alpha)

    def safe_bound(self, alpha: float) -> float | None:
        if not self.groups:
            return None
        return self.bound(alpha) if self._flips is None else _betting_bound(self._differences, alpha)

    def p(self, rule: PromoteRule) -> float:
        """Of the hypothesis that the gain is at most the line, but for the noise that `reaches` allows."""
        if not self.groups:
            return 1.0
        if self._flips is None:
            line = 0.0 if _is_above(rule) else rule.line - NOISE
            return gain_error(self.wins, self.losses, self.groups, line)
        line = 0.0 if _is_above(rule) else rule.line - 2 * NOISE  # `Flips.p` counts what is as near as noise
        return self._flips.p(line)

    def needed(self, rule: PromoteRule) -> int | None:
        if self.groups < 2:
            return None
        if self._flips is None:
            share = self.wins / self.groups, self.losses / self.groups
            return needed_for_counts(*share, rule.line, rule.confidence, GROUPS_MIN)
        return needed_for_scores(self.gain, stdev(self._differences), rule.line, rule.confidence, GROUPS_MIN)


def _flips(differences: Sequence[float], alpha: float) -> Flips:
    from shared.core.evaluation.flips import Flips  # noqa: PLC0415  numpy, which a cold start need not load

    return Flips(differences, alpha)


def _betting_bound(differences: Sequence[float], alpha: float) -> float:
    from shared.core.evaluation.betting import betting_bound  # noqa: PLC0415  numpy, too

    return betting_bound(differences, alpha)


def _ratio(tokens: Sequence[tuple[int | None, int | None]]) -> float | None:
    """Tokens of the candidate over those of the baseline; None if any are not known, or the baseline has none."""
    known = [(ours, theirs) for ours, theirs in tokens if ours is not None and theirs is not None]
    base = sum(theirs for _, theirs in known)
    return tidy(sum(ours for ours, _ in known) / base) if base and len(known) == len(tokens) else None


def _mean(values: Sequence[float]) -> float:
    return tidy(math.fsum(values) / len(values)) if values else 0.0


def tidy(value: float) -> float:
    """A number without the digits that depend on the machine."""
    return float(f"{value:.{_DIGITS}g}")


def _tidy_or_none(value: float | None) -> float | None:
    return None if value is None else tidy(value)
