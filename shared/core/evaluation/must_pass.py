"""Examples that a candidate has to get right, whatever the mean says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.core.evaluation.exam import CANDIDATE, Exam

_BOM: Final = b"\xef\xbb\xbf"
#: A lower score is a failure.
PASSED_FROM: Final = 0.5


def failed(exam: Exam) -> str | None:
    """Which of them the candidate failed, as a sentence; None if it failed none.  What it was trained on shows nothing."""
    scores = exam.scores[CANDIDATE]
    lines = [
        line
        for place, line in exam.must_pass.items()
        if not scores[place].is_known
        and _is_failed(scores[place].value, is_gradable=scores[place].is_gradable)
    ]
    if not lines:
        return None
    return f"The candidate fails {named(lines)} of evaluation.set, which it must pass."


def _is_failed(value: float | None, *, is_gradable: bool) -> bool:
    return is_gradable and (value is None or value < PASSED_FROM)


def unproven(exam: Exam, not_asked: Sequence[int]) -> str | None:
    """Why it is not shown that the candidate passes them, as a sentence; None if it is."""
    if not_asked:
        return f"{named(not_asked).capitalize()} of evaluation.set must be passed, and was not asked."
    known, ungraded = (
        [
            line
            for place, line in exam.must_pass.items()
            if any(getattr(scores[place], name) is value for scores in exam.scores.values())
        ]
        for name, value in (("is_known", True), ("is_gradable", False))
    )
    if known:
        return f"{named(known).capitalize()} of evaluation.set must be passed, and is left out: a model was trained on it."
    if ungraded:
        return f"{named(ungraded).capitalize()} of evaluation.set must be passed, and cannot be graded."
    return None


def not_there(lines: Sequence[int], rows: bytes) -> str | None:
    """What is wrong with lines that a set does not have, in words; None if it has all.

    Args:
        lines: that have to be passed, counted from 1.
        rows: bytes of the set.
    """
    present = rows.removeprefix(_BOM).split(b"\n")  # as datasets are read: a carriage return ends no line
    lacking = [line for line in lines if line > len(present) or not present[line - 1].strip()]
    return f"has no row at line {', '.join(map(str, lacking))}" if lacking else None


def named(lines: Sequence[int]) -> str:
    """Lines in words."""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, sorted(lines)))}"
