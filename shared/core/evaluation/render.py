"""The comparison for people (Markdown) and for spreadsheets (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from shared.core.evaluation.scorecard import CANDIDATE, Comparison, Contest, Outcome, Row

_SHOWN: Final = 5
_EXCERPT: Final = 300
_HEADLINES: Final = {
    Outcome.BETTER: "The candidate is better",
    Outcome.NOT_BETTER: "The candidate is not better",
    Outcome.UNPROVEN: "Nothing is proven",
}
_MARKS: Final = str.maketrans({mark: "\\" + mark for mark in "\\`*_[]<>|#~$&"})
#: What makes a spreadsheet take a cell for a formula, by OWASP's page on CSV injection; full-width forms count in some locales.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # these very characters


def to_markdown(comparison: Comparison) -> str:
    """A page: verdict, table of scores, table of contests, the biggest wins and losses."""
    lines = [
        f"# {_HEADLINES[comparison.outcome]}",
        "",
        _plain(comparison.reason),
        "",
        *_scores(comparison),
        "",
    ]
    lines += [f"{comparison.examples} held-out examples; {_cell(comparison.metric)} decides.", ""]
    lines += [f"- not measured: {_plain(reason)}" for reason in comparison.skipped]
    lines += [f"- {_plain(note)}" for note in comparison.notes]
    if comparison.contests:
        lines += ["", *_contests(comparison)]
    for contest in comparison.contests:
        lines += _extremes(comparison, contest.baseline)
    return "\n".join(lines) + "\n"


def _scores(comparison: Comparison) -> Iterator[str]:
    """Mean scores: targets by graders."""
    graders = list(comparison.targets[0].means)
    titles = " | ".join(_cell(grader) for grader in graders)
    yield f"| | deployment | {titles} | completion tokens | mean latency | no answer |"
    yield f"|---|---|{'---:|' * (len(graders) + 3)}"
    for target in comparison.targets:
        means = " | ".join(f"{target.means[grader]:.3f}" for grader in graders)
        yield (
            f"| {_cell(target.label)} | {_cell(target.deployment)} | {means} | {target.completion_tokens:,} "
            f"| {target.mean_latency_ms:,} ms | {target.errors} |"
        )


def _contests(comparison: Comparison) -> Iterator[str]:
    """Gains on the deciding metric."""
    yield f"| candidate against | gain | at least ({comparison.confidence * 100:.4g}% confidence) | wins | losses | p | tokens |"
    yield f"|---|{'---:|' * 6}"
    for contest in comparison.contests:
        yield _contest(contest, comparison.target(contest.baseline).label)


def _contest(contest: Contest, label: str) -> str:
    seen = contest.paired
    bound = "–" if seen.lower_bound is None else f"{seen.lower_bound:+.3f}"  # noqa: RUF001  # a dash for no number
    ratio = "–" if contest.cost_ratio is None else f"× {contest.cost_ratio:.2f}"  # noqa: RUF001  # a dash, a times sign
    return f"| {_cell(label)} | {seen.gain:+.3f} | {bound} | {seen.wins} | {seen.losses} | {seen.p_value:.3g} | {ratio} |"


def _extremes(comparison: Comparison, baseline: str) -> list[str]:
    """The examples on which the two differ most, in either direction."""

    def gain(row: Row) -> float:
        return row.scores[CANDIDATE][comparison.metric] - row.scores[baseline][comparison.metric]

    label = comparison.target(baseline).label
    wins = sorted((row for row in comparison.rows if gain(row) > 0), key=gain, reverse=True)
    losses = sorted((row for row in comparison.rows if gain(row) < 0), key=gain)
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
            for row in rows[:_SHOWN]
        ]
    return lines


def _cell(text: str) -> str:
    """Text that stays within its cell."""
    return _plain(text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…")


def _plain(text: str) -> str:
    """Text that is shown as it is: no markup, no line breaks, no control characters, no links made of addresses."""
    visible = "".join(char if char.isprintable() else " " for char in text)
    return visible.translate(_MARKS).replace("://", "\\://").replace("www.", "www\\.")


def to_csv(comparison: Comparison) -> str:
    """One line per example and target; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    graders = list(comparison.targets[0].means)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["example", "target", *map(_safe, graders), "reference", "answer"])
    for row in comparison.rows:
        for target in comparison.targets:
            scores = [f"{row.scores[target.name][grader]:.6f}" for grader in graders]
            writer.writerow(
                [row.index, target.name, *scores, _safe(row.reference), _safe(row.answers[target.name])]
            )
    return out.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
