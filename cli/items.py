"""Answers of several models to the rows of a dataset: graded as the app grades, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from cli import verdicts
from cli.answers import Lines, read_answers
from cli.console import CannotStart, show_note
from cli.files import chunks_of
from cli.lines import labels_of
from shared.core.dataset.options import Options, Role
from shared.core.dataset.rulebook import Severity
from shared.core.dataset.validate import ValidatedDataset, prepared_rows, validate
from shared.core.evaluation.answers import Answer
from shared.core.evaluation.comparison import exam_from
from shared.core.evaluation.evidence import Basis, judge_by
from shared.core.evaluation.graders import Grader
from shared.core.evaluation.grading import Grading, grading_of
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.evaluation.looks import Look
from shared.core.evaluation.self_test import SelfTest, self_test
from shared.core.spec import Method, MethodType, PipelineSpec, PromoteRule
from shared.version import VERSION

#: So many rows are compared at most: all of them.
_ALL: Final = 2**31
#: A key that only rows of preferences have.
_PREFERENCE: Final = b'"preferred_output"'
_HEAD_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The rows of a file.

    Attributes:
        items: as questions with a reference; `index` is the line, from 0.
        groups: the group of each.
        lines: where they stand.
    """

    items: list[EvaluationItem]
    groups: list[int]
    lines: Lines


def compare_answers(
    rows: Path,
    files: Sequence[Path],
    spec: PipelineSpec | None,
    rule: PromoteRule,
    form: str,
) -> int:
    """Grade the answers of a candidate and its baselines, judge, and show the verdict and the grader.

    Args:
        rows: of the dataset, as it would be dropped.
        files: of answers; the candidate's first.
        spec: of the pipeline file, if there is one.
        rule: that decides.
        form: `text` or `json`.

    Returns:
        The exit code.

    Raises:
        CannotStart: a file cannot be used.
        OSError: a file cannot be read.
    """
    if rows.exists() and not rows.is_file():
        msg = f"{rows} can be read only once, and --items is read twice; store it in a file first"
        raise CannotStart(msg)
    found_spec = spec or PipelineSpec(
        name="compare", model="", method=Method(type=_method_of(rows), hyperparameters={})
    )
    options = Options.of(found_spec) if spec else Options(method=found_spec.method.type)
    read = _read(rows, options, is_guessed=spec is None)
    labels = labels_of(files)
    answers = {
        side: _in_order(read_answers(file, read.lines), read.items, file)
        for side, file in zip(labels, files, strict=True)
    }
    grading = grading_of(found_spec, read.items)
    _, decides = grading.compiled()
    exam = exam_from(read.items, read.groups, answers, decides, labels)
    basis = _basis(grading, decides, labels, rule, _tested(decides, read.items, answers))
    counted = any(score.prompt_tokens is not None for scores in exam.scores.values() for score in scores)
    verdict = judge_by(exam, basis, knows_tokens=counted)
    shown = verdicts.Graded(grader=basis.metric, reason=grading.reason, self_test=basis.self_test)
    if spec and spec.evaluation.must_pass:
        show_note("evaluation.must_pass is about lines of evaluation.set; it is not compared here")
    verdicts.show(verdict, labels, rule, form, graded=shown)
    return verdicts.exit_code(verdict)


def _method_of(rows: Path) -> MethodType:
    """What rows are for, without a pipeline file: those of preferences have a key of their own."""
    with rows.open("rb") as file:
        return MethodType.DPO if _PREFERENCE in file.readline(_HEAD_BYTES) else MethodType.SUPERVISED


def _read(path: Path, options: Options, *, is_guessed: bool) -> _Rows:
    """The rows of a file, checked and grouped as the app does with those that it holds out."""
    every = msgspec.structs.replace(options.dataset.evaluation, max_examples=_ALL)
    dataset = msgspec.structs.replace(options.dataset, evaluation=every)
    # The rows are the exam themselves, whatever set the pipeline has.
    options = replace(options, dataset=dataset, has_frozen_set=False, must_pass=())
    empty: list[bytes] = []
    sources = {Role.TRAINING: ("", empty), Role.EVALUATION: (path.name, chunks_of(path))}
    found = validate(sources, options)
    _refuse_errors(found, path, is_guessed=is_guessed)
    file = found.files[Role.EVALUATION]
    groups = {row.line: row.group for row in found.held_out}
    items = [
        item_from_row(row.parsed(), str(options.method), row.line - 1)
        for row in prepared_rows(chunks_of(path), file, options)
        if row.line in groups
    ]
    if len(items) < file.rows:
        show_note(
            f"{path}: {file.rows - len(items):,} of {file.rows:,} rows are put aside, as in the app, and not compared"
        )
    return _Rows(
        items=items,
        groups=[groups[item.index + 1] for item in items],
        lines=Lines(path, file.lines[-1], frozenset(line - 1 for line in file.lines)),
    )


def _refuse_errors(found: ValidatedDataset, path: Path, *, is_guessed: bool) -> None:
    """What the app would not hold out cannot be compared.

    Raises:
        CannotStart: there is an error, or no row.
    """
    file = found.files[Role.EVALUATION]
    errors = [
        finding
        for finding in found.report.findings
        if finding.severity is Severity.ERROR and finding.file == path.name
    ]
    if errors:
        first = msgspec.structs.replace(errors[0], file=str(path))
        hint = "" if not is_guessed else " Without --pipeline rows are read as those of supervised or dpo."
        msg = f"{first.render()}{hint}"
        raise CannotStart(msg)
    if not file.rows:
        msg = f"{path}:1: there are no rows"
        raise CannotStart(msg)


def _in_order(answers: dict[int, Answer], items: Sequence[EvaluationItem], file: Path) -> list[Answer]:
    """An answer for each row; what a file does not name was not answered."""
    return [
        answers.get(item.index)
        or Answer(index=item.index, text=None, error=f"{file.name} has no line for it")
        for item in items
    ]


def _tested(
    decides: Grader | None, items: Sequence[EvaluationItem], answers: dict[str, list[Answer]]
) -> SelfTest | None:
    """What the deciding grader shows of itself; where rows have no references, by the answers."""
    return self_test(decides, items, answers=list(answers.values())) if decides else None


def _basis(
    grading: Grading,
    decides: Grader | None,
    labels: dict[str, str],
    rule: PromoteRule,
    tested: SelfTest | None,
) -> Basis:
    return Basis(
        metric=grading.metric or "nothing",
        is_similarity=decides is not None and decides.is_similarity,
        labels=labels,
        skipped=(),
        rule=rule,
        look=Look(set=1, pipeline=1),  # what is compared here counts in no pipeline
        app_version=VERSION,
        self_test=tested,
        undecided="" if decides else grading.reason,
    )
