"""The examples of one contest that a reader should see: won and lost most, left without an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from shared.core.evaluation.scorecard import CANDIDATE, UNGRADABLE, Comparison, Row
from shared.core.shown import cell

_SHOWN: Final = 5
_SHOWN_MAX: Final = 50


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
        *_unanswered(rows, comparison.target(baseline).label, baseline),
    ]


def _extremes(title: str, rows: Sequence[Row], gain: Callable[[Row], float], baseline: str) -> Iterator[str]:
    if not rows:
        return
    yield from _table(title, "| # | gain | reference | candidate | baseline |", "|---:|---:|---|---|---|")
    for row in rows:
        yield f"| {row.index} | {gain(row):+.3f} | {_texts(row, baseline)} |"


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
    if len(rows) > _SHOWN_MAX:
        yield from ("", f"... and {len(rows) - _SHOWN_MAX:,} more examples.")


def _table(title: str, columns: str, alignment: str) -> tuple[str, ...]:
    """A heading, and the head of the table below it."""
    return "", f"## {cell(title)}", "", columns, alignment


def _texts(row: Row, baseline: str) -> str:
    return f"{cell(row.reference)} | {cell(row.answers[CANDIDATE])} | {cell(row.answers[baseline])}"
