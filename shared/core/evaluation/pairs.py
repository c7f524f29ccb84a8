"""The examples of one contest that a reader should see: won and lost most, regressed severely, left without an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Final

from shared.core.evaluation.contest import SEVERE
from shared.core.evaluation.marks import cell
from shared.core.evaluation.scorecard import CANDIDATE, UNGRADABLE, Comparison, Row

_SHOWN: Final = 5
_SHOWN_MAX: Final = 50
#: Scores of rows have six digits.
_NOISE: Final = 1e-6


def listed(comparison: Comparison, baseline: str) -> list[str]:
    """Lines of the page about the examples of the candidate against a baseline."""

    def gain(row: Row) -> float:
        return row.scores[CANDIDATE][comparison.metric] - row.scores[baseline][comparison.metric]

    label = comparison.target(baseline).label
    # Where a side gave no answer there is nothing to have won or lost.
    rows = [row for row in comparison.rows if not {CANDIDATE, baseline} & set(row.known_to)]
    both = [row for row in rows if CANDIDATE not in row.unscored and baseline not in row.unscored]
    wins = sorted((row for row in both if gain(row) > 0), key=gain, reverse=True)
    losses = sorted((row for row in both if gain(row) < 0), key=gain)
    return [
        *_extremes(f"Biggest wins over {label}", wins[:_SHOWN], gain, baseline),
        *_extremes(f"Biggest losses to {label}", losses[:_SHOWN], gain, baseline),
        *_severe(rows, comparison, baseline, gain),
        *_unanswered(rows, comparison.target(baseline).label, baseline),
    ]


def _extremes(title: str, rows: Sequence[Row], gain: Callable[[Row], float], baseline: str) -> Iterator[str]:
    if not rows:
        return
    yield from _table(title, "| # | gain | reference | candidate | baseline |", "|---:|---:|---|---|---|")
    for row in rows:
        yield f"| {row.index} | {gain(row):+.3f} | {_texts(row, baseline)} |"


def _severe(
    compared: Sequence[Row], comparison: Comparison, baseline: str, gain: Callable[[Row], float]
) -> Iterator[str]:
    """Groups that lose 0.5 or more, as contests count them, each with all its rows; the worst first."""
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in compared:
        is_left_out = CANDIDATE in row.unscored and baseline in row.unscored
        if comparison.rule.not_worse_by is None or not is_left_out:
            groups[row.group].append(row)
    # What a baseline did not answer shows no regression.
    means = {
        name: fmean(0.0 if baseline in row.unscored else gain(row) for row in rows)
        for name, rows in groups.items()
    }
    severe = sorted((name for name in groups if means[name] <= _NOISE - SEVERE), key=means.__getitem__)
    if not severe:
        return
    label = comparison.target(baseline).label
    yield from _table(
        f"Groups that lose {SEVERE:g} or more to {label}",
        "| group | its gain | # | gain | reference | candidate | baseline |",
        "|---|---:|---:|---:|---|---|---|",
    )
    for name in severe[:_SHOWN_MAX]:
        for row in groups[name]:
            score = row.unscored.get(baseline) or f"{gain(row):+.3f}"
            yield f"| {cell(name)} | {means[name]:+.3f} | {row.index} | {score} | {_texts(row, baseline)} |"
    yield from _more(len(severe), "groups")


def _unanswered(compared: Sequence[Row], label: str, baseline: str) -> Iterator[str]:
    """Rows where a side gave no answer, with what became of the question on both sides."""
    sides = (CANDIDATE, baseline)
    rows = [
        row for row in compared if any(row.unscored.get(side, UNGRADABLE) != UNGRADABLE for side in sides)
    ]
    if not rows:
        return
    yield from _table(
        f"Without an answer: candidate or {label}",
        "| # | candidate | baseline | reference | answer of the candidate | answer of the baseline |",
        "|---:|---|---|---|---|---|",
    )
    for row in rows[:_SHOWN_MAX]:
        outcomes = " | ".join(row.unscored.get(side, "answered") for side in sides)
        yield f"| {row.index} | {outcomes} | {_texts(row, baseline)} |"
    yield from _more(len(rows), "examples")


def _table(title: str, columns: str, alignment: str) -> tuple[str, ...]:
    """A heading, and the head of the table below it."""
    return "", f"## {cell(title)}", "", columns, alignment


def _more(count: int, what: str) -> Iterator[str]:
    if count > _SHOWN_MAX:
        yield from ("", f"... and {count - _SHOWN_MAX:,} more {what}.")


def _texts(row: Row, baseline: str) -> str:
    return f"{cell(row.reference)} | {cell(row.answers[CANDIDATE])} | {cell(row.answers[baseline])}"
