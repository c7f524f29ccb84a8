"""The verdict on a candidate, by the promotion rule of its pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from shared.core.evaluation import must_pass
from shared.core.evaluation.contest import Contest, contest_of, reaches
from shared.core.evaluation.differences import GROUPS_MIN, NOISE
from shared.core.evaluation.doubts import doubts_of
from shared.core.evaluation.exact import fewest_groups
from shared.core.evaluation.exam import CANDIDATE, Exam
from shared.core.evaluation.looks import Look
from shared.core.evaluation.marks import examples_of, percent
from shared.core.evaluation.seen import Seen, is_too_much, owed
from shared.core.evaluation.severe import can_exclude, excludes, groups_for
from shared.core.spec import PromoteRule


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
    not_known: Sequence[str] = (),
    not_asked: Sequence[int] = (),
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
        not_known: sides of which it is not known what their model was trained on, although an app trained it.
        not_asked: lines of `evaluation.set` that the candidate has to pass, and that nobody was asked.
        knows_tokens: whether tokens are part of what was measured; if not, limits on them are not compared, and the reason says
            so.
        is_planning: whether `needed` is worked out; see `contest_of`.
    """
    contests = tuple(
        contest_of(exam, side, rule, look, is_planning=is_planning)
        for side in exam.labels
        if side != CANDIDATE
    )
    seen = Seen(
        exam=exam,
        rule=rule,
        metric=metric,
        contests=contests,
        skipped=skipped,
        not_known=not_known,
        knows_tokens=knows_tokens,
    )
    found = (
        _broken(seen)
        or _failed(seen)
        or _unmeasured(seen)
        or _lost(seen)
        or _unfair(seen)
        or _because(Outcome.UNPROVEN, must_pass.unproven(exam, not_asked))
        or _won(seen)
    )
    verdict = msgspec.structs.replace(found, contests=contests)
    if verdict.outcome not in PROMOTED:
        return verdict
    return msgspec.structs.replace(verdict, doubts=tuple(doubts_of(seen, look, is_similarity=is_similarity)))


def _verdict(outcome: Outcome, reason: str, contest: Contest | None = None) -> Verdict:
    return Verdict(
        outcome=outcome, reason=reason, contests=(), decided_by=contest.baseline if contest else None
    )


def _because(outcome: Outcome, reason: str | None) -> Verdict | None:
    return _verdict(outcome, reason) if reason else None


def _broken(seen: Seen) -> Verdict | None:
    """The candidate itself does not answer: no person needs to look at that."""
    exam = seen.exam.fresh(CANDIDATE)
    missing = owed(exam, CANDIDATE)
    if not is_too_much(missing, exam):
        return None
    reason = f"The candidate gave no answer to {sum(missing)} of {len(exam.groups)} examples."
    return _verdict(Outcome.NOT_BETTER, reason)


def _failed(seen: Seen) -> Verdict | None:
    """A line that must be passed was not; what else speaks against the candidate is said too."""
    reason = must_pass.failed(seen.exam)
    if reason is None:
        return None
    lost = _lost(seen)
    return _verdict(Outcome.NOT_BETTER, f"{reason} {lost.reason}" if lost else reason)


def _unmeasured(seen: Seen) -> Verdict | None:
    """What no baseline can mend: too few examples, or none that can be graded, or nothing to compare with."""
    fewest = fewest_groups(seen.rule.confidence, GROUPS_MIN)
    least = min(seen.contests, key=lambda contest: contest.groups, default=None)
    groups = least.groups if least else len(set(seen.exam.groups))
    items, left_out = (least.n, seen.left_out(least)) if least else (seen.items, "")
    ungraded = [not score.is_gradable for score in seen.exam.scores[CANDIDATE]]
    if is_too_much(ungraded, seen.exam):
        reason = (
            f"{sum(ungraded)} of {seen.items} examples cannot be graded by {seen.metric}: they lack a field that it names. "
            "Correct its templates in the pipeline file."
        )
    elif groups < GROUPS_MIN:
        reason = f"Only {examples_of(items, groups)}: too few to prove anything ({GROUPS_MIN} groups at least).{left_out}"
    elif not seen.contests:
        why = f" ({'; '.join(seen.skipped)})" if seen.skipped else ""
        reason = f"No baseline could be measured{why}; the candidate scores {seen.exam.mean(CANDIDATE):.3f} {seen.metric}."
    elif groups < fewest:
        reason = (
            f"{examples_of(items, groups)} cannot give {percent(seen.rule.confidence)} confidence, however they end: it "
            f"takes {fewest} groups.{left_out}"
        )
    else:
        return None
    return _verdict(Outcome.UNPROVEN, reason)


