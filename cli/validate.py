"""The command `validate`: check a training file and its companions; repair it into another file."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli import repairing, report
from cli.console import CannotStart, counted, errors, show_note
from cli.files import files_of, validate_files
from cli.hints import typed
from cli.options import add_format_json
from cli.pipeline import PipelineFile, frozen_set, read_pipeline
from shared.core.costs import Estimate, estimate
from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.report import Report
from shared.core.dataset.validate import ValidatedDataset
from shared.core.naming import companion_role
from shared.core.shown import visible
from shared.core.spec import MethodType
from shared.version import VERSION

#: So many lines are looked at for one that may be a row.
_LOOKED_AT_MAX: Final = 50
#: Options of earlier releases, and why they do nothing any more.
_IGNORED: Final = {"depth": "everything is always checked", "workers": "one process checks a dataset"}


def add_to(validating: argparse.ArgumentParser) -> None:
    """Add the options."""
    validating.set_defaults(run=run)
    validating.add_argument(
        "file", type=Path, metavar="FILE", help="training file, JSON Lines; or a folder with such files"
    )
    validating.add_argument(
        "--pipeline", type=Path, metavar="YAML", help="pipeline file whose method, limits and rules count"
    )
    validating.add_argument(
        "--method",
        choices=[m.value for m in MethodType],
        help="what the rows are for (default: as the pipeline file says, else supervised)",
    )
    validating.add_argument(
        "--format", choices=report.FORMATS, default="text", help="of the report (default: text)"
    )
    add_format_json(validating)
    validating.add_argument(
        "--repair", type=Path, metavar="OUT", help="repair what is safe to repair, write the rows to OUT"
    )
    for name in _IGNORED:
        validating.add_argument(f"--{name}", help=argparse.SUPPRESS)


def run(given: argparse.Namespace) -> int:
    """Validate, show the report, write the repaired rows; of a folder each training file, one report after the other.

    Returns:
        0 if the dataset can be trained on, or each of them, else 1.

    Raises:
        CannotStart: the pipeline file, the folder, or the name of the repaired file, cannot be used.
        OSError: a file cannot be read or written.
    """
    for name, reason in _IGNORED.items():
        if getattr(given, name) is not None:
            show_note(f"--{name} does nothing any more: {reason}")
    is_folder = given.file.is_dir()
    if is_folder and given.repair is not None:
        msg = f"{given.file} is a folder, and --repair writes one file; name the training file"
        raise CannotStart(msg)
    pipeline = None if given.pipeline is None else read_pipeline(given.pipeline)
    if not is_folder:
        return _check(given, given.file, pipeline)
    training = training_files(given.file, None if pipeline is None else frozen_set(pipeline))
    return max(_check(given, file, pipeline) for file in training)


def training_files(folder: Path, frozen: Path | None) -> list[Path]:
    """The training files of a folder, in the order of their names; companions go with them, as for a drop.

    Args:
        folder: where they lie.
        frozen: the file of `evaluation.set`, which nobody trains on.

    Raises:
        CannotStart: there is none.
        OSError: the folder cannot be read.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix == ".jsonl" and file.is_file())
    found = [
        file
        for file in files
        if not companion_role(file.name) and (frozen is None or not file.samefile(frozen))
    ]
    read = {companion for file in found for companion in files_of(file).values()}
    for file in (file for file in files if companion_role(file.name) and file not in read):
        show_note(f"{file.name} is not checked: it accompanies none of the training files")
    if not found:
        msg = f"{folder} is a folder without a training file; name a file of JSON Lines, or put NAME.jsonl into it"
        raise CannotStart(msg)
    return found


def _check(given: argparse.Namespace, file: Path, pipeline: PipelineFile | None) -> int:
    """One training file and its companions."""
    insist_on_json_lines(file)
    options, (files, notes) = _options(given, pipeline), _files(file, pipeline)
    _refuse_what_cannot_be_repaired(files, given.repair)
    found = check_with_bar(files, options)
    told = _report(files, found, options, pipeline)
    cost = None if pipeline is None or not told.ok else _cost(told, pipeline)
    report.show(msgspec.structs.replace(told, pipeline_notes=notes, app_version=VERSION), given.format, cost)
    if given.repair is not None:
        repairing.repair(file, given.repair, found, options)
    elif given.format == "text" and can_be_read_again(files):
        repairing.advise(given, file, told)
    return 0 if told.ok else 1


