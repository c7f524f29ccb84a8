"""A pipeline file of this machine."""

from __future__ import annotations

from pathlib import Path

from cli.console import CannotStart
from shared.core.pipeline.file import ParsedPipeline, PipelineFileError, parse_pipeline


def read_pipeline(path: Path) -> ParsedPipeline:
    """Read a pipeline file.

    Raises:
        CannotStart: it cannot be used; with all that is wrong with it.
        OSError: it cannot be read.
    """
    try:
        return parse_pipeline(path.read_text("utf-8"), name=path.stem)
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 at byte {error.start}; store it as UTF-8"
        raise CannotStart(msg) from error
    except PipelineFileError as error:
        raise CannotStart(error.render(str(path))) from error
