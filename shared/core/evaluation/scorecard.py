"""What an evaluation measured: data that round-trips through JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.core.evaluation.contest import Contest
from shared.core.evaluation.exam import CANDIDATE
from shared.core.evaluation.looks import Look
from shared.core.evaluation.measured import Measured
from shared.core.evaluation.verdict import Outcome
from shared.core.run import EvaluationSummary
from shared.core.spec import PromoteRule

__all__ = ["CANDIDATE", "Comparison", "Contest", "Outcome", "Row", "Target"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One side of the comparison.

    Attributes:
        name: `candidate`, `baseline-1`...
        label: its name for people.
        deployment: that answered.
        means: mean score by grader, 0 to 1.
        completion_tokens: of all answers.
        mean_latency_ms: of all answers.
        errors: examples without an answer.
        prompt_tokens: of all questions.
        outcomes: what became of the questions: outcome -> how many.
        shown: measures of all its answers together that are not means, such as macro-F1: name -> 0 to 1.
    """

    name: str
    label: str
    deployment: str
    means: dict[str, float]
    completion_tokens: int
    mean_latency_ms: int
    errors: int
    prompt_tokens: int = 0
    outcomes: dict[str, int] = {}
    shown: dict[str, float] = {}


#: Of an example that lacks what the deciding grader reads: no answer to it has a score.
UNGRADABLE: Final = "ungradable"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One example: what was asked for, what was answered, what it scored.

    Attributes:
        index: its place among the held-out examples.
        prompt: the last message of the prompt, clipped as all texts here to 2,000 characters, or fewer where there are many
            examples: all texts together have at most 8 million.
        reference: the answer in the dataset; empty if it has none.
        answers: text by target; why there is none stands in brackets.
        scores: by target, then by grader, 0 to 1; no answer has 0.
        group: of the example; empty in what releases before 0.3.0 wrote.
        unscored: target -> why it has no score that decides: the outcome of its question, or `ungradable`.
        known_to: targets whose model was trained on the example, so that they are not compared on it.
        slices: names of the slices that the example belongs to.
        must_pass: its line in `evaluation.set`, if a candidate has to get it right.
        outcomes: what became of its question, by target; empty in what releases before 0.3.0 wrote.
    """

    index: int
    prompt: str
    reference: str
    answers: dict[str, str]
    scores: dict[str, dict[str, float]]
    group: str = ""
    unscored: dict[str, str] = {}
    known_to: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    must_pass: int | None = None
    outcomes: dict[str, str] = {}


class StoredSummary(EvaluationSummary, frozen=True, kw_only=True):
    """The artifact `evaluation/summary.json`: what the run's row keeps, and the contests.

    Attributes:
        verdict: the outcome, by the name that `compare` gives it.
        contests: one per baseline.
        evidence: SHA-256 over the scores that they follow from, so that no score, group, outcome or token changes unnoticed.
    """

    verdict: Outcome
    contests: tuple[Contest, ...]
    evidence: str


def decisive_of(contests: Sequence[Contest], decided_by: str | None) -> Contest | None:
    """The contest that a reason speaks of; where none decided, the one with the smallest gain."""
    for contest in contests:
        if contest.baseline == decided_by:
            return contest
    return min(contests, key=lambda contest: contest.gain, default=None)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, and what follows from it.

    Attributes:
        metric: name of the grader that decided.
        examples: number of held-out examples.
        groups: number of groups of these.
        rule: of the pipeline file.
        look: which look it was.
        targets: the candidate and every baseline that answered.
        contests: one per baseline.
        skipped: baselines that could not be measured, with the reason.
        outcome: the verdict by the pipeline's rule.
        reason: the verdict as a sentence with its numbers.
        rows: one per example.
        decided_by: baseline whose contest the reason speaks of; None if no contest decided.
        doubts: what keeps `approval.mode: automatic` from deploying without a person.
        notes: what a reader should know about the measurement itself.
        measured: what people see first, for each contest; without one, of the candidate alone.
    """

    metric: str
    examples: int
    groups: int
    rule: PromoteRule
    look: Look
    targets: tuple[Target, ...]
    contests: tuple[Contest, ...]
    skipped: tuple[str, ...]
    outcome: Outcome
    reason: str
    rows: tuple[Row, ...]
    decided_by: str | None = None
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()

    def target(self, name: str) -> Target:
        """A side by its name.

        Raises:
            KeyError: if there is none of this name.
        """
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)
