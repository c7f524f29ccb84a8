"""The evidence of a run: whether its verdict follows from its scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from cli import verdicts
from cli.console import CannotStart, show_error, show_note
from shared.core.artifacts import EVALUATION, EVALUATION_SUMMARY, RULE, SCORES
from shared.core.evaluation.evidence import (
    Basis,
    check_keys,
    decode_basis,
    exam_of,
    judge_by,
)
from shared.core.evaluation.exam import Exam
from shared.core.evaluation.summary import summary_of
from shared.core.evaluation.verdict import Verdict
from shared.version import VERSION

_SCORES: Final = SCORES.name.removeprefix(EVALUATION)
_RULE: Final = RULE.name.removeprefix(EVALUATION)
_SUMMARY: Final = EVALUATION_SUMMARY.name.removeprefix(EVALUATION)
_NOTHING: Final = "nothing"
#: What is compared by itself, and what does not follow from scores and rule: the digest of the comparison with its texts, the
#: run of the champion, the number of the evaluation.
_APART: Final = frozenset({"evidence", "digest", "champion", "round"})


def check_evidence(folder: Path, form: str) -> int:
    """Judge anew by the scores and the rule of a run, show the verdict, and compare it with that of the run.

    Returns:
        The exit code.

    Raises:
        CannotStart: a file is not evidence.
        OSError: a file cannot be read.
    """
    found = _folder_of(folder)
    basis = _basis(found / _RULE)
    exam = _exam(found / _SCORES, basis)
    verdict = judge_by(exam, basis)
    verdicts.show(verdict, basis.labels, basis.rule, form, look=basis.look)
    summary = found / _SUMMARY
    if not summary.exists():
        show_note(f"{summary} is not there, so the verdict was compared with nothing")
        return verdicts.exit_code(verdict)
    differences = list(_disagreements(_object(summary), exam, basis, verdict))
    for difference in differences:
        show_error(f"{summary}: {difference}")
    if differences and basis.app_version != VERSION:
        show_note(
            f"the verdict is of version {basis.app_version or 'unknown'}, this is {VERSION}: try that version too"
        )
    return 1 if differences else verdicts.exit_code(verdict)


def _folder_of(folder: Path) -> Path:
    """Where the evidence lies: in the folder, or in its subfolder."""
    folder.stat()
    for place in (folder, folder / EVALUATION):
        if (place / _SCORES).exists() or (place / _RULE).exists():
            return place
    msg = (
        f"{folder} has no {_SCORES} and {_RULE}, nor has its subfolder {EVALUATION}; download them from the artifacts of a run. "
        "Releases before 0.3.0 stored none"
    )
    raise CannotStart(msg)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except (ValueError, RecursionError) as error:
        msg = f"{file}: {error}"
        raise CannotStart(msg) from None


def _basis(file: Path) -> Basis:
    with _named(file):
        return decode_basis(file.read_bytes())


def _exam(file: Path, basis: Basis) -> Exam:
    with _named(file), file.open("rb") as lines:
        return exam_of(lines, basis.labels)


def _object(file: Path) -> dict[str, Any]:
    with _named(file):
        raw = file.read_bytes()
        found = msgspec.json.decode(raw, type=dict[str, Any])
        check_keys(raw)
        return found


def _disagreements(summary: dict[str, Any], exam: Exam, basis: Basis, verdict: Verdict) -> Iterator[str]:
    """What a summary says otherwise, a sentence each; of all that follows from scores and rule."""
    data = msgspec.json.decode(msgspec.json.encode(summary_of(exam, basis, verdict, digest="")), type=dict)
    digest, stored_digest = data["evidence"], summary.get("evidence", _NOTHING)
    if stored_digest == _NOTHING:
        yield f"it has no key `evidence`, so nothing shows that it was made from the scores in {_SCORES}"
    elif stored_digest != digest:
        yield f"it was made from other scores than those in {_SCORES}: {_shown(stored_digest)}, not {digest}"
    for key in (key for key in data if key not in _APART):
        for where, stored, found in _differences(key, summary.get(key, _NOTHING), data[key]):
            yield f"{where} is {_shown(stored)} there, and {_shown(found)} by {_SCORES} and {_RULE}"


def _differences(where: str, stored: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    """Place and both values of each difference; where all of it differs in form, of the whole."""
    if isinstance(stored, dict) and isinstance(found, dict):
        for key in sorted(stored.keys() | found.keys()):
            yield from _differences(f"{where}.{key}", stored.get(key, _NOTHING), found.get(key, _NOTHING))
    elif isinstance(stored, list) and isinstance(found, list) and len(stored) == len(found):
        for number, (one, other) in enumerate(zip(stored, found, strict=True)):
            yield from _differences(f"{where}[{number}]", one, other)
    elif stored != found:
        yield where, stored, found


def _shown(value: Any) -> str:
    return value if value == _NOTHING else msgspec.json.encode(value).decode()
