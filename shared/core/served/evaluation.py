"""Answers about what was measured."""

from __future__ import annotations

import msgspec

from shared.core.served.base import Answer, Time


class Interval(Answer, frozen=True, kw_only=True):
    """A number and how exact it is.

    Attributes:
        value: as it was measured.
        low: the true value is not below this, with the confidence of the promotion rule; null if too little was measured.
        high: nor above this.
    """

    value: float
    low: float | None
    high: float | None


class Measure(Answer, frozen=True, kw_only=True):
    """A line of the table that people see first.

    Attributes:
        name: what was measured.
        baseline: of the baseline.
        candidate: of the candidate.
        difference: candidate less baseline; null where there is no such thing.
        examples: held-out examples of which both sides have the number.
        groups: of these.
        unknown: why there are no numbers; empty if there are.
    """

    name: str
    baseline: Interval | None
    candidate: Interval | None
    difference: Interval | None
    examples: int
    groups: int
    unknown: str


class Look(Answer, frozen=True, kw_only=True):
    """Which look a comparison is.

    Attributes:
        set: its number among those of its pipeline on the same evaluation set, from 1.
        pipeline: its number among those of its pipeline since the last promotion, from 1.
    """

    set: int
    pipeline: int


class Evaluation(Answer, frozen=True, kw_only=True):
    """What was measured, in numbers; the comparison is an artifact.

    Attributes:
        metric: name of the grader that decided.
        candidate_score: mean of the candidate.
        baseline: what it was measured against.
        baseline_score: mean of that.
        gain: candidate less baseline.
        lower_bound: the true gain is not below this, with the confidence of the promotion rule.
        examples: held-out examples.
        outcome: `better`, `as_good`, `not_better` or `unproven`.
        reason: the verdict as a sentence with its numbers.
        digest: SHA-256 over the comparison.
        groups: of the examples; null in what 0.2.0 stored.
        look: which look it was; null in what 0.2.0 stored.
        doubts: what keeps `approval.mode: automatic` from deploying without a person.
        round: how often an evaluation was begun anew before this one.
        measures: the table that people see first.
        champion: the run whose model was the champion; null: there was none; left out: the champion was not measured.
    """

    metric: str
    candidate_score: float | None
    baseline: str | None
    baseline_score: float | None
    gain: float | None
    lower_bound: float | None
    examples: int
    outcome: str
    reason: str
    digest: str
    groups: int | None
    look: Look | None
    doubts: tuple[str, ...]
    round: int
    measures: tuple[Measure, ...]
    champion: str | msgspec.UnsetType | None = msgspec.UNSET


class JudgedAgain(Answer, frozen=True, kw_only=True):
    """That a run was judged again.

    Attributes:
        name: who had it judged.
        at: when.
        changed: keys of the pipeline file that differ from the judgement before.
        notes: what is to be known about it.
        before: the verdicts before.
        pinned: the artifact with what it is judged by.
    """

    name: str
    at: Time
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    before: tuple[str, ...]
    pinned: str
