"""What a comparison will be able to show, worked out before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.core.evaluation import obstacles
from shared.core.evaluation.differences import GROUPS_MIN
from shared.core.evaluation.exact import fewest_groups
from shared.core.evaluation.marks import examples_of, percent
from shared.core.evaluation.obstacles import GAIN_MAX
from shared.core.evaluation.outlook import Outlook
from shared.core.evaluation.power import SPREAD_ASSUMED, groups_for_gain, smallest_gain
from shared.core.evaluation.prospect import ExamAhead, Prospect, groups_of
from shared.core.evaluation.self_test import SelfTest

#: How many groups it takes to show so much more than is asked for is said where fewer are there.
_GAIN_NAMED: Final = 0.1
_NOT_ASKED: Final = (
    "Not known here, but in the cloud: which baselines are there, what the champion was trained on, how often this pipeline was "
    "compared before."
)
#: Digits after the point of the smallest gain.
_DIGITS: Final = 4


def outlook(prospect: Prospect) -> Outlook:
    """What a comparison will be able to show."""
    exam, test, baselines = prospect.exam, prospect.test, prospect.baselines
    groups, confidence = exam.compared, prospect.confidence
    # Where nothing differed the last time, the next candidate may differ all the same.
    spread = prospect.past.spread or SPREAD_ASSUMED
    gain = smallest_gain(groups, confidence, prospect.rule.line, spread) if groups else GAIN_MAX
    is_likely = (
        gain < GAIN_MAX and groups >= fewest_groups(confidence, GROUPS_MIN) and obstacles.can_reach(prospect)
    )
    fatal = tuple(obstacles.fatal(prospect, spread))
    found = Outlook(
        examples=len(exam.groups),
        groups=len(set(exam.groups)),
        compared_groups=groups,
        can_be_better=not fatal,
        smallest_gain=round(gain, _DIGITS) if is_likely else None,
        confidence=confidence,
        look=prospect.past.coming.number if prospect.is_automatic else None,
        spread=spread,
        is_spread_assumed=not prospect.past.spread,
        grader=prospect.examined.grading.metric,
        has_passed=test is not None and test.passed,
        chance=test.chance if test else None,
        missing=baselines.missing if baselines else (),
        not_known=baselines.not_known if baselines else (),
        obstacles=(
            *fatal,
            *obstacles.too_small(prospect, gain, spread),
            *obstacles.asks_a_person(prospect),
        ),
    )
    return msgspec.structs.replace(found, sentences=tuple(_sentences(found, prospect)))


def _sentences(found: Outlook, prospect: Prospect) -> Iterator[str]:
    if not found.can_be_better:
        yield "Whatever is trained, it cannot be shown to be better as things are: at best a person is asked, without proof."
    yield from (obstacle.render() for obstacle in found.obstacles)
    yield " ".join(_of_exam(found, prospect.exam))
    yield _of_gain(found, prospect.rule.line)
    yield _of_grader(found, prospect.test)
    yield from (f"Not measured, as things are: {baseline}." for baseline in found.missing)
    yield from (f"Whether it can be measured is not known: {baseline}." for baseline in found.not_known)
    if prospect.baselines is None:
        yield _NOT_ASKED


def _of_exam(found: Outlook, exam: ExamAhead) -> Iterator[str]:
    yield f"{examples_of(found.examples, found.groups)}."
    if exam.to_candidate:
        yield f"Left out, because the run trains on rows like theirs: {groups_of(len(exam.to_candidate))}."
    if exam.to_champion is None:
        yield "It is not known what the champion was trained on, so examples that it learned from may count."
    elif exam.to_champion:
        yield f"Left out against the champion, which was trained on them: {groups_of(len(exam.to_champion))}."
    if found.compared_groups < found.groups:
        yield f"That leaves {groups_of(found.compared_groups)}."


def _of_gain(found: Outlook, line: float) -> str:
    groups = groups_of(found.compared_groups)
    sure = f"{percent(round(found.confidence, 6))} confidence"
    if found.look is not None:
        sure += f", which `automatic` takes at look {found.look} since the last promotion"
    if found.smallest_gain is None:
        return f"{groups} are not likely to show any gain ({sure})."
    known = "as in the last comparison of this pipeline"
    known = "assumed until this pipeline has a comparison" if found.is_spread_assumed else known
    text = (
        f"The smallest true gain that {groups} are likely to show is {found.smallest_gain:.2f} ({sure}; a chance of 90%; "
        f"differences with a standard deviation of {found.spread:.2g}, {known})."
    )
    gain = line + _GAIN_NAMED
    if found.smallest_gain <= gain or gain >= GAIN_MAX:
        return text
    needed = groups_for_gain(gain, found.confidence, line, found.spread)
    return f"{text} A gain of {gain:.2g} takes about {groups_of(needed)}."


def _of_grader(found: Outlook, test: SelfTest | None) -> str:
    if not found.grader:
        return "No grader decides."
    text = f"{found.grader} decides; it passed its self-test."
    if test and not test.passed:
        text = f"{found.grader} decides; it has not passed its self-test: {test.reason}."
    if found.chance is None:
        return text
    return f"{text} Guessing, with the answer to another example, scores {found.chance:.2f} on average."
