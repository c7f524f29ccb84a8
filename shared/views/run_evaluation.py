"""The evaluation of a run as its page shows it, in the order in which people should read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from shared.core.artifacts import COMPARISON_TABLE
from shared.core.evaluation import opening, plot
from shared.core.evaluation.asked import asked_for
from shared.core.evaluation.contest import SEVERE, Contest
from shared.core.evaluation.exam import CANDIDATE
from shared.core.evaluation.marks import examples_of, percent
from shared.core.evaluation.measured import Measure, Measured
from shared.core.evaluation.measures import ACCURACY
from shared.core.evaluation.scorecard import Comparison, Row, decisive_of
from shared.core.run import EvaluationSummary, Run
from shared.core.shown import clipped
from shared.core.word_diff import Piece, differing
from shared.pages import charts
from shared.pages.shapes import Table
from shared.views.fitting import fitting
from shared.views.run_shown import Evaluation, Fact, Item, Items, MeasureLine, Pages, Side
from shared.views.statuses import Tone

#: Items on one page, and of each text so many characters: what is longer stands in the table.
ITEMS_SHOWN: Final = 10
_TEXT_MAX: Final = 360
_TEXT_BYTES_MAX: Final = 480
_ROWS_MAX: Final = 20
_NAME_MAX: Final = 80
_VERDICTS: Final[MappingProxyType[str, tuple[str, Tone]]] = MappingProxyType(
    {
        "better": ("The candidate is better", "good"),
        "as_good": ("The candidate is as good", "good"),
        "not_better": ("The candidate is not better", "bad"),
        "unproven": ("Nothing is proven", "wait"),
    }
)
_OLDER: Final = (
    "An older release compared these answers: its numbers are shown here, and the whole comparison stands in "
    "evaluation/comparison.md."
)
_GONE: Final = (
    "The comparison is not there as it was stored, so only the numbers that the run keeps are shown."
)


def verdict_of(seen: EvaluationSummary) -> tuple[str, Tone]:
    """A verdict in words, and how it is marked."""
    return _VERDICTS.get(seen.outcome, (seen.outcome.replace("_", " "), "wait"))


def decisive(comparison: Comparison | None) -> Contest | None:
    """The contest that the reason speaks of."""
    return decisive_of(comparison.contests, comparison.decided_by) if comparison else None


def measured_of(comparison: Comparison | None) -> Measured | None:
    """What was measured against the baseline that the reason speaks of."""
    if comparison is None or not comparison.measured:
        return None
    found = decisive(comparison)
    parts = [part for part in comparison.measured if found and part.baseline == found.baseline]
    return (parts or list(comparison.measured))[0]


def evaluation(
    run: Run,
    comparison: Comparison | None,
    *,
    is_gone: bool,
    sees_rows: bool,
    data_role: str,
    first: int,
) -> Evaluation | None:
    """The evaluation; None before there is one.

    Args:
        run: it is of.
        comparison: the artifact; None if it cannot be read.
        is_gone: whether it was changed or deleted.
        sees_rows: whether the reader may see items.
        data_role: the role that shows them.
        first: the first item that is shown, from 0.
    """
    seen = run.evaluation
    if seen is None:
        return None
    verdict, tone = verdict_of(seen)
    part, contest = measured_of(comparison), decisive(comparison)
    items = _items(run, comparison, contest, first) if comparison and contest and sees_rows else None
    return Evaluation(
        verdict=verdict,
        tone=tone,
        reason=seen.reason,
        facts=tuple(_facts(seen, comparison)),
        doubts=(
            *(f"Without a person this would not go to clients: {doubt}." for doubt in seen.doubts),
            *(f"Not measured: {reason}" for reason in (comparison.skipped if comparison else ())),
            *(comparison.notes if comparison else ()),
        ),
        measures=tuple(_measures(part.measures if part else seen.measures, seen)),
        base=seen.baseline or "",
        severe=_severe(part),
        severe_said=_severe_said(contest),
        slices=_slices(comparison),
        plots=tuple(
            charts.differences(f"plot-{number}", drawn)
            for number, drawn in enumerate(plot.differences_of(comparison), start=1)
        )
        if comparison
        else (),
        items=items,
        hidden="" if sees_rows or comparison is None else data_role,
        again=run.judging.sentence if run.judging else "",
        older=(_GONE if is_gone else _OLDER) if comparison is None else "",
    )


def _facts(seen: EvaluationSummary, comparison: Comparison | None) -> Iterator[Fact]:
    groups = seen.groups if seen.groups is not None else seen.examples
    yield Fact(what="compared", said=examples_of(seen.examples, groups), more=f"{seen.metric} decides")
    for part in comparison.measured if comparison else ():
        if part.baseline and comparison:
            label = comparison.target(part.baseline).label
            missing = opening.missing_of(part, label).removeprefix("without an answer: ")
            said = "none: every question was answered" if missing == opening.NOTHING_MISSING else missing
            yield Fact(what=f"unanswered, against {label}", said=said)
    if seen.look:
        yield Fact(
            what="look",
            said=f"comparison {seen.look.set} with this evaluation set, and {seen.look.pipeline} of this pipeline since its last "
            "promotion",
            more="each further one is another chance to look better by luck alone",
        )
    decided = measured_of(comparison)
    if comparison and decided and decided.baseline:
        yield Fact(what="power", said=opening.smallest_of(decided, comparison.rule))
        yield Fact(
            what="required gain",
            said=asked_for(comparison.rule),
            more="the bound “at least” is held against it",
        )
    for contest in comparison.contests if comparison else ():
        assert comparison
        yield Fact(
            what=f"gain over {comparison.target(contest.baseline).label}", said=_gain(contest, comparison)
        )


def _gain(contest: Contest, comparison: Comparison) -> str:
    bound = contest.lower_bound
    least = "no bound" if bound is None else f"at least {bound:+.3f}"
    return (
        f"{contest.gain:+.3f}, {least} ({percent(comparison.rule.confidence)} confidence); {contest.wins} groups won, "
        f"{contest.losses} lost, {contest.groups - contest.wins - contest.losses} equal; p {contest.p:.3g}"
    )


def _measures(measures: Sequence[Measure], seen: EvaluationSummary) -> Iterator[MeasureLine]:
    """The seed's table; of what an older release stored, the scores."""
    if not measures and seen.candidate_score is not None:
        base = "" if seen.baseline_score is None else f"{seen.baseline_score:.3f}"
        gain = "" if seen.gain is None else f"{seen.gain:+.3f}"
        yield MeasureLine(
            name=f"score ({seen.metric})",
            baseline=base,
            candidate=f"{seen.candidate_score:.3f}",
            difference=gain,
        )
    for measure in measures:
        name, digits = opening.LINES.get(measure.name, (measure.name, 3))
        yield MeasureLine(
            name=f"{name} ({seen.metric}, decides)" if measure.name == ACCURACY else name,
            baseline=opening.shown_number(measure.baseline, digits),
            candidate=opening.shown_number(measure.candidate, digits),
            difference=opening.difference_of(measure, digits),
        )


