"""Answers about what was measured."""

from __future__ import annotations

import msgspec

from shared.core.served.base import Answer, OutcomeWord, Time


class Interval(Answer, frozen=True, kw_only=True):
    """A number and how exact it is.

    Attributes:
        value: The number as it was measured.
        low: the true value is not below this, with the confidence of the promotion rule; null if too little was measured.
        high: The true value is not above this, likewise; null if too little was measured.
    """

    value: float
    low: float | None
    high: float | None


class Measure(Answer, frozen=True, kw_only=True):
    """A line of the table that people see first.

    Attributes:
        name: What was measured.
        baseline: The baseline's number; null where it has none.
        candidate: The candidate's number; null where it has none.
        difference: candidate less baseline; null where there is no such thing.
        examples: held-out examples of which both sides have the number.
        groups: Number of independent groups among these.
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
        set: Its number among the comparisons of its pipeline on the same evaluation set, from 1.
        pipeline: Its number among those of its pipeline since the last promotion, from 1.
    """

    set: int
    pipeline: int


class Evaluation(Answer, frozen=True, kw_only=True):
    """What was measured, in numbers; the comparison is an artifact.

    Attributes:
        metric: Name of the grader that decided.
        candidate_score: Mean score of the candidate, on the scale of that grader; null where nothing could be scored.
        baseline: What it was measured against: `champion`, or the name of a baseline; null where there was none.
        baseline_score: Mean score of the baseline; null likewise.
        gain: Score of the candidate less that of the baseline; null where one is missing.
        lower_bound: The true gain is not below this, with the confidence of the promotion rule; null where too little was
            measured.
        examples: Number of held-out examples.
        outcome: The verdict.
        reason: The verdict as a sentence with its numbers.
        digest: SHA-256 over the comparison; a deployment gate's digest is about it.
        groups: Number of independent groups among the examples; null in what 0.2.0 stored.
        look: which look it was; null in what 0.2.0 stored.
        doubts: what keeps `approval.mode: automatic` from deploying without a person.
        round: how often an evaluation was begun anew before this one.
        measures: The lines of the table that people see first.
        champion: the run whose model was the champion; null: there was none; left out: the champion was not measured.
    """

    metric: str
    candidate_score: float | None
    baseline: str | None
    baseline_score: float | None
    gain: float | None
    lower_bound: float | None
    examples: int
    outcome: OutcomeWord
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
        name: Name of the person who had it judged again.
        at: When they asked.
        changed: keys of the pipeline file that differ from the judgement before.
        notes: Sentences about what of today's pipeline file is not used.
        before: The verdicts that were given before, the first one first.
        pinned: Name of the artifact with what it is judged by.
    """

    name: str
    at: Time
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    before: tuple[str, ...]
    pinned: str
