"""How a verdict is shown: for people at a terminal, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from cli.console import output, write_json
from shared.core.evaluation.contest import Contest
from shared.core.evaluation.looks import Look
from shared.core.evaluation.self_test import SelfTest
from shared.core.evaluation.verdict import PROMOTED, Outcome, Verdict
from shared.core.shown import visible
from shared.core.spec import PromoteRule

_COLOURS: Final = {
    Outcome.BETTER: "green",
    Outcome.AS_GOOD: "green",
    Outcome.NOT_BETTER: "red",
    Outcome.UNPROVEN: "yellow",
}


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """How answers were graded.

    Attributes:
        grader: name of the one that decides.
        reason: why this one, where no pipeline file names any; else empty.
        self_test: what it showed of itself.
    """

    grader: str
    reason: str
    self_test: SelfTest | None


def exit_code(verdict: Verdict) -> int:
    """0 for `better` and `as_good`, else 1."""
    return 0 if verdict.outcome in PROMOTED else 1


def data_of(verdict: Verdict) -> dict[str, Any]:
    """What is decided, and why, by the names that the app stores."""
    return {
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "contests": verdict.contests,
    }


def show(
    verdict: Verdict,
    labels: Mapping[str, str],
    rule: PromoteRule,
    form: str,
    *,
    look: Look | None = None,
    graded: Graded | None = None,
) -> None:
    """Print a verdict as `text` or `json`.

    Args:
        verdict: what is decided.
        labels: side -> its name for people.
        rule: that it was decided by.
        form: `text` or `json`.
        look: which look it was, if it counts; then doubts count too.
        graded: how answers were graded, if they were.
    """
    if form == "json":
        data = data_of(verdict) | ({} if look is None else {"doubts": verdict.doubts, "look": look})
        data |= {} if graded is None else {"graded": graded}
        write_json(data)
        return
    console = output()
    console.say((str(verdict.outcome), _COLOURS[verdict.outcome]), f": {verdict.reason}")
    if verdict.contests:
        console.print()
        for row in _table(verdict, labels, rule):
            console.say(row)
    for sentence in (*_worst_slices(verdict, labels), *(_graded(graded) if graded else ())):
        console.print()
        console.say(sentence)
    if look is not None:
        console.print()
        console.say(f"look {look.set} of this evaluation set, {look.pipeline} since the last promotion")
        for doubt in verdict.doubts:
            console.say(f"automatic would ask a person: {doubt}")


def _table(verdict: Verdict, labels: Mapping[str, str], rule: PromoteRule) -> list[str]:
    """A row for each number, a column for each baseline."""
    columns = [
        _names(rule),
        *([visible(labels[contest.baseline]), *_numbers(contest)] for contest in verdict.contests),
    ]
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in zip(*columns, strict=True)
    ]


def _names(rule: PromoteRule) -> list[str]:
    """Of the rows, in the order of `_numbers`."""
    return [
        "against",
        "examples",
        "groups",
        "wins",
        "losses",
        "gain",
        f"gain, at least ({rule.confidence * 100:.4g}%)",
        "the same, of what both answered",
        "the same, safe for any law",
        "p",
        "missing of the candidate",
        "missing of the baseline",
        "groups that lose 0.5 or more",
        "their share, at most",
        "groups needed, about",
    ]


def _numbers(contest: Contest) -> list[str]:
    severe, needed = contest.severe, contest.needed
    return [
        f"{contest.n:,}",
        f"{contest.groups:,}",
        f"{contest.wins:,}",
        f"{contest.losses:,}",
        _gain(contest.gain),
        _gain(contest.lower_bound),
        _gain(contest.complete_bound),
        _gain(contest.safe_bound),
        f"{contest.p:.3g}",
        f"{contest.missing['candidate']:,}",
        f"{contest.missing['baseline']:,}",
        f"{severe.count:,}",
        "-" if severe.upper_bound is None else f"{severe.upper_bound * 100:.2g}%",
        "-" if needed is None else f"{needed:,}",
    ]


def _graded(graded: Graded) -> Iterator[str]:
    """Which grader, why, and what it showed of itself."""
    if graded.self_test is None:
        return  # the reason of the verdict says why nothing decides
    outcome = "passed" if graded.self_test.passed else "has not passed"
    reason = f"{graded.reason} " if graded.reason else ""
    yield f"{reason}{graded.grader} decides; it {outcome} its self-test: {graded.self_test.reason}."


def _worst_slices(verdict: Verdict, labels: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each baseline, where the examples have slices."""
    for contest in verdict.contests:
        for worst in contest.slices[:1]:
            bounds = f"at least {_gain(worst.lower_bound)}, at most {_gain(worst.upper_bound)}"
            yield (
                f"worst slice against {labels[contest.baseline]}: {worst.name} ({worst.groups:,} groups), "
                f"gain {_gain(worst.gain)}, {bounds}"
            )


def _gain(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"
