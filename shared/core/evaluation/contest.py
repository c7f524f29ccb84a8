"""The candidate against one baseline: from the scores of both sides to gain, bounds and p."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Final

import msgspec

from shared.core.evaluation.differences import (
    GROUPS_MIN,
    NOISE,
    Numbers,
    Pair,
    by_group,
    counted,
    difference,
    is_above,
    is_silent,
    regression,
)
from shared.core.evaluation.exact import share_at_most
from shared.core.evaluation.exam import CANDIDATE, Exam, Score, mean_of, tidy, tidy_or_none
from shared.core.evaluation.looks import Look, error_of
from shared.core.evaluation.slices import SliceGain, gains_of
from shared.core.spec import PromoteRule

__all__ = [
    "CANDIDATE",
    "GROUPS_MIN",
    "NOISE",
    "Contest",
    "Exam",
    "Score",
    "Severe",
    "contest_of",
    "reaches",
    "tidy",
]

#: A group that loses this much or more has regressed severely.
SEVERE: Final = 0.5


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
        missing: items without an answer, by side: `candidate`, `baseline`; those that are silent on both sides are counted too.
        missing_both: of these, items that neither side answered.
        left_out: items that were not compared, because the model of a side was trained on them.
        severe: groups that lose 0.5 or more.
        needed: groups, about, that it takes to show the gain that was seen with a chance of 80 %; None if the gain is not above
            what the rule asks for.
        prompt_ratio: prompt tokens of the candidate over those of the baseline, where both answered; None if not known.
        cost_ratio: completion tokens likewise.
        slices: the gain on each slice of the examples, the worst one first.
        spread: standard deviation of the differences between groups; None with fewer than two.
        is_worse: whether the candidate is shown to score lower, at the rule's confidence, where nobody owes an answer.
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
    left_out: int
    severe: Severe
    needed: int | None
    prompt_ratio: float | None
    cost_ratio: float | None
    slices: tuple[SliceGain, ...] = ()
    spread: float | None = None
    is_worse: bool = False


def reaches(bound: float | None, rule: PromoteRule) -> bool:
    """Whether a bound is what the rule asks for: above 0, or at least the line where the rule names one."""
    return bound is not None and (bound > NOISE if is_above(rule) else bound >= rule.line - NOISE)


def is_counted(pair: Pair, rule: PromoteRule) -> bool:
    """Whether a pair is compared: under `not_worse_by` silence on both sides, which looks like a tie, is left out."""
    return rule.not_worse_by is None or not is_silent(pair)


def contest_of(
    exam: Exam, baseline: str, rule: PromoteRule, look: Look, *, is_planning: bool = True
) -> Contest:
    """Compare the candidate with a baseline.

    A candidate's missing answer scores 0, a baseline's 1.  Where both are missing, or the item cannot be graded, there is no
    difference; under `not_worse_by`, where no difference is what the candidate hopes for, the item is left out.  So are items
    that either model was trained on.

    Args:
        exam: the scores of both, and of others.
        baseline: name of its side.
        rule: of the pipeline file.
        look: which look this is.
        is_planning: whether `needed` is worked out, which takes longer than all the rest; nothing is decided by it.
    """
    fresh = exam.fresh(CANDIDATE, baseline)
    everything = list(zip(fresh.groups, fresh.scores[CANDIDATE], fresh.scores[baseline], strict=True))
    counts = [is_counted(pair, rule) for pair in everything]
    pairs = list(compress(everything, counts))
    slices = list(compress(fresh.slices or [()] * len(everything), counts))
    alpha, alpha_of_look = 1 - rule.confidence, error_of(rule.confidence, look.pipeline)
    differences = by_group(pairs, difference)
    both = [pair for pair in pairs if pair[1].value is not None and pair[2].value is not None]
    severe = sum(1 for value in by_group(pairs, regression) if value <= NOISE - SEVERE)
    groups = len(differences)
    numbers = Numbers(differences, alpha)
    complete = numbers if len(both) == len(pairs) else Numbers(by_group(both, difference), alpha)
    return Contest(
        baseline=baseline,
        n=len(pairs),
        groups=groups,
        wins=numbers.wins,
        losses=numbers.losses,
        gain=tidy(numbers.gain),
        lower_bound=tidy_or_none(numbers.bound(alpha)),
        complete_bound=tidy_or_none(complete.bound(alpha)),
        safe_bound=tidy_or_none(numbers.safe_bound(alpha_of_look)),
        p=tidy(numbers.p(rule)),
        means={
            "candidate": mean_of(by_group(pairs, lambda ours, theirs: counted(ours, theirs, 0.0))),
            "baseline": mean_of(by_group(pairs, lambda ours, theirs: counted(theirs, ours, 1.0))),
        },
        missing={
            "candidate": sum(1 for _, ours, _ in everything if ours.is_missing),
            "baseline": sum(1 for _, _, theirs in everything if theirs.is_missing),
        },
        missing_both=sum(1 for _, ours, theirs in everything if ours.is_missing and theirs.is_missing),
        left_out=len(exam.groups) - len(fresh.groups),
        severe=Severe(
            count=severe, upper_bound=tidy(share_at_most(severe, groups, alpha)) if groups else None
        ),
        needed=numbers.needed(rule) if is_planning else None,
        prompt_ratio=_ratio([(ours.prompt_tokens, theirs.prompt_tokens) for _, ours, theirs in both]),
        cost_ratio=_ratio([(ours.completion_tokens, theirs.completion_tokens) for _, ours, theirs in both]),
        slices=gains_of(pairs, slices, rule.confidence),
        spread=tidy_or_none(numbers.spread),
        is_worse=numbers.is_worse(alpha)
        and not any(ours.is_missing or theirs.is_missing for _, ours, theirs in everything),
    )


def _ratio(tokens: Sequence[tuple[int | None, int | None]]) -> float | None:
    """Tokens of the candidate over those of the baseline; None if any are not known, or the baseline has none."""
    known = [(ours, theirs) for ours, theirs in tokens if ours is not None and theirs is not None]
    base = sum(theirs for _, theirs in known)
    return tidy(sum(ours for ours, _ in known) / base) if base and len(known) == len(tokens) else None
