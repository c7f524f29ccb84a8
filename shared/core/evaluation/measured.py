"""What was measured of a candidate and one baseline, as data: part of what is stored and served."""

from __future__ import annotations

import msgspec


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A number and how exact it is.

    Attributes:
        value: as it was measured.
        low: the true value is not below this, with the confidence of the promotion rule; None if too little was measured.
        high: nor above this, with the same confidence; both ends together have that of less.
    """

    value: float
    low: float | None = None
    high: float | None = None


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the table that people see first.

    Attributes:
        name: what was measured.
        baseline: of the baseline.
        candidate: of the candidate.
        difference: candidate less baseline, by pairs of answers to the same example; None where there is no such thing.
        examples: held-out examples of which both sides have the number.
        groups: of these.
        unknown: why there are no numbers; empty if there are.
    """

    name: str
    baseline: Interval | None = None
    candidate: Interval | None = None
    difference: Interval | None = None
    examples: int = 0
    groups: int = 0
    unknown: str = ""


class GroupGain(msgspec.Struct, frozen=True, kw_only=True):
    """A group of held-out examples.

    Attributes:
        group: its name.
        gain: mean difference of its examples, candidate less baseline.
        examples: these, by their index.
    """

    group: str
    gain: float
    examples: tuple[int, ...]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate and one baseline, as people read it before they decide.

    Attributes:
        baseline: name of the side; None where the candidate is alone.
        measures: the table: accuracy, lengths, cost, latency.
        missing: examples of the contest without an answer: `candidate` or `baseline` -> outcome -> how many.
        sd: standard deviation of the differences of groups; None if there are fewer than two groups.
        smallest_gain: the smallest true gain that so many groups show with a chance of 90 %; None if the differences do not vary.
        severe: groups that lose 0.5 or more, the worst one first; what a baseline did not answer shows no regression.
        gains: the difference of each group, missing answers by the worst case, the smallest first.
    """

    baseline: str | None
    measures: tuple[Measure, ...]
    missing: dict[str, dict[str, int]] = {}
    sd: float | None = None
    smallest_gain: float | None = None
    severe: tuple[GroupGain, ...] = ()
    gains: tuple[GroupGain, ...] = ()
