"""A pipeline file of this machine, and what it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from cli.console import CannotStart
from cli.hints import At, likely_where
from cli.remedies import in_commands
from shared.core.evaluation import must_pass
from shared.core.naming import PIPELINE_NAME
from shared.core.pipeline.file import ParsedPipeline, PipelineFileError, parse_pipeline


class PipelineFile(NamedTuple):
    """A pipeline file: where it lies, its text, and what it says."""

    path: Path
    source: str
    parsed: ParsedPipeline


def pipeline_name(text: str) -> str:
    """A name that a pipeline may have, made of another."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return name if PIPELINE_NAME.fullmatch(name) else "my-pipeline"


def read_pipeline(path: Path) -> PipelineFile:
    """Read a pipeline file.

    Raises:
        CannotStart: it cannot be used; with all that is wrong with it.
        OSError: it cannot be read.
    """
    try:
        source = path.read_text("utf-8")
        return PipelineFile(path, source, parse_pipeline(source, name=path.stem))
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 at byte {error.start}; store it as UTF-8"
        raise CannotStart(msg) from error
    except PipelineFileError as error:
        raise CannotStart(in_commands(error.render(str(path)), at=At(likely_where()))) from error


def frozen_set(pipeline: PipelineFile) -> Path | None:
    """Where the rows of `evaluation.set` lie: beside the pipeline file, as in the container `pipelines`; None without a set.

    Raises:
        CannotStart: they are not there, or not all lines that have to be passed are.
        OSError: they cannot be read.
    """
    evaluation = pipeline.parsed.spec.evaluation
    if evaluation.set is None:
        return None
    path = pipeline.path.parent / evaluation.set
    if not path.is_file():
        msg = (
            f"{path}: No such file or directory: `evaluation.set` of {pipeline.path} is looked for in the folder of that file, "
            "as in the container `pipelines`; copy it there"
        )
        raise CannotStart(msg)
    if evaluation.must_pass and (problem := must_pass.not_there(evaluation.must_pass, path.read_bytes())):
        msg = f"{pipeline.path}: evaluation.must_pass: {path} {problem}; lines count from 1"
        raise CannotStart(msg)
    return path