def _lost(seen: Seen) -> Verdict | None:
    """Baselines that were measured fairly, and are not beaten by the rule; the first one decides, and all are named."""
    lost = [
        (contest, objections)
        for contest in filter(seen.is_fair, seen.contests)
        if (objections := list(_objections(contest, seen)))
    ]
    if not lost:
        return None
    reason = " ".join(part for contest, objections in lost for part in (seen.numbers(contest), *objections))
    return _verdict(Outcome.NOT_BETTER, reason, lost[0][0])


def _objections(contest: Contest, seen: Seen) -> Iterator[str]:
    """Why a contest is not won."""
    rule = seen.rule
    if not reaches(contest.lower_bound, rule):
        yield _short_of(contest, rule)
    for limit, ratio, kind in _token_limits(contest, rule):
        if ratio is not None and ratio > limit + NOISE:
            yield f"It uses {ratio:.2f} times the {kind} tokens; at most {limit:g} times is asked for."
    if (most := rule.max_slice_loss) is not None:
        for part in contest.slices:
            if part.is_large and part.upper_bound is not None and part.upper_bound < -most - NOISE:
                yield (
                    f"On {part.name} ({part.groups} groups) it loses: gain {part.gain:+.3f}, at most {part.upper_bound:+.3f}; a "
                    f"loss of at most {most:g} is allowed in a slice."
                )
    allowed, severe = rule.max_severe_regressions, contest.severe
    if allowed is not None and can_exclude(contest, allowed, rule) and not excludes(contest, allowed):
        yield (
            f"{severe.count} of {contest.groups} groups lose 0.5 or more, so up to {percent(severe.upper_bound)} may; at "
            f"most {percent(allowed)} is asked for."
        )


def _short_of(contest: Contest, rule: PromoteRule) -> str:
    needed = f" About {contest.needed:,} groups would show the gain seen." if contest.needed else ""
    if contest.is_worse and rule.line >= 0:
        asked = f" A gain of at least {rule.line:g} is asked for." if rule.line else ""
        return f"The candidate scores lower, and that is not chance.{asked}"
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


def _unfair(seen: Seen) -> Verdict | None:
    """A win over a baseline that hardly answered, or whose tokens nobody knows, proves nothing."""
    for contest in seen.contests:
        label = seen.label(contest)
        if not seen.is_fair(contest):
            exam, missing = seen.compared(contest), seen.missing(contest, contest.baseline)
            who, lost = label, missing
            if not is_too_much(missing, exam):
                who, lost = f"The candidate or {label}", seen.lost(contest)
            reason = f"{who} gave no answer to {sum(lost)} of {len(exam.groups)} examples, so a comparison proves nothing."
            return _verdict(Outcome.UNPROVEN, reason, contest)
        for _, ratio, kind in _token_limits(contest, seen.rule):
            if ratio is None and seen.knows_tokens:
                words = f"How many {kind} tokens each used is not known, so the limit on them is not shown to be kept."
                reason = f"{seen.numbers(contest)} {words}"
                return _verdict(Outcome.UNPROVEN, reason, contest)
        allowed = seen.rule.max_severe_regressions
        if allowed is not None and not can_exclude(contest, allowed, seen.rule):
            reason = (
                f"{seen.numbers(contest)} {contest.groups} groups cannot show that at most {percent(allowed)} lose 0.5 or "
                f"more, even if none is seen: it takes {groups_for(allowed, seen.rule.confidence)}."
            )
            return _verdict(Outcome.UNPROVEN, reason, contest)
    return None


def _won(seen: Seen) -> Verdict:
    rule = seen.rule
    hardest = min(seen.contests, key=lambda contest: (contest.gain, contest.baseline))
    reason = seen.numbers(hardest)
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
