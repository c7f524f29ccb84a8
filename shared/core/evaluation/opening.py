"""The beginning of the page about a comparison: what a person reads before deciding, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.core.evaluation.asked import with_the_rule
from shared.core.evaluation.contest import SEVERE
from shared.core.evaluation.marks import examples_of, percent
from shared.core.evaluation.measured import Interval, Measure, Measured
from shared.core.evaluation.measures import ACCURACY, COST
from shared.core.evaluation.scorecard import CANDIDATE, Comparison, Row
from shared.core.shown import cell, markdown
from shared.core.spec import PromoteRule

NONE: Final = "–"  # noqa: RUF001  # a dash for no number
NOTHING_MISSING: Final = "nothing is missing"
_UNKNOWN: Final = "unknown"
_GROUPS_MAX: Final = 50
#: How the lines of the table are called, and with how many digits their numbers are shown.
LINES: Final = {
    ACCURACY: ("task accuracy", 3),
    "prompt_tokens": ("prompt length, tokens", 1),
    "cached_tokens": ("of these from the cache", 1),
    "completion_tokens": ("answer, tokens", 1),
    "reasoning_tokens": ("of these reasoning", 1),
    COST: ("cost of 1,000 requests", 2),
    "latency_ms_p50": ("latency p50, ms", 0),
    "latency_ms_p95": ("latency p95, ms", 0),
}


def tables(comparison: Comparison) -> Iterator[str]:
    """What was measured: a table for each baseline."""
    for part in comparison.measured:
        yield from _table(part, comparison)
    yield ""
    yield (
        "Means over groups, of examples for which both sides have the number; in brackets the range, of which each end holds "
        f"with {percent(comparison.rule.confidence)} confidence. In the accuracy no answer counts against the candidate, on "
        "either side. Latency is that of the request that was answered, without waiting before it."
    )


def _table(part: Measured, comparison: Comparison) -> Iterator[str]:
    label = cell(comparison.target(part.baseline).label) if part.baseline else ""
    yield ""
    yield f"| | {label} | candidate | difference |" if label else "| | candidate |"
    yield "|---|---:|---:|---:|" if label else "|---|---:|"
    for measure in part.measures:
        name, digits = LINES[measure.name]
        if measure.name == ACCURACY:
            name = f"**{name}** ({cell(comparison.metric)}, decides)"
        sides = (measure.baseline, measure.candidate) if label else (measure.candidate,)
        cells = [shown_number(side, digits) for side in sides]
        if label:
            cells.append(difference_of(measure, digits))
        yield f"| {name} | {' | '.join(cells)} |"


def shown_number(seen: Interval | None, digits: int, sign: str = "") -> str:
    """A number with its range in brackets."""
    if seen is None:
        return _UNKNOWN
    form = f"{sign},.{digits}f"
    text = f"{seen.value:{form}}"
    if seen.low is None and seen.high is None:
        return text
    low, high = (NONE if end is None else f"{end:{form}}" for end in (seen.low, seen.high))
    return f"{text} ({low} to {high})"


def difference_of(measure: Measure, digits: int) -> str:
    """Candidate less baseline; empty where there is no such thing."""
    if measure.unknown:
        return _UNKNOWN
    return "" if measure.difference is None else shown_number(measure.difference, digits, "+")


def verdict(comparison: Comparison) -> Iterator[str]:
    """The verdict in words, how much was compared, what is missing, which look it was, what could have been seen."""
    counted = examples_of(comparison.examples, comparison.groups)
    look = comparison.look
    yield markdown(comparison.reason)
    yield ""
    yield (
        f"{counted}; {cell(comparison.metric)} decides. Look {look.set} of this evaluation set, {look.pipeline} of this pipeline "
        "since its last promotion."
    )
    contests = [part for part in comparison.measured if part.baseline]
    if contests:
        yield ""
    for part in contests:
        assert part.baseline
        label = markdown(comparison.target(part.baseline).label)
        yield f"- against {label}: {missing_of(part, label)}; {smallest_of(part, comparison.rule)}"


def missing_of(part: Measured, label: str) -> str:
    """What is missing by side and outcome."""
    sides = [(CANDIDATE, part.missing["candidate"]), (label, part.missing["baseline"])]
    said = [
        f"{name} {sum(found.values())} ({', '.join(f'{outcome} {count}' for outcome, count in found.items())})"
        for name, found in sides
        if found
    ]
    return f"without an answer: {', '.join(said)}" if said else NOTHING_MISSING


def smallest_of(part: Measured, rule: PromoteRule) -> str:
    """The smallest gain that could have been seen, and whether what the rule asks for is in it."""
    if part.smallest_gain is None or part.sd is None:
        return "the differences do not vary, so it is not known how small a gain could have been seen"
    return (
        f"the smallest gain that could be seen is about {part.smallest_gain:+.3f}{with_the_rule(rule)} (with a chance of 90%, at "
        f"a standard deviation of {part.sd:.3f} over {len(part.gains)} groups)"
    )


def severe(comparison: Comparison) -> Iterator[str]:
    """Severe regressions one by one, each with its examples; the worst first."""
    rows = {row.index: row for row in comparison.rows}
    for part in comparison.measured:
        if part.baseline and part.severe:
            yield from _severe(part, part.baseline, comparison, rows)


def _severe(part: Measured, baseline: str, comparison: Comparison, rows: dict[int, Row]) -> Iterator[str]:
    yield from (
        "",
        f"## Groups that lose {SEVERE:g} or more to {cell(comparison.target(baseline).label)}",
        "",
    )
    yield "| group | its gain | # | gain | reference | candidate | baseline |"
    yield "|---|---:|---:|---:|---|---|---|"
    for group in part.severe[:_GROUPS_MAX]:
        for index in group.examples:
            row = rows[index]
            scores = [row.scores[side].get(comparison.metric, 0.0) for side in (CANDIDATE, baseline)]
            score = row.unscored.get(baseline) or f"{scores[0] - scores[1]:+.3f}"
            texts = (row.reference, row.answers[CANDIDATE], row.answers[baseline])
            cells = (cell(group.group), f"{group.gain:+.3f}", str(index), score, *map(cell, texts))
            yield f"| {' | '.join(cells)} |"
    if len(part.severe) > _GROUPS_MAX:
        yield from ("", f"... and {len(part.severe) - _GROUPS_MAX:,} more groups.")
