"""Files of scores, a line for each example: read strictly, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli import verdicts
from cli.console import CannotStart
from cli.lines import Unusable, index_of, labels_of, lines_of, object_on, shown
from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.evidence import GRADED
from shared.core.evaluation.exam import Exam, Score
from shared.core.evaluation.looks import Look
from shared.core.evaluation.verdict import judge
from shared.core.spec import PromoteRule

#: A longer line is none of scores.
_LINE_MAX: Final = 1_000_000
_EXAMPLE: Final = '{"index": 0, "score": 0.8}'
_NO_ANSWER: Final = tuple(outcome for outcome in AnswerOutcome if outcome is not AnswerOutcome.ANSWERED)
#: What a file does not name has no answer there.
_ABSENT: Final = Score(value=None, outcome=AnswerOutcome.FAILED)


def compare_files(candidate: Path, baselines: Sequence[Path], rule: PromoteRule, form: str) -> int:
    """Judge a candidate by files of scores, and show the verdict.

    Returns:
        The exit code.

    Raises:
        CannotStart: a line cannot be used; with file and line.
        OSError: a file cannot be read.
    """
    exam = read_exam(candidate, baselines)
    # One look at one set: what is compared here counts in no pipeline.
    verdict = judge(exam, rule, Look(set=1, pipeline=1), metric="score", knows_tokens=False)
    verdicts.show(verdict, exam.labels, rule, form)
    return verdicts.exit_code(verdict)


def read_exam(candidate: Path, baselines: Sequence[Path]) -> Exam:
    """The exam that files of scores describe: every index that one of them names, in ascending order.

    Raises:
        CannotStart: a line cannot be used, or a file has none.
        OSError: a file cannot be read.
    """
    files = [candidate, *baselines]
    groups: dict[int, _Group] = {}
    read = [_read(file, groups) for file in files]
    order = sorted(set().union(*read))
    labels = labels_of(files)
    return Exam(
        groups=[_key(index, groups.get(index)) for index in order],
        labels=labels,
        scores={
            side: [scores.get(index, _ABSENT) for index in order]
            for side, scores in zip(labels, read, strict=True)
        },
    )


class _Place(NamedTuple):
    """Where something was read."""

    file: Path
    line: int


class _Group(NamedTuple):
    """The group of an index, and where it was read."""

    name: str
    place: _Place


def _key(index: int, group: _Group | None) -> str:
    """A name of a group that no other has: an item whose group nobody names stands alone."""
    return f"item {index}" if group is None else f"group {group.name}"


def _read(file: Path, groups: dict[int, _Group]) -> dict[int, Score]:
    """The scores of a file by index; groups that it names are added to `groups`."""
    scores: dict[int, Score] = {}
    for number, raw in lines_of(file, "scores", _LINE_MAX):
        try:
            _add(object_on(raw, _EXAMPLE), _Place(file, number), scores, groups)
        except Unusable as error:
            msg = f"{file}:{number}: {error}"
            raise CannotStart(msg) from None
    if not scores:
        msg = f"{file}:1: there are no scores"
        raise CannotStart(msg)
    return scores


def _add(row: dict[str, Any], place: _Place, scores: dict[int, Score], groups: dict[int, _Group]) -> None:
    """Keep what a line says, unless it contradicts what was said before."""
    index, name = index_of(row), _group(row)
    if index in scores:
        msg = f"index {index} was there before"
        raise Unusable(msg)
    scores[index] = _score(row)
    if name is None:
        return
    known = groups.setdefault(index, _Group(name, place))
    if known.name != name:
        msg = (
            f"index {index} is of group {shown(name)} here, of group {shown(known.name)} in "
            f"{known.place.file}:{known.place.line}"
        )
        raise Unusable(msg)


def _score(row: dict[str, Any]) -> Score:
    """Score and outcome of a line, if they fit each other."""
    if "score" not in row:
        msg = "score is missing: a number from 0 to 1, or null with an outcome"
        raise Unusable(msg)
    value, named = row["score"], row.get("outcome")
    if named is not None and named not in list(AnswerOutcome):
        msg = f"outcome {shown(named)} is not one of {', '.join(_NO_ANSWER)}"
        raise Unusable(msg)
    outcome = AnswerOutcome(named or AnswerOutcome.ANSWERED)
    if value is None:
        if outcome is AnswerOutcome.ANSWERED:
            msg = f"score is null; say why in outcome: {', '.join(_NO_ANSWER)}"
            raise Unusable(msg)
        return Score(value=None, outcome=outcome)
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"score {shown(value)} is not a number"
        raise Unusable(msg)
    if not 0 <= value <= 1:
        msg = f"score {shown(value)} is not between 0 and 1"
        raise Unusable(msg)
    if outcome not in GRADED:
        msg = f"score {shown(value)} of an answer that was {outcome}: write null, or leave out the outcome"
        raise Unusable(msg)
    return Score(value=float(value), outcome=outcome)


def _group(row: dict[str, Any]) -> str | None:
    name = row.get("group")
    if name is not None and not (isinstance(name, str) and name):
        msg = f"group {shown(name)} is not a text"
        raise Unusable(msg)
    return name
