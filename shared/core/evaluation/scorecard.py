"""What an evaluation measured: data that round-trips through JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from shared.core.evaluation.significance import Paired

CANDIDATE: Final = "candidate"


class Outcome(StrEnum):
    """What the measurement shows about the candidate."""

    BETTER = "better"
    NOT_BETTER = "not_better"
    UNPROVEN = "unproven"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One side of the comparison.

    Attributes:
        name: `candidate`, `baseline-1`...
        label: its name for people.
        deployment: that answered.
        means: mean score by grader, 0 to 1.
        completion_tokens: of all answers.
        mean_latency_ms: of all answers.
        errors: examples without an answer, because the service refused them or the message had no text.
    """

    name: str
    label: str
    deployment: str
    means: dict[str, float]
    completion_tokens: int
    mean_latency_ms: int
    errors: int


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate against one baseline, on the deciding metric.

    Attributes:
        baseline: name of the target.
        paired: gain, its lower bound, wins and losses.
        cost_ratio: completion tokens of the candidate over those of the baseline; None if the baseline wrote none.
    """

    baseline: str
    paired: Paired
    cost_ratio: float | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One example: what was asked for, what was answered, what it scored.

    Attributes:
        index: its place among the held-out examples.
        prompt: the last message of the prompt, clipped to 2,000 characters as all texts here.
        reference: the answer in the dataset; empty if it has none.
        answers: text by target; why there is none stands in brackets.
        scores: by target, then by grader, 0 to 1.
    """

    index: int
    prompt: str
    reference: str
    answers: dict[str, str]
    scores: dict[str, dict[str, float]]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, and what follows from it.

    Attributes:
        metric: name of the grader that decided.
        examples: number of held-out examples.
        confidence: of the lower bounds.
        targets: the candidate and every baseline that answered.
        contests: one per baseline; none without examples.
        skipped: baselines that could not be measured, with the reason.
        outcome: the verdict by the pipeline's rule.
        reason: the verdict as a sentence with its numbers.
        rows: one per example.
        decided_by: baseline whose contest the reason speaks of; None if no contest decided.
        notes: what a reader should know about the measurement itself.
    """

    metric: str
    examples: int
    confidence: float
    targets: tuple[Target, ...]
    contests: tuple[Contest, ...]
    skipped: tuple[str, ...]
    outcome: Outcome
    reason: str
    rows: tuple[Row, ...]
    decided_by: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def decisive(self) -> Contest | None:
        """The contest that the reason speaks of; where none decided, the one with the smallest gain."""
        for contest in self.contests:
            if contest.baseline == self.decided_by:
                return contest
        return min(self.contests, key=lambda contest: contest.paired.gain, default=None)

    def target(self, name: str) -> Target:
        """A side by its name.

        Raises:
            KeyError: if there is none of this name.
        """
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)
