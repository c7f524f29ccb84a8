"""What the comparison of a run cannot give, found before anything is paid for, with what to write instead."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from shared.core.evaluation.differences import GROUPS_MIN, NOISE
from shared.core.evaluation.doubts import (
    AUTOMATIC_GROUPS_MIN,
    AUTOMATIC_LEFT_OUT_MAX,
    AUTOMATIC_SEVERE_MAX,
    NONE_YET,
)
from shared.core.evaluation.exact import fewest_groups, gain_at_least, share_at_most
from shared.core.evaluation.marks import percent
from shared.core.evaluation.must_pass import named
from shared.core.evaluation.outlook import Obstacle
from shared.core.evaluation.power import GROUPS_MAX, groups_for_gain
from shared.core.evaluation.prospect import Prospect, groups_of
from shared.core.evaluation.severe import can_show, groups_for

#: The largest gain that there is.
GAIN_MAX: Final = 1.0
#: Of confidences that may be written instead of one that so few groups cannot give, the highest that they can.
_CONFIDENCES: Final = (0.999, 0.99, 0.95)
_ASKS: Final = "`automatic` will ask a person"


def fatal(prospect: Prospect, spread: float) -> Iterator[Obstacle]:
    """What keeps a candidate from being better or as good, however it answers; `spread` is that of the differences."""
    yield from _too_few(prospect)
    yield from _out_of_reach(prospect, spread)
    yield from _severe(
        prospect, prospect.rule.max_severe_regressions, "evaluation.promote.max_severe_regressions"
    )
    if not prospect.decisive:
        remedy = "name graders in `evaluation.graders`"
        yield prospect.obstacle("evaluation.graders", "no grader can decide", remedy)
    baselines = prospect.baselines
    if baselines and not baselines.present and not baselines.not_known:
        remedy = "name a deployment: `evaluation: {baselines: [champion, {deployment: NAME}]}`"
        yield prospect.obstacle("evaluation.baselines", "there is nothing to compare with", remedy)
    yield from _must_pass(prospect)


def _too_few(prospect: Prospect) -> Iterator[Obstacle]:
    """Fewer groups than any verdict takes, or than the confidence does."""
    confidence, groups = prospect.rule.confidence, prospect.exam.compared
    fewest = fewest_groups(confidence, GROUPS_MIN)
    if groups < GROUPS_MIN:
        path = "evaluation.set" if prospect.exam.source.kind == "set" else "dataset.evaluation"
        message = f"{groups_of(groups)} of held-out examples can be compared, and fewer than {GROUPS_MIN} prove nothing"
        if fewest > GROUPS_MIN:
            message += f"; {percent(confidence)} confidence takes {fewest}"
        yield prospect.obstacle(path, message, prospect.how_to_have(fewest))
    elif groups < fewest:
        highest = next(value for value in _CONFIDENCES if fewest_groups(value, GROUPS_MIN) <= groups)
        message = f"{groups_of(groups)} cannot give {percent(confidence)} confidence, however they end: it takes {fewest}"
        remedy = f"write `confidence: {highest:g}`, or have {fewest} groups: {prospect.how_to_have(fewest)}"
        yield prospect.obstacle("evaluation.promote.confidence", message, remedy)


def can_reach(prospect: Prospect) -> bool:
    """Whether so many groups, all of them won, show what the rule asks for.

    Of groups whose scores may lie between 0 and 1 no limit is known.
    """
    exam, rule = prospect.exam, prospect.rule
    if exam.compared < fewest_groups(rule.confidence, GROUPS_MIN):
        return False
    return rule.line <= 0 or not _are_won_or_lost(prospect) or _most(exam.compared, prospect) >= rule.line


def _are_won_or_lost(prospect: Prospect) -> bool:
    """Whether each group is won, lost or neither: one example each, and a grader that gives only 0 and 1."""
    exam = prospect.exam
    examples = sum(1 for group in exam.groups if group not in exam.left_out)
    return examples == exam.compared and not _is_similarity(prospect)


def _is_similarity(prospect: Prospect) -> bool:
    return prospect.decisive.get("type") == "text_similarity"  # all other graders give 0 or 1


def _most(groups: int, prospect: Prospect) -> float:
    """The largest gain that so many groups show, if all are won; as the verdict takes it."""
    return gain_at_least(groups, 0, groups, 1 - prospect.rule.confidence) + NOISE


def _out_of_reach(prospect: Prospect, spread: float) -> Iterator[Obstacle]:
    """A gain that so few groups do not show, even if all are won."""
    groups, line, confidence = prospect.exam.compared, prospect.rule.line, prospect.rule.confidence
    if groups < fewest_groups(confidence, GROUPS_MIN) or can_reach(prospect):
        return
    most = _most(groups, prospect)
    message = (
        f"{groups_of(groups)} cannot show a gain of {line:g} at {percent(confidence)} confidence, even if all are won: they "
        f"show {most:.3f} at most"
    )
    remedy = f"ask for less than {most:.3f}"
    if line < GAIN_MAX:
        counts = range(groups, GROUPS_MAX)
        needed = counts[bisect_left(counts, line, key=lambda count: _most(count, prospect))]
        remedy += f", or have more: {_likely(prospect, spread, needed)}"
    yield prospect.obstacle("evaluation.promote.superior_by", message, remedy)


def _severe(prospect: Prospect, allowed: float | None, path: str, why: str = "") -> Iterator[Obstacle]:
    """A limit on severe regressions that so few groups cannot be shown to keep."""
    groups, confidence = prospect.exam.compared, prospect.rule.confidence
    if allowed is None or not groups or can_show(groups, allowed, confidence):
        return
    needed, bound = groups_for(allowed, confidence), share_at_most(0, groups, 1 - confidence)
    message = (
        f"{why}{groups_of(groups)} cannot show that at most {percent(allowed)} of all lose 0.5 or more, even if none does: "
        f"it takes {needed} at {percent(confidence)} confidence"
    )
    possible = math.ceil(bound * 1000) / 1000
    remedy = f"write `max_severe_regressions: {possible:g}`, or have {needed} groups: {prospect.how_to_have(needed)}"
    yield prospect.obstacle(path, message, remedy)


def _must_pass(prospect: Prospect) -> Iterator[Obstacle]:
    """Lines that have to be passed, and cannot be asked or judged."""
    exam = prospect.exam
    asked = set(exam.must_pass.values())
    wrong = {
        "not among the rows that are asked": [
            line for line in prospect.spec.evaluation.must_pass if line not in asked
        ],
        "left out, because a model was trained on it": [
            line for place, line in exam.must_pass.items() if exam.groups[place] in exam.left_out
        ],
        "without what the deciding grader reads": [
            line for place, line in exam.must_pass.items() if place in prospect.examined.ungraded
        ],
    }
    for reason, lines in wrong.items():
        if lines:
            message = f"must be passed, and is {reason}: {named(lines)} of evaluation.set"
            yield prospect.obstacle("evaluation.must_pass", message, "name other lines, or correct the set")


def too_small(prospect: Prospect, gain: float, spread: float) -> Iterator[Obstacle]:
    """That no gain that there can be is likely to be shown, where a verdict is possible.

    Args:
        prospect: what is known.
        gain: the smallest that is likely to be shown.
        spread: that it was worked out with.
    """
    groups, line = prospect.exam.compared, prospect.rule.line
    if gain < GAIN_MAX or not can_reach(prospect):
        return
    message = f"{groups_of(groups)} are not likely to show any gain below 1, and no gain is greater: scores lie between 0 and 1"
    remedy = "ask for less"
    if line < GAIN_MAX:
        remedy = _likely(prospect, spread)
    yield prospect.obstacle("evaluation.promote.superior_by", message, remedy)


def _likely(prospect: Prospect, spread: float, least: int = 0) -> str:
    """How many groups, at least so many, are likely to show the gain in the middle of what is asked for and 1."""
    line = prospect.rule.line
    half = (line + GAIN_MAX) / 2
    needed = max(groups_for_gain(half, prospect.confidence, line, spread), least)
    return f"a gain of {half:.2f} takes {needed} groups: {prospect.how_to_have(needed)}"


def asks_a_person(prospect: Prospect) -> Iterator[Obstacle]:
    """What keeps `automatic` from deploying without a person."""
    if not prospect.is_automatic:
        return
    exam, path, test = prospect.exam, "approval.mode", prospect.test
    if exam.compared < AUTOMATIC_GROUPS_MIN:
        message = f"{_ASKS}: it takes {AUTOMATIC_GROUPS_MIN} groups, and there are {exam.compared}"
        yield prospect.obstacle(path, message, prospect.how_to_have(AUTOMATIC_GROUPS_MIN))
    if prospect.rule.max_severe_regressions is None and _is_similarity(prospect):
        yield from _severe(prospect, AUTOMATIC_SEVERE_MAX, path, f"{_ASKS}: ")
    count = sum(1 for group in exam.groups if group in exam.left_out)
    if count > AUTOMATIC_LEFT_OUT_MAX * len(exam.groups):
        message = (
            f"{_ASKS}: {count} of {len(exam.groups)} examples are left out because a model was trained on them, and at most "
            f"{percent(AUTOMATIC_LEFT_OUT_MAX)} may be"
        )
        remedy = "hold out rows that are new to both models, such as those of an `evaluation.set`"
        yield prospect.obstacle(path, message, remedy)
    if exam.to_champion is None:
        message = f"{_ASKS}: it is not known what the champion was trained on, so examples that it learned from may count"
        remedy = "restore `prepared/training.jsonl` of the run that trained it, or let a person deploy the next champion"
        yield prospect.obstacle(path, message, remedy)
    if test and not test.passed and not test.is_early:
        message = f"{_ASKS}: {test.grader} has not passed its self-test"
        yield prospect.obstacle(path, message, "name a grader that tells right from wrong")
    for baseline in prospect.baselines.missing if prospect.baselines else ():
        if not baseline.endswith(NONE_YET):
            remedy = "have it ready before the evaluation, or leave it out of `evaluation.baselines`"
            yield prospect.obstacle(path, f"{_ASKS}: not everything can be measured ({baseline})", remedy)
