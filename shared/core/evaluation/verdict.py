"""The verdict on a candidate, by the promotion rule of its pipeline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from shared.core.evaluation.contest import (
    CANDIDATE,
    GROUPS_MIN,
    NOISE,
    Contest,
    Exam,
    contest_of,
    reaches,
)
from shared.core.evaluation.exact import fewest_groups, share_at_most
from shared.core.evaluation.looks import Look, error_of
from shared.core.evaluation.marks import examples_of, percent
from shared.core.spec import PromoteRule

#: With a larger share of items without an answer, or that cannot be graded, the scores prove little.
LOST_SHARE_MAX: Final = 0.2
#: Why a baseline was left out that is no reason for doubt: there is no champion that clients could lose.
NONE_YET: Final = "this pipeline has none yet"
#: What `approval.mode: automatic` needs before it deploys without a person.
AUTOMATIC_GROUPS_MIN: Final = 50
AUTOMATIC_SEVERE_MAX: Final = 0.02


class Outcome(StrEnum):
    """What the measurement shows about the candidate."""

    BETTER = "better"
    AS_GOOD = "as_good"
    NOT_BETTER = "not_better"
    UNPROVEN = "unproven"


#: Outcomes with which a run goes on to a deployment.
PROMOTED: Final = frozenset({Outcome.BETTER, Outcome.AS_GOOD})


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided, and why.

    Attributes:
        outcome: the verdict in a word.
        reason: a sentence with its numbers.
        contests: one per baseline, in the order of the sides.
        decided_by: baseline that the reason speaks of; None if no contest decided.
        doubts: what keeps `approval.mode: automatic` from deploying without a person; only where the outcome allows a deployment.
    """

    outcome: Outcome
    reason: str
    contests: tuple[Contest, ...]
    decided_by: str | None = None
    doubts: tuple[str, ...] = ()


