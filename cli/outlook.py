"""What a comparison of a dataset of this machine will be able to show, as far as that can be known without the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from cli.files import held_out_items
from cli.pipeline import PipelineFile
from shared.core.dataset.options import Options, Role
from shared.core.dataset.report import Report, with_grading
from shared.core.dataset.validate import ValidatedDataset
from shared.core.evaluation.ahead import outlook
from shared.core.evaluation.grading import examine
from shared.core.evaluation.held_out import exam_of
from shared.core.evaluation.prospect import Prospect


def look(
    files: Mapping[Role, Path], found: ValidatedDataset, options: Options, pipeline: PipelineFile
) -> Report:
    """The report of a dataset without errors, with its graders and what they will be able to show.

    Raises:
        OSError: a file cannot be read again, or is not as it was when it was checked.
    """
    spec, source, file = pipeline.parsed.spec, pipeline.source, str(pipeline.path)
    spec = msgspec.structs.replace(spec, method=msgspec.structs.replace(spec.method, type=options.method))
    examined = examine(held_out_items(files, found, options), spec, source, file)
    report = with_grading(found.report, examined.findings, examined.notes)
    if not report.ok:
        return report
    exam = exam_of(found, options)
    ahead = outlook(Prospect(spec=spec, source=source, file=file, exam=exam, examined=examined))
    return msgspec.structs.replace(report, outlook=ahead)
