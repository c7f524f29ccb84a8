"""The comparison for people (Markdown) and for spreadsheets (CSV)."""

from __future__ import annotations

import csv
import io
from typing import Final

from shared.core.evaluation.comparison import CANDIDATE, Comparison, Outcome, Row

_SHOWN: Final = 5
_EXCERPT: Final = 300
_HEADLINES: Final = {
    Outcome.BETTER: "The candidate is better",
    Outcome.NOT_BETTER: "The candidate is not better",
    Outcome.UNPROVEN: "Nothing is proven",
}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def to_markdown(comparison: Comparison) -> str:
    """A page: verdict, table of scores, contests, the biggest wins and losses."""
    graders = list(comparison.targets[0].means)
    lines = [
        f"# {_HEADLINES[comparison.outcome]}",
        "",
        comparison.reason,
        "",
        f"| | deployment | {' | '.join(graders)} | completion tokens | mean latency | errors |",
        f"|---|---|{'---:|' * (len(graders) + 3)}",
    ]
    for target in comparison.targets:
        means = " | ".join(f"{target.means[grader]:.3f}" for grader in graders)
        lines.append(
            f"| {_cell(target.label)} | {_cell(target.deployment)} | {means} | {target.completion_tokens:,} "
            f"| {target.mean_latency_ms:,} ms | {target.errors} |"
        )
    lines += ["", f"{comparison.examples} held-out examples; {comparison.metric} decides.", ""]
    lines += [f"- not measured: {_cell(reason)}" for reason in comparison.skipped]
    for contest in comparison.contests:
        lines += _extremes(comparison, contest.baseline)
    return "\n".join(lines) + "\n"


def _extremes(comparison: Comparison, baseline: str) -> list[str]:
    """The examples on which the two differ most, in either direction."""

    def gain(row: Row) -> float:
        return row.scores[CANDIDATE][comparison.metric] - row.scores[baseline][comparison.metric]

    label = comparison.target(baseline).label
    ordered = sorted(comparison.rows, key=gain)
    wins = [row for row in reversed(ordered) if gain(row) > 0][:_SHOWN]
    losses = [row for row in ordered if gain(row) < 0][:_SHOWN]
    lines: list[str] = []
    for title, rows in ((f"Biggest wins over {label}", wins), (f"Biggest losses to {label}", losses)):
        if not rows:
            continue
        lines += [
            "",
            f"## {_cell(title)}",
            "",
            "| # | gain | reference | candidate | baseline |",
            "|---:|---:|---|---|---|",
        ]
        lines += [
            f"| {row.index} | {gain(row):+.3f} | {_cell(row.reference)} | {_cell(row.answers[CANDIDATE])} "
            f"| {_cell(row.answers[baseline])} |"
            for row in rows
        ]
    return lines


def _cell(text: str) -> str:
    """Text that stays within its cell and is shown as it is: no markup, no line breaks, no control characters."""
    shown = text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
    plain = "".join(char if char.isprintable() else " " for char in shown)
    for mark in "\\`*_[]<>|#~$":
        plain = plain.replace(mark, "\\" + mark)
    return plain


def to_csv(comparison: Comparison) -> str:
    """One line an example and target; cells that a spreadsheet would take for a formula are quoted."""
    graders = list(comparison.targets[0].means)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["example", "target", *graders, "reference", "answer"])
    for row in comparison.rows:
        for target in comparison.targets:
            scores = [f"{row.scores[target.name][grader]:.6f}" for grader in graders]
            writer.writerow(
                [row.index, target.name, *scores, _safe(row.reference), _safe(row.answers[target.name])]
            )
    return out.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