def judge(
    exam: Exam,
    rule: PromoteRule,
    look: Look,
    *,
    metric: str,
    skipped: Sequence[str] = (),
    is_similarity: bool = False,
    knows_tokens: bool = True,
    is_planning: bool = True,
) -> Verdict:
    """Apply the promotion rule.

    The candidate is `better` (under `not_worse_by`: `as_good`) if against every baseline the lower bound of its gain reaches the
    line, and it keeps the limits on tokens and on severe regressions.  What was not measured fairly is `unproven`, for a person
    to decide.  The rest is `not_better`.

    Args:
        exam: all scores of the deciding grader.
        rule: of the pipeline file.
        look: which look this is.
        metric: name of the deciding grader, for people.
        skipped: baselines that could not be measured, with the reason.
        is_similarity: whether the grader compares wording: that alone deploys nothing without a person.
        knows_tokens: whether tokens are part of what was measured; if not, limits on them are not compared, and the reason says
            so.
        is_planning: whether `needed` is worked out; see `contest_of`.
    """
    contests = tuple(
        contest_of(exam, side, rule, look, is_planning=is_planning)
        for side in exam.labels
        if side != CANDIDATE
    )
    seen = _Seen(
        exam=exam, rule=rule, metric=metric, contests=contests, skipped=skipped, knows_tokens=knows_tokens
    )
    found = _broken(seen) or _unmeasured(seen) or _lost(seen) or _unfair(seen) or _won(seen)
    verdict = msgspec.structs.replace(found, contests=contests)
    if verdict.outcome not in PROMOTED:
        return verdict
    return msgspec.structs.replace(verdict, doubts=tuple(_doubts(seen, look, is_similarity=is_similarity)))


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All that a verdict depends on."""

    exam: Exam
    rule: PromoteRule
    metric: str
    contests: tuple[Contest, ...]
    skipped: Sequence[str]
    knows_tokens: bool

    @property
    def items(self) -> int:
        """How many there are."""
        return len(self.exam.groups)

    def is_too_much(self, lost: Sequence[bool]) -> bool:
        """Whether so many lost items, or groups, prove little."""
        return self.exam.share(lost) > LOST_SHARE_MAX + NOISE

    def missing(self, side: str) -> list[bool]:
        """Of each item, whether a side owes an answer."""
        return [score.is_missing for score in self.exam.scores[side]]

    def lost(self, contest: Contest) -> list[bool]:
        """Of each item, whether the candidate, the baseline or both owe an answer."""
        pairs = zip(self.missing(CANDIDATE), self.missing(contest.baseline), strict=True)
        return [ours or theirs for ours, theirs in pairs]

    def is_fair(self, contest: Contest) -> bool:
        """Whether both sides answered enough."""
        return not self.is_too_much(self.lost(contest))

    def label(self, contest: Contest) -> str:
        """Name of its baseline for people."""
        return self.exam.labels[contest.baseline]


def _verdict(outcome: Outcome, reason: str, contest: Contest | None = None) -> Verdict:
    return Verdict(
        outcome=outcome, reason=reason, contests=(), decided_by=contest.baseline if contest else None
    )


def _broken(seen: _Seen) -> Verdict | None:
    """The candidate itself does not answer: no person needs to look at that."""
    missing = seen.missing(CANDIDATE)
    if not seen.is_too_much(missing):
        return None
    reason = f"The candidate gave no answer to {sum(missing)} of {seen.items} examples."
    return _verdict(Outcome.NOT_BETTER, reason)


def _unmeasured(seen: _Seen) -> Verdict | None:
    """What no baseline can mend: too few examples, or none that can be graded, or nothing to compare with."""
    groups = min((contest.groups for contest in seen.contests), default=len(set(seen.exam.groups)))
    fewest = fewest_groups(seen.rule.confidence, GROUPS_MIN)
    ungraded = [not score.is_gradable for score in seen.exam.scores[CANDIDATE]]
    if seen.is_too_much(ungraded):
        reason = (
            f"{sum(ungraded)} of {seen.items} examples cannot be graded by {seen.metric}: they lack a field that it names. "
            "Correct its templates in the pipeline file."
        )
    elif groups < GROUPS_MIN:
        reason = f"Only {examples_of(seen.items, groups)}: too few to prove anything ({GROUPS_MIN} groups at least)."
    elif not seen.contests:
        why = f" ({'; '.join(seen.skipped)})" if seen.skipped else ""
        reason = f"No baseline could be measured{why}; the candidate scores {seen.exam.mean(CANDIDATE):.3f} {seen.metric}."
    elif groups < fewest:
        reason = (
            f"{examples_of(seen.items, groups)} cannot give {percent(seen.rule.confidence)} confidence, however they end: it "
            f"takes {fewest} groups."
        )
    else:
        return None
    return _verdict(Outcome.UNPROVEN, reason)


def _lost(seen: _Seen) -> Verdict | None:
    """A baseline that was measured fairly, and is not beaten by the rule."""
    for contest in filter(seen.is_fair, seen.contests):
        if objection := _objection(contest, seen):
            return _verdict(Outcome.NOT_BETTER, f"{_numbers(contest, seen)} {objection}", contest)
    return None


def _objection(contest: Contest, seen: _Seen) -> str | None:
    """Why a contest is not won, or None."""
    rule = seen.rule
    if not reaches(contest.lower_bound, rule):
        return _short_of(contest, rule)
    for limit, ratio, kind in _token_limits(contest, rule):
        if ratio is not None and ratio > limit + NOISE:
            return f"It uses {ratio:.2f} times the {kind} tokens; at most {limit:g} times is asked for."
    allowed, severe = rule.max_severe_regressions, contest.severe
    if allowed is not None and _can_exclude(contest, allowed, rule) and not _excludes(contest, allowed):
        return (
            f"{severe.count} of {contest.groups} groups lose 0.5 or more, so up to {percent(severe.upper_bound)} may; at "
            f"most {percent(allowed)} is asked for."
        )
    return None


def _short_of(contest: Contest, rule: PromoteRule) -> str:
    needed = f" About {contest.needed:,} groups would show the gain seen." if contest.needed else ""
    if rule.line == 0:
        return f"The gain may be chance: its lower bound is not above 0.{needed}"
    if rule.line > 0:
        return f"A gain of at least {rule.line:g} is asked for, which is not proven.{needed}"
    return f"A loss of at most {-rule.line:g} is allowed, and a greater one is not excluded.{needed}"


def _token_limits(contest: Contest, rule: PromoteRule) -> Iterator[tuple[float, float | None, str]]:
    """Limit, ratio and kind of tokens."""
    if rule.max_cost_ratio is not None:
        yield rule.max_cost_ratio, contest.cost_ratio, "completion"
    if rule.max_prompt_ratio is not None:
        yield rule.max_prompt_ratio, contest.prompt_ratio, "prompt"


def _can_exclude(contest: Contest, allowed: float, rule: PromoteRule) -> bool:
    """Whether so many groups could keep a limit on severe regressions at all."""
    return share_at_most(0, contest.groups, 1 - rule.confidence) <= allowed + NOISE


def _excludes(contest: Contest, allowed: float) -> bool:
    bound = contest.severe.upper_bound
    return bound is not None and bound <= allowed + NOISE


def _unfair(seen: _Seen) -> Verdict | None:
    """A win over a baseline that hardly answered, or whose tokens nobody knows, proves nothing."""
    for contest in seen.contests:
        label = seen.label(contest)
        if not seen.is_fair(contest):
            missing = seen.missing(contest.baseline)
            who, lost = label, missing
            if not seen.is_too_much(missing):
                who, lost = f"The candidate or {label}", seen.lost(contest)
            reason = f"{who} gave no answer to {sum(lost)} of {seen.items} examples, so a comparison proves nothing."
            return _verdict(Outcome.UNPROVEN, reason, contest)
        for _, ratio, kind in _token_limits(contest, seen.rule):
            if ratio is None and seen.knows_tokens:
                words = f"How many {kind} tokens each used is not known, so the limit on them is not shown to be kept."
                reason = f"{_numbers(contest, seen)} {words}"
                return _verdict(Outcome.UNPROVEN, reason, contest)
        allowed = seen.rule.max_severe_regressions
        if allowed is not None and not _can_exclude(contest, allowed, seen.rule):
            reason = (
                f"{_numbers(contest, seen)} {contest.groups} groups cannot show that at most {percent(allowed)} lose 0.5 or "
                f"more, even if none is seen: it takes {_groups_for(allowed, seen.rule.confidence)}."
            )
            return _verdict(Outcome.UNPROVEN, reason, contest)
    return None


def _groups_for(allowed: float, confidence: float) -> int:
    """The fewest groups that can keep a limit on severe regressions below 1: with none seen."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-allowed))


