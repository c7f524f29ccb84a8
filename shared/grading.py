"""Graders are held against the held-out rows while the dataset is validated, before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from shared.core import artifacts
from shared.core.dataset.findings import Finding
from shared.core.dataset.rulebook import Severity
from shared.core.evaluation.grading import Grading, Unresolved, grading_of, unresolved
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.pipeline.file import file_of, line_of
from shared.core.spec import PipelineSpec
from shared.run_folder import RunFolder

#: So many rows show what the task is; more are not kept in memory.
_LOOKED_AT_MAX: Final = 1000
#: Code of findings about graders that rows have nothing for.
GRADER_FINDS_NOTHING: Final = "PF001"


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """How a run will be graded, and what is wrong with that."""

    grading: Grading
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def examine(folder: RunFolder, spec: PipelineSpec, source: str, *, held_out: bool) -> Examined:
    """Choose, resolve and test the graders of a run whose rows are prepared.

    Args:
        folder: of the run.
        spec: of its pipeline.
        source: the pipeline file as it was.
        held_out: whether any rows are held out.
    """
    items = list(islice(_items(folder, spec), _LOOKED_AT_MAX)) if held_out else []
    grading = grading_of(spec, items)
    findings: list[Finding] = []
    notes = list(grading.sentences)
    for fault in unresolved(grading, items):
        if fault.decides and spec.evaluation.graders:
            findings.append(_finding(fault, spec.name, source))
        else:
            name = grading.graders[fault.at].get("name")
            notes.append(f"{name}: {fault.message}.")
    return Examined(grading=grading, findings=tuple(findings), notes=tuple(notes))


def _items(folder: RunFolder, spec: PipelineSpec) -> Iterator[EvaluationItem]:
    """The held-out examples without their prompts, which may be large."""
    with folder.open(artifacts.prepared("evaluation")) as lines:
        for number, line in enumerate(lines):
            item = item_from_row(msgspec.json.decode(line), str(spec.method.type), number)
            yield msgspec.structs.replace(item, messages=[])


def _finding(fault: Unresolved, pipeline: str, source: str) -> Finding:
    grader = f"evaluation.graders[{fault.at}]"
    path = grader if fault.key is None else f"{grader}.{fault.key}"
    return Finding(
        code=GRADER_FINDS_NOTHING,
        severity=Severity.ERROR,
        file=file_of(pipeline),
        line=line_of(source, path),
        path=path,
        message=fault.message,
        remedy="Correct the template, or choose a grader that fits the rows; nothing was paid for yet.",
    )
