"""The verdict on a candidate, by the promotion rule of its pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.core.evaluation.scorecard import CANDIDATE, Contest, Outcome, Target
from shared.core.spec import PromoteRule

#: Below this no statistics help: even five wins of five are chance once in 32 times.
EXAMPLES_MIN: Final = 5
#: With a larger share of examples without an answer, or that cannot be graded, the mean proves little.
LOST_SHARE_MAX: Final = 0.2


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All that a verdict depends on.

    Attributes:
        metric: name of the deciding grader.
        examples: number of held-out examples.
        ungraded: examples that lack a field which the deciding grader names.
        targets: the candidate and the baselines that answered.
        contests: one per baseline.
        skipped: baselines that could not be measured, with the reason.
    """

    metric: str
    examples: int
    ungraded: int
    targets: Sequence[Target]
    contests: Sequence[Contest]
    skipped: Sequence[str]

    def target(self, name: str) -> Target:
        """A side by its name."""
        return next(target for target in self.targets if target.name == name)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome, a sentence with its numbers, and the baseline that it speaks of."""

    outcome: Outcome
    reason: str
    decided_by: str | None = None


def judge(seen: Measured, rule: PromoteRule) -> Verdict:
    """Apply the promotion rule.

    The candidate is better if, against every baseline that answered, its gain is at least `line`, the lower bound of the gain is
    above 0, and it writes at most `max_cost_ratio` times the tokens.  What could not be measured fairly is unproven, for a person
    to decide: no baseline, too few examples, examples that cannot be graded, a baseline that hardly answered.
    """
    return _broken(seen) or _unmeasurable(seen) or _lost(seen, rule) or _hollow(seen) or _won(seen, rule)


def _broken(seen: Measured) -> Verdict | None:
    """The candidate itself does not answer: no person needs to look at that."""
    errors = seen.target(CANDIDATE).errors
    if errors <= LOST_SHARE_MAX * seen.examples:
        return None
    reason = f"The candidate gave no answer to {errors} of {seen.examples} examples."
    return Verdict(outcome=Outcome.NOT_BETTER, reason=reason)


def _unmeasurable(seen: Measured) -> Verdict | None:
    if seen.examples < EXAMPLES_MIN:
        reason = (
            f"Only {seen.examples} held-out examples: too few to prove anything ({EXAMPLES_MIN} at least)."
        )
    elif seen.ungraded > LOST_SHARE_MAX * seen.examples:
        reason = (
            f"{seen.ungraded} of {seen.examples} examples cannot be graded by {seen.metric}: they lack a field that it names. "
            "Correct its templates in the pipeline file."
        )
    elif not seen.contests:
        why = f" ({'; '.join(seen.skipped)})" if seen.skipped else ""
        mean = seen.target(CANDIDATE).means[seen.metric]
        reason = f"No baseline could be measured{why}; the candidate scores {mean:.3f} {seen.metric}."
    else:
        return None
    return Verdict(outcome=Outcome.UNPROVEN, reason=reason)


def _lost(seen: Measured, rule: PromoteRule) -> Verdict | None:
    for contest in seen.contests:
        if objection := _objection(contest, rule):
            reason = f"{_numbers(contest, seen, rule)} {objection}"
            return Verdict(outcome=Outcome.NOT_BETTER, reason=reason, decided_by=contest.baseline)
    return None


def _hollow(seen: Measured) -> Verdict | None:
    """A win over a baseline that hardly answered proves nothing."""
    for contest in seen.contests:
        baseline = seen.target(contest.baseline)
        if baseline.errors > LOST_SHARE_MAX * seen.examples:
            reason = (
                f"{baseline.label} gave no answer to {baseline.errors} of {seen.examples} examples, "
                "so winning against it proves nothing."
            )
            return Verdict(outcome=Outcome.UNPROVEN, reason=reason, decided_by=contest.baseline)
    return None


def _won(seen: Measured, rule: PromoteRule) -> Verdict:
    hardest = min(seen.contests, key=lambda contest: contest.paired.gain)
    reason = _numbers(hardest, seen, rule)
    return Verdict(outcome=Outcome.BETTER, reason=reason, decided_by=hardest.baseline)


def _objection(contest: Contest, rule: PromoteRule) -> str | None:
    """Why a contest is not won, or None."""
    bound = contest.paired.lower_bound
    if contest.paired.gain < rule.line:
        return f"The pipeline asks for a gain of {rule.line:g} at least."
    if bound is None or bound <= 0:
        return "The gain may be chance: its lower bound is not above 0."
    ratio, allowed = contest.cost_ratio, rule.max_cost_ratio
    if allowed is not None and ratio is not None and ratio > allowed:
        return f"It uses {ratio:.2f} times the tokens, the pipeline allows {allowed:g} times."
    return None


def _numbers(contest: Contest, seen: Measured, rule: PromoteRule) -> str:
    ours, theirs = seen.target(CANDIDATE), seen.target(contest.baseline)
    scores = f"{ours.means[seen.metric]:.3f} against {theirs.means[seen.metric]:.3f} of {theirs.label}"
    numbers, bound = contest.paired, contest.paired.lower_bound
    at_least = (
        f"at least {bound:+.3f} with {rule.confidence * 100:.4g}% confidence, " if bound is not None else ""
    )
    counts = f"{numbers.wins} wins and {numbers.losses} losses on {numbers.examples} examples"
    return f"{seen.metric}: {scores}, gain {numbers.gain:+.3f} ({at_least}{counts})."
