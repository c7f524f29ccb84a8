"""Files of scores, a line for each example: read strictly, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from cli import verdicts
from cli.console import CannotStart
from shared.core.evaluation.answers import AnswerOutcome
from shared.core.evaluation.evidence import GRADED
from shared.core.evaluation.exam import CANDIDATE, Exam, Score
from shared.core.evaluation.looks import Look
from shared.core.evaluation.verdict import judge
from shared.core.json_keys import repeated_key
from shared.core.spec import PromoteRule

#: A longer line is none of scores.
_LINE_MAX: Final = 1_000_000
_SHOWN_MAX: Final = 40
_BOM: Final = b"\xef\xbb\xbf"
_NO_ANSWER: Final = tuple(outcome for outcome in AnswerOutcome if outcome is not AnswerOutcome.ANSWERED)
#: What a file does not name has no answer there.
_ABSENT: Final = Score(value=None, outcome=AnswerOutcome.FAILED)

_decode: Final = msgspec.json.Decoder().decode


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
    sides = [CANDIDATE, *(f"baseline-{number}" for number in range(1, len(files)))]
    return Exam(
        groups=[_key(index, groups.get(index)) for index in order],
        labels=dict(zip(sides, _labels(files), strict=True)),
        scores={
            side: [scores.get(index, _ABSENT) for index in order]
            for side, scores in zip(sides, read, strict=True)
        },
    )


class _Unusable(Exception):
    """A line that cannot be used; the message says why."""


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


def _labels(files: Sequence[Path]) -> list[str]:
    """A name for each file, as short as they differ; without bytes that are no text."""
    numbered = [f"{file} ({number})" for number, file in enumerate(files, start=1)]
    forms = ([file.name for file in files], [str(file) for file in files], numbered)
    shortest = next(form for form in forms if len(set(form)) == len(files))
    return [text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for text in shortest]


def _read(file: Path, groups: dict[int, _Group]) -> dict[int, Score]:
    """The scores of a file by index; groups that it names are added to `groups`."""
    scores: dict[int, Score] = {}
    for number, raw in _lines(file):
        try:
            _add(_row(raw), _Place(file, number), scores, groups)
        except _Unusable as error:
            msg = f"{file}:{number}: {error}"
            raise CannotStart(msg) from None
    if not scores:
        msg = f"{file}:1: there are no scores"
        raise CannotStart(msg)
    return scores


def _add(row: dict[str, Any], place: _Place, scores: dict[int, Score], groups: dict[int, _Group]) -> None:
    """Keep what a line says, unless it contradicts what was said before."""
    index, name = _index(row), _group(row)
    if index in scores:
        msg = f"index {index} was there before"
        raise _Unusable(msg)
    scores[index] = _score(row)
    if name is None:
        return
    known = groups.setdefault(index, _Group(name, place))
    if known.name != name:
        msg = (
            f"index {index} is of group {_shown(name)} here, of group {_shown(known.name)} in "
            f"{known.place.file}:{known.place.line}"
        )
        raise _Unusable(msg)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line that is not blank."""
    with file.open("rb") as lines:
        number = 0
        while raw := lines.readline(_LINE_MAX + 1):
            number += 1
            if len(raw) > _LINE_MAX:
                msg = (
                    f"{file}:{number}: the line is longer than {_LINE_MAX:,} bytes; is this a file of scores?"
                )
                raise CannotStart(msg)
            if number == 1:
                raw = raw.removeprefix(_BOM)
            if raw.strip():
                yield number, raw


def _row(raw: bytes) -> dict[str, Any]:
    try:
        row = _decode(raw)
    except UnicodeError:
        msg = "is not UTF-8"
        raise _Unusable(msg) from None
    except (ValueError, RecursionError) as error:
        hint = "; NaN and Infinity are not JSON" if b"NaN" in raw or b"Infinity" in raw else ""
        msg = f"is not JSON ({error}){hint}"
        raise _Unusable(msg) from None
    if not isinstance(row, dict):
        msg = f'expected an object such as {{"index": 0, "score": 0.8}}, found {_shown(row)}'
        raise _Unusable(msg)
    if (key := repeated_key(raw)) is not None:
        msg = f"key {_shown(key)} appears twice in one object; keep one"
        raise _Unusable(msg)
    return row


def _index(row: dict[str, Any]) -> int:
    if "index" not in row:
        msg = "index is missing: the number of the example, the same in every file"
        raise _Unusable(msg)
    index = row["index"]
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        msg = f"index {_shown(index)} is not a whole number from 0"
        raise _Unusable(msg)
    return index


def _score(row: dict[str, Any]) -> Score:
    """Score and outcome of a line, if they fit each other."""
    if "score" not in row:
        msg = "score is missing: a number from 0 to 1, or null with an outcome"
        raise _Unusable(msg)
    value, named = row["score"], row.get("outcome")
    if named is not None and named not in list(AnswerOutcome):
        msg = f"outcome {_shown(named)} is not one of {', '.join(_NO_ANSWER)}"
        raise _Unusable(msg)
    outcome = AnswerOutcome(named or AnswerOutcome.ANSWERED)
    if value is None:
        if outcome is AnswerOutcome.ANSWERED:
            msg = f"score is null; say why in outcome: {', '.join(_NO_ANSWER)}"
            raise _Unusable(msg)
        return Score(value=None, outcome=outcome)
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"score {_shown(value)} is not a number"
        raise _Unusable(msg)
    if not 0 <= value <= 1:
        msg = f"score {_shown(value)} is not between 0 and 1"
        raise _Unusable(msg)
    if outcome not in GRADED:
        msg = f"score {_shown(value)} of an answer that was {outcome}: write null, or leave out the outcome"
        raise _Unusable(msg)
    return Score(value=float(value), outcome=outcome)


def _group(row: dict[str, Any]) -> str | None:
    name = row.get("group")
    if name is not None and not (isinstance(name, str) and name):
        msg = f"group {_shown(name)} is not a text"
        raise _Unusable(msg)
    return name


def _shown(value: Any) -> str:
    """A value as it stands in JSON, clipped."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."