def _severe_said(contest: Contest | None) -> str:
    if contest is None:
        return ""
    bound = contest.severe.upper_bound
    most = "" if bound is None else f"; among all groups like these it may be up to {bound * 100:.3g}%"
    return f"{contest.severe.count:,} of {contest.groups:,} groups lose {SEVERE:g} or more{most}."


def _severe(part: Measured | None) -> Table | None:
    """Severe regressions one by one, without a word of what was asked."""
    if part is None or not part.severe:
        return None
    return Table(
        caption=f"Groups that lose {SEVERE:g} or more{_first(len(part.severe))}, the worst first",
        head=("group", "its gain", "items"),
        rows=tuple(
            (
                clipped(group.group, _NAME_MAX),
                f"{group.gain:+.3f}",
                clipped(", ".join(map(str, group.examples)), _NAME_MAX),
            )
            for group in part.severe[:_ROWS_MAX]
        ),
    )


def _slices(comparison: Comparison | None) -> Table | None:
    rows = [
        (
            fitting(part.name, _NAME_MAX),
            comparison.target(contest.baseline).label,
            f"{part.groups:,}",
            f"{part.gain:+.3f}",
            _bound(part.lower_bound),
            _bound(part.upper_bound),
        )
        for contest in (comparison.contests if comparison else ())
        if comparison
        for part in contest.slices
    ]
    if not rows:
        return None
    return Table(
        caption=f"Gain by slice{_first(len(rows))}, the worst first; the bounds hold for all slices of 10 groups or more at once",
        head=("slice", "against", "groups", "gain", "at least", "at most"),
        rows=tuple(rows[:_ROWS_MAX]),
    )


