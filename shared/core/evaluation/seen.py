"""All that a verdict depends on, and how its numbers are put into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.core.evaluation.contest import Contest
from shared.core.evaluation.exam import CANDIDATE, Exam
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

    def lost(self, contest: Contest) -> int:
        """Items to which the candidate, the baseline or both gave no answer."""
        exam = self.compared(contest)
        pairs = zip(exam.scores[CANDIDATE], exam.scores[contest.baseline], strict=True)
        return sum(1 for ours, theirs in pairs if ours.is_missing or theirs.is_missing)

    def is_fair(self, contest: Contest) -> bool:
        """Whether both sides answered enough."""
        return not is_too_many(self.lost(contest), self.compared(contest))

    def label(self, contest: Contest) -> str:
        """Name of its baseline for people."""
        return self.exam.labels[contest.baseline]

    def numbers(self, contest: Contest) -> str:
        """The contest as a sentence."""
        exam = self.compared(contest)
        ours, theirs = exam.mean(CANDIDATE), exam.mean(contest.baseline)
        bound = contest.lower_bound
        at_least = (
            f"at least {bound:+.3f} with {percent(self.rule.confidence)} confidence"
            if bound is not None
            else "without a bound"
        )
        counts = f"{contest.wins} wins and {contest.losses} losses on {examples(contest.n, contest.groups)}"
        return (
            f"{self.metric}: {ours:.3f} against {theirs:.3f} of {self.label(contest)}, "
            f"gain {contest.gain:+.3f} ({at_least}; {counts}).{self._lost_in_words(contest)}{self.left_out(contest)}"
        )

    def _lost_in_words(self, contest: Contest) -> str:
        missing = contest.missing["candidate"], contest.missing["baseline"]
        if not any(missing):
            return ""
        return (
            f" Without an answer: candidate {missing[0]}, {self.label(contest)} {missing[1]}; both count against the "
            "candidate."
        )

    def left_out(self, contest: Contest) -> str:
        """A sentence about items that were not compared, with a space before it; empty if there are none."""
        if not contest.left_out:
            return ""
        sides = [CANDIDATE] if self.exam.known(CANDIDATE) else []
        sides += [self.label(contest)] if self.exam.known(contest.baseline) else []
        return f" Left out: {contest.left_out} of {self.items} examples, which {' or '.join(sides)} was trained on."


def is_too_many(lost: int, exam: Exam) -> bool:
    """Whether so many lost items prove little."""
    return lost > LOST_SHARE_MAX * len(exam.groups)


def examples(items: int, groups: int) -> str:
    """How many there are, in words."""
    return (
        f"{items} held-out examples" if items == groups else f"{items} held-out examples in {groups} groups"
    )


def percent(share: float | None) -> str:
    """A share in words; None is all of it."""
    return "all" if share is None else f"{share * 100:.4g}%"
