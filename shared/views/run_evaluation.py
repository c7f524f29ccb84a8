"""The evaluation of a run as its page shows it, in the order in which people should read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from shared.core.evaluation import opening, plot
from shared.core.evaluation.asked import asked_for
from shared.core.evaluation.contest import SEVERE, Contest
from shared.core.evaluation.marks import examples_of, percent
from shared.core.evaluation.measured import Measure, Measured
from shared.core.evaluation.measures import ACCURACY
from shared.core.evaluation.scorecard import Comparison, decisive_of
from shared.core.evaluation.slices import SLICE_GROUPS_MIN
from shared.core.run import EvaluationSummary, Run
from shared.core.shown import clipped
from shared.pages import charts
from shared.pages.shapes import Table
from shared.views.fitting import fitting
from shared.views.run_items import Part
from shared.views.run_items import items as items_of
from shared.views.run_shown import Evaluation, Fact, MeasureLine
from shared.views.statuses import Tone

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
    part: Part,
) -> Evaluation | None:
    """The evaluation; None before there is one.

    Args:
        run: it is of.
        comparison: the artifact; None if it cannot be read.
        is_gone: whether it was changed or deleted.
        sees_rows: whether the reader may see items.
        data_role: the role that shows them.
        part: which items are shown.
    """
    seen = run.evaluation
    if seen is None:
        return None
    verdict, tone = verdict_of(seen)
    measured, contest = measured_of(comparison), decisive(comparison)
    items = items_of(run, comparison, contest, part) if comparison and contest and sees_rows else None
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
        measures=tuple(_measures(measured.measures if measured else seen.measures, seen)),
        base=seen.baseline or "",
        severe=_severe(measured),
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
    found = [
        (part, comparison.target(contest.baseline).label)
        for contest in (comparison.contests if comparison else ())
        if comparison
        for part in contest.slices
    ]
    found.sort(key=lambda one: (not one[0].is_large, one[0].gain, one[0].name))
    rows = [
        (
            fitting(part.name, _NAME_MAX),
            label,
            f"{part.groups:,}",
            f"{part.gain:+.3f}",
            _bound(part.lower_bound),
            _bound(part.upper_bound),
        )
        for part, label in found
    ]
    if not rows:
        return None
    return Table(
        caption=f"Gain by slice{_first(len(rows))}: those of {SLICE_GROUPS_MIN} groups or more, the worst first, then "
        f"smaller ones, the worst first; the bounds hold for all slices of {SLICE_GROUPS_MIN} groups or more at once",
        head=("slice", "against", "groups", "gain", "at least", "at most"),
        rows=tuple(rows[:_ROWS_MAX]),
    )


def _first(count: int) -> str:
    return f" ({_ROWS_MAX} of {count:,})" if count > _ROWS_MAX else ""


def _bound(value: float | None) -> str:
    return opening.NONE if value is None else f"{value:+.3f}"
