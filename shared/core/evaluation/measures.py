"""What people see first: accuracy, lengths, cost and latency of both sides with their intervals, and what the gain is made of.

All of it follows from the scores (`scores.jsonl`) and the rule; nothing of it decides.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Final

from shared.core.evaluation import intervals
from shared.core.evaluation.contest import NOISE, SEVERE, is_counted
from shared.core.evaluation.differences import Pair, by_group, counted, difference, regression
from shared.core.evaluation.exam import CANDIDATE, Exam, Score, tidy
from shared.core.evaluation.measured import GroupGain, Measure, Measured
from shared.core.evaluation.power import smallest_gain
from shared.core.spec import PromoteRule

ACCURACY: Final = "accuracy"
COST: Final = "usd_per_1000_requests"
#: Tokens of the table: name -> of a score.
TOKENS: Final[dict[str, Callable[[Score], int | None]]] = {
    "prompt_tokens": lambda score: score.prompt_tokens,
    "cached_tokens": lambda score: score.cached_tokens,
    "completion_tokens": lambda score: score.completion_tokens,
    "reasoning_tokens": lambda score: score.reasoning_tokens,
}
#: Quantiles of the latency: name -> share of the requests that are faster.
LATENCIES: Final = {"latency_ms_p50": 0.5, "latency_ms_p95": 0.95}
_NOT_COUNTED: Final = "unknown: the service does not say so for both sides"
_NO_PRICES: Final = "unknown: there is no list of prices yet"
_UNGRADED: Final = "unknown: nothing decides"


@dataclass(frozen=True, slots=True)
class _Place:
    """A pair of scores, and the index of its example."""

    index: int
    pair: Pair


def measured(
    exam: Exam,
    baseline: str | None,
    rule: PromoteRule,
    *,
    indices: Sequence[int] | None = None,
) -> Measured:
    """The candidate against one baseline.

    Args:
        exam: the scores of both.
        baseline: name of its side; None: the candidate alone.
        rule: of the pipeline file.
        indices: of the examples, in the order of the exam; their places if they are not given.
    """
    if baseline is None:
        alone = exam.fresh(CANDIDATE)
        return Measured(baseline=None, measures=tuple(_alone(alone, 1 - rule.confidence)))
    places = _places(exam, baseline, indices or range(len(exam.groups)))
    pairs = [place.pair for place in places if is_counted(place.pair, rule)]
    gains = _gains(places, rule, difference)
    values = [group.gain for group in gains]
    sd = stdev(values) if len(values) > 1 else None
    return Measured(
        baseline=baseline,
        measures=tuple(_table(pairs, [place.pair for place in places], 1 - rule.confidence)),
        missing={
            "candidate": _missing([place.pair[1] for place in places]),
            "baseline": _missing([place.pair[2] for place in places]),
        },
        sd=None if sd is None else tidy(sd),
        smallest_gain=tidy(smallest_gain(len(values), rule.confidence, rule.line, sd))
        if sd and sd > NOISE
        else None,
        severe=tuple(group for group in _gains(places, rule, regression) if group.gain <= NOISE - SEVERE),
        gains=gains,
    )


def measures_of(exam: Exam, baseline: str | None, rule: PromoteRule) -> tuple[Measure, ...]:
    """The table alone; see `measured`."""
    return measured(exam, baseline, rule).measures


def _places(exam: Exam, baseline: str, indices: Sequence[int]) -> list[_Place]:
    """What both sides are compared on: without what either model was trained on."""
    rows = zip(indices, exam.groups, exam.scores[CANDIDATE], exam.scores[baseline], strict=True)
    return [
        _Place(index, (group, ours, theirs))
        for index, group, ours, theirs in rows
        if not (ours.is_known or theirs.is_known)
    ]


def _missing(scores: Sequence[Score]) -> dict[str, int]:
    found = Counter(str(score.outcome) for score in scores if score.is_missing)
    return dict(sorted(found.items()))


def _gains(
    places: Sequence[_Place], rule: PromoteRule, measure: Callable[[Score, Score], float]
) -> tuple[GroupGain, ...]:
    """A difference of each group, the smallest first."""
    groups: defaultdict[str, list[_Place]] = defaultdict(list)
    for place in places:
        if is_counted(place.pair, rule):
            groups[place.pair[0]].append(place)
    found = [
        GroupGain(
            group=name,
            gain=tidy(math.fsum(measure(one.pair[1], one.pair[2]) for one in those) / len(those)),
            examples=tuple(one.index for one in those),
        )
        for name, those in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (group.gain, group.examples)))


def _table(counted_pairs: Sequence[Pair], pairs: Sequence[Pair], alpha: float) -> Iterator[Measure]:
    """The lines of a contest.

    Args:
        counted_pairs: that the gain is made of.
        pairs: all that were asked on both sides: an answer that is not compared is paid for, too.
        alpha: chance of error at each end.
    """
    yield _accuracy(counted_pairs, alpha)
    for name, amount in TOKENS.items():
        yield _amounts(name, pairs, amount, alpha)
    yield Measure(name=COST, unknown=_NO_PRICES)
    known = [pair for pair in pairs if pair[1].latency_ms is not None and pair[2].latency_ms is not None]
    for name, share in LATENCIES.items():
        if not known:
            yield Measure(name=name, unknown=_NOT_COUNTED)
            continue
        ours = [float(score.latency_ms or 0) for _, score, _ in known]
        theirs = [float(score.latency_ms or 0) for _, _, score in known]
        yield Measure(
            name=name,
            baseline=intervals.of_quantile(theirs, share, alpha),
            candidate=intervals.of_quantile(ours, share, alpha),
            examples=len(known),
            groups=_groups(known),
        )


def _accuracy(pairs: Sequence[Pair], alpha: float) -> Measure:
    """Scores as the verdict takes them: no answer counts against the candidate on either side."""
    if not any(ours.is_gradable for _, ours, _ in pairs):
        return Measure(name=ACCURACY, unknown=_UNGRADED)
    ours = by_group(pairs, lambda ours, theirs: counted(ours, theirs, 0.0))
    theirs = by_group(pairs, lambda ours, theirs: counted(theirs, ours, 1.0))
    return Measure(
        name=ACCURACY,
        baseline=intervals.of_scores(theirs, alpha),
        candidate=intervals.of_scores(ours, alpha),
        difference=intervals.of_gain(by_group(pairs, difference), alpha),
        examples=len(pairs),
        groups=_groups(pairs),
    )


def _amounts(
    name: str, pairs: Sequence[Pair], amount: Callable[[Score], int | None], alpha: float
) -> Measure:
    known = [pair for pair in pairs if amount(pair[1]) is not None and amount(pair[2]) is not None]
    if not known:
        return Measure(name=name, unknown=_NOT_COUNTED)
    return Measure(
        name=name,
        baseline=intervals.of_amounts(by_group(known, lambda _, theirs: amount(theirs) or 0), alpha),
        candidate=intervals.of_amounts(by_group(known, lambda ours, _: amount(ours) or 0), alpha),
        difference=intervals.of_mean(
            by_group(known, lambda ours, theirs: (amount(ours) or 0) - (amount(theirs) or 0)), alpha
        ),
        examples=len(known),
        groups=_groups(known),
    )


def _alone(exam: Exam, alpha: float) -> Iterator[Measure]:
    """The lines of a candidate without a baseline: those of a contest with itself, of which one side is shown."""
    scores = exam.scores[CANDIDATE]
    pairs = [(group, score, score) for group, score in zip(exam.groups, scores, strict=True)]
    for measure in _table(pairs, pairs, alpha):
        yield Measure(
            name=measure.name,
            candidate=measure.candidate,
            examples=measure.examples,
            groups=measure.groups,
            unknown=measure.unknown,
        )


def _groups(pairs: Sequence[Pair]) -> int:
    return len({group for group, _, _ in pairs})
