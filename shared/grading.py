"""Graders are held against the held-out rows while the dataset is validated, before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.core import artifacts
from shared.core.evaluation import grading
from shared.core.evaluation.grading import Examined
from shared.core.evaluation.items import EvaluationItem, item_from_row
from shared.core.pipeline.file import file_of
from shared.core.spec import PipelineSpec
from shared.run_folder import RunFolder


def examine(folder: RunFolder, spec: PipelineSpec, source: str, *, held_out: bool) -> Examined:
    """Choose, resolve and test the graders of a run whose rows are prepared.

    Args:
        folder: of the run.
        spec: of its pipeline.
        source: the pipeline file as it was.
        held_out: whether any rows are held out.
    """
    items = held_out_items(folder, spec) if held_out else ()
    return grading.examine(items, spec, source, file_of(spec.name))


def held_out_items(folder: RunFolder, spec: PipelineSpec) -> Iterator[EvaluationItem]:
    """The held-out examples of a run, as questions with a reference.

    Raises:
        NotFound: if the file is gone.
    """
    for number, row in enumerate(held_out_rows(folder)):
        yield item_from_row(row, str(spec.method.type), number)


def held_out_rows(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """The held-out examples of a run, as they were prepared.

    Raises:
        NotFound: if the file is gone.
    """
    with folder.open(artifacts.prepared("evaluation")) as lines:
        for line in lines:
            yield msgspec.json.decode(line)