def _cost(told: Report, pipeline: PipelineFile) -> Estimate:
    """What training would cost, as the app estimates it."""
    spec = pipeline.parsed.spec
    return estimate(told.billable_tokens, spec.model, spec.prices.training_usd_per_million_tokens)


def insist_on_json_lines(file: Path) -> None:
    """See to it that a file is of rows at all: one finding for each line of a YAML file or a picture helps nobody.

    Raises:
        CannotStart: it is not, and its name does not say that it is.
        OSError: it cannot be read.
    """
    if file.suffix == ".jsonl" or not file.is_file():
        return
    lines = 0
    with file.open("rb") as rows:
        for line in itertools.islice(rows, _LOOKED_AT_MAX):
            lines += bool(line.strip())
            if line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
                return
    if not lines:
        return  # an empty file is a finding
    is_yaml = file.suffix in {".yaml", ".yml"}
    more = f".  If it is a pipeline file: {typed('pipelines', 'check', file)}" if is_yaml else ""
    msg = f"{file} is not JSON Lines: none of its first {counted(lines, 'line')} begins with {{{more}"
    raise CannotStart(msg)


def _files(path: Path, pipeline: PipelineFile | None) -> tuple[dict[Role, Path], tuple[str, ...]]:
    """The files that are checked, and what is worth saying about the pipeline file."""
    files = files_of(path)
    if pipeline is None:
        return files, ()
    notes = pipeline.parsed.render_notes(str(pipeline.path))
    if frozen := frozen_set(pipeline):
        if unused := files.get(Role.EVALUATION):
            notes += (f"{pipeline.path}: evaluation.set: {frozen} counts, so {unused.name} is not used",)
        files[Role.EVALUATION] = frozen
    return files, notes


def _report(
    files: Mapping[Role, Path], found: ValidatedDataset, options: Options, pipeline: PipelineFile | None
) -> Report:
    """What was found, and what a comparison will be able to show."""
    if pipeline is None or not found.report.ok:
        return found.report
    if not can_be_read_again(files):
        show_note("a file that can be read only once: how the model will be graded is not looked at")
        return found.report
    from cli import outlook  # noqa: PLC0415  statistics, which other commands need not load

    return outlook.look(files, found, options, pipeline)


def can_be_read_again(files: Mapping[Role, Path]) -> bool:
    """Whether all are files, and no pipes."""
    return all(file.is_file() for file in files.values())


def _options(given: argparse.Namespace, pipeline: PipelineFile | None) -> Options:
    """What is looked for."""
    options = Options.of(pipeline.parsed.spec) if pipeline else Options()
    if given.method is not None:
        options = replace(options, method=MethodType(given.method))
    if given.repair is not None:
        # What the pipeline chose for a rule, and for rows beyond repair, still counts.
        options = replace(options, actions=dict.fromkeys(REPAIRABLE, Action.REPAIR) | dict(options.actions))
    return options


def _refuse_what_cannot_be_repaired(files: Mapping[Role, Path], out: Path | None) -> None:
    if out is None:
        return
    if not out.parent.is_dir():
        msg = f"{out}: No such file or directory: make the folder {out.parent.name} first"
        raise CannotStart(msg)
    if once := next((file for file in files.values() if file.exists() and not file.is_file()), None):
        msg = f"{once} can be read only once, and --repair reads twice; store it in a file first"
        raise CannotStart(msg)
    if out.resolve() in {file.resolve() for file in files.values()}:
        msg = f"{out} is one of the files that are read; give --repair another name: these are never changed"
        raise CannotStart(msg)


def check_with_bar(files: Mapping[Role, Path], options: Options) -> ValidatedDataset:
    """Validate, with a bar for each file if somebody looks at the standard error."""
    console = errors()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[Path, TaskID] = {
            file: bar.add_task(visible(file.name), total=file.stat().st_size) for file in files.values()
        }
        return validate_files(files, options, lambda file, size: bar.advance(tasks[file], size))