def _won(seen: _Seen) -> Verdict:
    rule = seen.rule
    hardest = min(seen.contests, key=lambda contest: (contest.gain, contest.baseline))
    reason = _numbers(hardest, seen)
    limits = list(_token_limits(hardest, rule))
    if not seen.knows_tokens and (limits or rule.not_worse_by is not None):
        reason += " Cost was not compared: the tokens are not known."
    for limit, ratio, kind in limits:
        if ratio is not None:
            reason += f" It uses {ratio:.2f} times the {kind} tokens; at most {limit:g} times is asked for."
    if rule.not_worse_by is None:
        return _verdict(Outcome.BETTER, reason, hardest)
    reason += f" A loss of more than {rule.not_worse_by:g} is excluded."
    return _verdict(Outcome.AS_GOOD, reason, hardest)


def _doubts(seen: _Seen, look: Look, *, is_similarity: bool) -> Iterator[str]:
    """What `automatic` needs and is not there."""
    rule = seen.rule
    if is_similarity:
        yield f"{seen.metric} compares wording, which alone does not show that an answer is right"
    for baseline in seen.skipped:
        if not baseline.endswith(NONE_YET):
            yield f"not everything was measured ({baseline})"
    groups = min(contest.groups for contest in seen.contests)
    if groups < AUTOMATIC_GROUPS_MIN:
        yield f"there are {groups} groups of held-out examples, and it takes {AUTOMATIC_GROUPS_MIN}"
    for contest in seen.contests:
        if not reaches(contest.safe_bound, rule):
            bound = "nothing" if contest.safe_bound is None else f"{contest.safe_bound:+.3f}"
            yield (
                f"against {seen.label(contest)}, a gain of {bound} is all that is safe to say at the error left for look "
                f"{look.pipeline} since the last promotion ({percent(error_of(rule.confidence, look.pipeline))})"
            )
        allowed = rule.max_severe_regressions
        if allowed is None and not _is_pass_or_fail(seen) and not _excludes(contest, AUTOMATIC_SEVERE_MAX):
            yield (
                f"against {seen.label(contest)}, {contest.severe.count} of {contest.groups} groups lose 0.5 or more, so up to "
                f"{percent(contest.severe.upper_bound)} may; at most {percent(AUTOMATIC_SEVERE_MAX)} is asked for, which takes "
                f"{_groups_for(AUTOMATIC_SEVERE_MAX, rule.confidence)} groups without any"
            )


def _is_pass_or_fail(seen: _Seen) -> bool:
    """Whether the grader gives only 0 and 1: then every loss is severe, and the exact bound counts it in full."""
    values = (score.value for scores in seen.exam.scores.values() for score in scores)
    return all(value is None or value in {0.0, 1.0} for value in values)


def _numbers(contest: Contest, seen: _Seen) -> str:
    """The contest as a sentence."""
    bound = contest.lower_bound
    at_least = (
        f"at least {bound:+.3f} with {percent(seen.rule.confidence)} confidence"
        if bound is not None
        else "without a bound"
    )
    counts = f"{contest.wins} wins and {contest.losses} losses on {examples_of(contest.n, contest.groups)}"
    return (
        f"{seen.metric}: {contest.means['candidate']:.3f} against {contest.means['baseline']:.3f} of {seen.label(contest)}, "
        f"gain {contest.gain:+.3f} ({at_least}; {counts}).{_silence(contest, seen)}"
    )


def _silence(contest: Contest, seen: _Seen) -> str:
    """What is missing, and how it counts."""
    ours, theirs, both = contest.missing["candidate"], contest.missing["baseline"], contest.missing_both
    if not ours and not theirs:
        return ""
    text = f" Without an answer: candidate {ours}, {seen.label(contest)} {theirs}"
    if not both:
        return f"{text}; each counts against the candidate."
    what = "make no difference" if seen.rule.not_worse_by is None else "are left out"
    return f"{text}; the {both} of both {what}, the others count against the candidate."
