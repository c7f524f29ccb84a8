"""The comparison for people (Markdown) and for spreadsheets (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from shared.core.artifacts import COMPARISON_PICTURE, EVALUATION
from shared.core.evaluation import opening
from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.marks import percent
from shared.core.evaluation.opening import NONE
from shared.core.evaluation.pairs import listed
from shared.core.evaluation.scorecard import CANDIDATE, Comparison, Contest, Outcome, Row
from shared.core.shown import cell, csv_cell, markdown

_HEADLINES: Final = {
    Outcome.BETTER: "The candidate is better",
    Outcome.AS_GOOD: "The candidate is as good",
    Outcome.NOT_BETTER: "The candidate is not better",
    Outcome.UNPROVEN: "Nothing is proven",
}


def to_markdown(comparison: Comparison) -> str:
    """A page: what was measured, the verdict, what went worst; then all scores, and the examples that a reader should see."""
    is_graded = comparison.metric in comparison.targets[0].means
    lines = [
        f"# {_HEADLINES[comparison.outcome]}",
        *opening.tables(comparison),
        "",
        *opening.verdict(comparison),
        *(opening.severe(comparison) if is_graded and comparison.rows else ()),
        *_worst_slices(comparison),
        "",
        "## Details",
        "",
    ]
    remarks = [f"- `automatic` would ask a person: {markdown(doubt)}" for doubt in comparison.doubts]
    remarks += [f"- not measured: {markdown(reason)}" for reason in comparison.skipped]
    remarks += [f"- {markdown(note)}" for note in comparison.notes]
    if remarks:
        lines += [*remarks, ""]
    if comparison.contests:
        picture = COMPARISON_PICTURE.name.removeprefix(EVALUATION)
        lines += [*_contests(comparison), "", f"![Differences of the groups]({picture})", ""]
    lines += [
        *_scores(comparison),
        "",
        "No answer counts 0 in this table. The verdict takes it by the worst case, against the candidate on either side.",
        "",
        *_outcomes(comparison),
    ]
    if is_graded:
        for contest in comparison.contests:
            lines += listed(comparison, contest.baseline)
    return "\n".join(lines) + "\n"


def _scores(comparison: Comparison) -> Iterator[str]:
    """Mean scores: targets by graders."""
    graders = [*comparison.targets[0].means, *comparison.targets[0].shown]
    titles = " | ".join(cell(grader) for grader in graders)
    yield f"| | deployment | {titles} | completion tokens | mean latency | no answer |"
    yield f"|---|---|{'---:|' * (len(graders) + 3)}"
    for target in comparison.targets:
        values = target.means | target.shown
        means = " | ".join(f"{values[grader]:.3f}" for grader in graders)
        yield (
            f"| {cell(target.label)} | {cell(target.deployment)} | {means} | {target.completion_tokens:,} "
            f"| {target.mean_latency_ms:,} ms | {target.errors} |"
        )


def _outcomes(comparison: Comparison) -> Iterator[str]:
    """What became of the questions: targets by outcomes."""
    yield f"| what became of the questions | {' | '.join(AnswerOutcome)} |"
    yield f"|---|{'---:|' * len(AnswerOutcome)}"
    for target in comparison.targets:
        counts = " | ".join(f"{target.outcomes.get(outcome, 0):,}" for outcome in AnswerOutcome)
        yield f"| {cell(target.label)} | {counts} |"


def _contests(comparison: Comparison) -> Iterator[str]:
    """Gains on the deciding metric."""
    confidence = percent(comparison.rule.confidence)
    yield (
        f"| candidate against | gain | at least ({confidence} confidence) | where both answered | wins | losses | groups | p "
        "| no answer | lose 0.5 or more | prompt tokens | completion tokens | needed |"
    )
    yield f"|---|{'---:|' * 12}"
    for contest in comparison.contests:
        yield _contest(contest, comparison.target(contest.baseline).label)


def _contest(seen: Contest, label: str) -> str:
    most = "" if seen.severe.upper_bound is None else f" (at most {seen.severe.upper_bound * 100:.3g}%)"
    missing = f"{seen.missing['candidate']} : {seen.missing['baseline']}"
    return (
        f"| {cell(label)} | {seen.gain:+.3f} | {_bound(seen.lower_bound)} | {_bound(seen.complete_bound)} | {seen.wins} "
        f"| {seen.losses} | {seen.groups} | {seen.p:.3g} | {missing} | {seen.severe.count}{most} | {_times(seen.prompt_ratio)} "
        f"| {_times(seen.cost_ratio)} | {seen.needed or NONE} |"
    )


def _worst_slices(comparison: Comparison) -> Iterator[str]:
    """Where the candidate does worst; nothing if the examples have no slices."""
    worst = [(contest, contest.slices[0]) for contest in comparison.contests if contest.slices]
    if not worst:
        return
    most = comparison.rule.max_slice_loss
    asked = "" if most is None else f"; `max_slice_loss` is {most:g}"
    yield from ("", "## Worst slice", "")
    yield f"Of slices by label, prompt length and script; the bounds hold for all slices of 10 groups or more at once{asked}."
    yield from ("", "| candidate against | slice | groups | gain | at least | at most | slices |")
    yield f"|---|---|{'---:|' * 5}"
    for contest, part in worst:
        yield (
            f"| {cell(comparison.target(contest.baseline).label)} | {cell(part.name)} | {part.groups} | {part.gain:+.3f} "
            f"| {_bound(part.lower_bound)} | {_bound(part.upper_bound)} | {len(contest.slices)} |"
        )


def _bound(value: float | None) -> str:
    return NONE if value is None else f"{value:+.3f}"


def _times(ratio: float | None) -> str:
    return NONE if ratio is None else f"× {ratio:.2f}"  # noqa: RUF001  # a times sign


#: Columns of the table after scores, reference and answer.
_ABOUT: Final = ("outcome", "left out", "group", "slices", "must pass", "candidate score")


def to_csv(comparison: Comparison) -> str:
    """One line per example and target, each beside the deciding score of the candidate on the same example.

    Cells of text that a spreadsheet would take for a formula begin with an apostrophe.
    """
    graders = list(comparison.targets[0].means)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["example", "target", *map(csv_cell, graders), "reference", "answer", *_ABOUT])
    for row in comparison.rows:
        for target in comparison.targets:
            scores = [f"{row.scores[target.name][grader]:.6f}" for grader in graders]
            texts = (row.reference, row.answers[target.name], *_about(row, target.name, comparison.metric))
            writer.writerow([row.index, target.name, *scores, *map(csv_cell, texts)])
    return out.getvalue()


def _about(row: Row, target: str, metric: str) -> tuple[str, ...]:
    """The cells of `_ABOUT`; a mark is empty where it does not hold."""
    score = row.scores[CANDIDATE].get(metric)
    return (
        row.outcomes.get(target, ""),
        "left out" if target in row.known_to else "",
        row.group,
        "; ".join(row.slices),
        "" if row.must_pass is None else f"line {row.must_pass}",
        "" if score is None else f"{score:.6f}",
    )
