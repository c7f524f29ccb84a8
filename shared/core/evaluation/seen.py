"""All that a verdict depends on, and how its numbers are put into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.core.evaluation.contest import Contest
from shared.core.evaluation.differences import NOISE
from shared.core.evaluation.exam import CANDIDATE, Exam
from shared.core.evaluation.marks import examples_of, percent
from shared.core.spec import PromoteRule

#: With a larger share of items without an answer, or that cannot be graded, the scores prove little.
LOST_SHARE_MAX: Final = 0.2


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, rule and contests.

    Attributes:
        exam: all scores of the deciding grader.
        rule: of the pipeline file.
        metric: name of the deciding grader.
        contests: one per baseline.
        skipped: baselines that could not be measured, with the reason.
        not_known: sides of which it is not known what their model was trained on.
        knows_tokens: whether tokens are part of what was measured.
    """

    exam: Exam
    rule: PromoteRule
    metric: str
    contests: tuple[Contest, ...]
    skipped: Sequence[str]
    not_known: Sequence[str]
    knows_tokens: bool

    @property
    def items(self) -> int:
        """How many there are."""
        return len(self.exam.groups)

    def compared(self, contest: Contest) -> Exam:
        """What the two sides of a contest were compared on: without items that either model was trained on."""
        return self.exam.fresh(CANDIDATE, contest.baseline)

    def missing(self, contest: Contest, side: str) -> list[bool]:
        """Of each item of a contest, whether a side owes an answer."""
        return owed(self.compared(contest), side)

    def lost(self, contest: Contest) -> list[bool]:
        """Of each item of a contest, whether the candidate, the baseline or both owe an answer."""
        pairs = zip(self.missing(contest, CANDIDATE), self.missing(contest, contest.baseline), strict=True)
        return [ours or theirs for ours, theirs in pairs]

    def is_fair(self, contest: Contest) -> bool:
        """Whether both sides answered enough."""
        return not is_too_much(self.lost(contest), self.compared(contest))

    def label(self, contest: Contest) -> str:
        """Name of its baseline for people."""
        return self.exam.labels[contest.baseline]

    def numbers(self, contest: Contest) -> str:
        """The contest as a sentence."""
        bound, means = contest.lower_bound, contest.means
        at_least = (
            f"at least {bound:+.3f} with {percent(self.rule.confidence)} confidence"
            if bound is not None
            else "without a bound"
        )
        counts = (
            f"{contest.wins} wins and {contest.losses} losses on {examples_of(contest.n, contest.groups)}"
        )
        return (
            f"{self.metric}: {means['candidate']:.3f} against {means['baseline']:.3f} of {self.label(contest)}, "
            f"gain {contest.gain:+.3f} ({at_least}; {counts}).{self._silence(contest)}{self.left_out(contest)}"
        )

    def _silence(self, contest: Contest) -> str:
        """What is missing, and how it counts."""
        ours, theirs, both = contest.missing["candidate"], contest.missing["baseline"], contest.missing_both
        if not ours and not theirs:
            return ""
        text = f" Without an answer: candidate {ours}, {self.label(contest)} {theirs}"
        if not both:
            return f"{text}; each counts against the candidate."
        what = "make no difference" if self.rule.not_worse_by is None else "are left out"
        return f"{text}; the {both} of both {what}, the others count against the candidate."

    def left_out(self, contest: Contest) -> str:
        """A sentence about items that were not compared, with a space before it; empty if there are none."""
        if not contest.left_out:
            return ""
        sides = [CANDIDATE] if self.exam.known(CANDIDATE) else []
        sides += [self.label(contest)] if self.exam.known(contest.baseline) else []
        return f" Left out: {contest.left_out} of {self.items} examples, which {' or '.join(sides)} was trained on."


def owed(exam: Exam, side: str) -> list[bool]:
    """Of each item, whether a side owes an answer."""
    return [score.is_missing for score in exam.scores[side]]


def is_too_much(lost: Sequence[bool], exam: Exam) -> bool:
    """Whether so many lost items, or groups, prove little."""
    return exam.share(lost) > LOST_SHARE_MAX + NOISE