def _first(count: int) -> str:
    return f" ({_ROWS_MAX} of {count:,})" if count > _ROWS_MAX else ""


def _bound(value: float | None) -> str:
    return opening.NONE if value is None else f"{value:+.3f}"


def _items(run: Run, comparison: Comparison, contest: Contest, first: int) -> Items:
    """The items of a contest, the worst lost first."""
    baseline, metric = contest.baseline, comparison.metric
    rows = [row for row in comparison.rows if not {CANDIDATE, baseline} & set(row.known_to)]
    ranked = sorted(
        ((_difference(row, baseline, metric), row) for row in rows), key=lambda pair: (pair[0], pair[1].index)
    )
    lost, won = sum(1 for value, _ in ranked if value < 0), sum(1 for value, _ in ranked if value > 0)
    first = first if 0 <= first < len(ranked) else 0
    shown = ranked[first : first + ITEMS_SHOWN]
    return Items(
        against=comparison.target(baseline).label,
        said=f"{lost:,} lost, {won:,} won, {len(rows) - lost - won:,} equal, the worst lost first.",
        lines=tuple(_item(row, baseline, metric) for _, row in shown),
        pages=pages_of("items", first, ITEMS_SHOWN, len(ranked)),
        csv=f"/api/runs/{run.id}/artifacts/{COMPARISON_TABLE.name}",
    )


def pages_of(name: str, first: int, size: int, total: int) -> Pages:
    """Where the parts of a list begin: `name` is the parameter of the address."""
    if total <= size:
        return Pages()
    return Pages(
        said=f"{first + 1:,} to {min(first + size, total):,} of {total:,}",
        before=f"?{name}={max(first - size, 0)}#{name}" if first else "",
        after=f"?{name}={first + size}#{name}" if first + size < total else "",
    )


def _difference(row: Row, baseline: str, metric: str) -> float:
    ours, theirs = (row.scores.get(side, {}).get(metric, 0.0) for side in (CANDIDATE, baseline))
    return ours - theirs


def _item(row: Row, baseline: str, metric: str) -> Item:
    value = _difference(row, baseline, metric)
    theirs, ours = (
        fitting(row.answers.get(side, ""), _TEXT_MAX, _TEXT_BYTES_MAX) for side in (baseline, CANDIDATE)
    )
    left, right = differing(theirs, ours)
    about = [f"group {row.group}"] if row.group else []
    about += [*row.slices, *([f"has to be passed (line {row.must_pass})"] if row.must_pass else [])]
    return Item(
        number=row.index,
        difference=f"{value:+.3f}",
        tone="bad" if value < 0 else "good" if value > 0 else "quiet",
        about=fitting(" · ".join(about), 3 * _NAME_MAX),
        prompt=fitting(row.prompt, _TEXT_MAX, _TEXT_BYTES_MAX),
        reference=fitting(row.reference, _TEXT_MAX, _TEXT_BYTES_MAX),
        baseline=_side(row, baseline, metric, left),
        candidate=_side(row, CANDIDATE, metric, right),
    )


def _side(row: Row, side: str, metric: str, pieces: tuple[Piece, ...]) -> Side:
    score = row.scores.get(side, {}).get(metric)
    missing = row.unscored.get(side, "")
    return Side(
        pieces=pieces,
        score="" if score is None or missing else f"{score:.3f}",
        note=f"no score: {missing}" if missing else "",
    )
