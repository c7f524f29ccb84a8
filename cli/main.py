"""The command line for datasets: validate a file, explain a rule.  The app in the cloud does not load it."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from cli.files import files_of, validate_path, write_repaired
from shared.core.dataset.findings import Finding
from shared.core.dataset.options import Action, Depth, Options
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.report import Report, to_markdown
from shared.core.dataset.rules import RULES
from shared.core.dataset.validate import Validation
from shared.core.pipeline import PipelineFileError, parse_pipeline
from shared.core.pipeline_types import MethodType

_COLOURS: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def main() -> None:
    """Run a command: 0 if all is well, 1 if the dataset has errors, 2 if the command is wrong, 130 if it was interrupted."""
    given = _parser().parse_args()
    try:
        sys.exit(given.run(given))
    except BrokenPipeError:  # pragma: no cover  the reader of our output has left
        os._exit(1)
    except KeyboardInterrupt:
        Console(stderr=True, highlight=False).print("interrupted")
        sys.exit(130)
    except (OSError, _CannotStart) as error:
        Console(stderr=True, highlight=False).print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(2)


class _CannotStart(Exception):
    """What was given cannot be used."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cli", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    text = "check a training file and the companions beside it"
    validating = commands.add_parser("validate", help=text, description=text)
    validating.set_defaults(run=_validate)
    validating.add_argument("file", type=Path, help="training file, JSON Lines")
    validating.add_argument(
        "--pipeline", type=Path, help="pipeline file whose method, limits and rules count"
    )
    validating.add_argument(
        "--method", choices=[m.value for m in MethodType], help="without a pipeline file: supervised"
    )
    validating.add_argument(
        "--depth", choices=[d.value for d in Depth], default=Depth.FULL.value, help="default: full"
    )
    validating.add_argument("--workers", type=int, help="processes; default: one a core")
    validating.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    validating.add_argument(
        "--repair", type=Path, metavar="OUT", help="repair what is safe to repair, write the rows to OUT"
    )
    text = "say what a rule demands, why, and what to do"
    explaining = commands.add_parser("explain", help=text, description=text)
    explaining.set_defaults(run=_explain)
    explaining.add_argument("code", nargs="?", help="such as DS035; without one, all rules are listed")
    return parser


def _validate(given: argparse.Namespace) -> int:
    options, notes = _options(given)
    is_terminal = sys.stderr.isatty()
    console = Console(stderr=True, highlight=False)
    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    files = files_of(given.file)
    if given.repair is not None and given.repair.resolve() in {file.resolve() for file in files.values()}:
        msg = f"{given.repair} is one of the files that are read; give --repair another name: these are never changed"
        raise _CannotStart(msg)
    with Progress(*columns, console=console, transient=True, disable=not is_terminal) as bar:
        tasks: dict[Path, TaskID] = {
            file: bar.add_task(file.name, total=file.stat().st_size) for file in files.values()
        }
        found = validate_path(
            given.file,
            options,
            workers=given.workers,
            progress=lambda file, size: bar.advance(tasks[file], size),
        )
    _show(msgspec.structs.replace(found.report, pipeline_notes=notes), given.format)
    if given.repair is not None:
        _write(given, found, options, console)
    return 0 if found.report.ok else 1


def _options(given: argparse.Namespace) -> tuple[Options, tuple[str, ...]]:
    """What is looked for, and what is worth saying about the pipeline file."""
    options = Options(depth=Depth(given.depth))
    notes: tuple[str, ...] = ()
    if given.pipeline is not None:
        try:
            parsed = parse_pipeline(given.pipeline.read_text("utf-8"), name=given.pipeline.stem)
        except UnicodeDecodeError as error:
            msg = f"{given.pipeline} is not UTF-8 at byte {error.start}; store it as UTF-8"
            raise _CannotStart(msg) from error
        except PipelineFileError as error:
            raise _CannotStart(error.told(str(given.pipeline))) from error
        options, notes = Options.of(parsed.spec, depth=options.depth), parsed.told(str(given.pipeline))
    if given.method is not None:
        options = replace(options, method=MethodType(given.method))
    if given.repair is not None:  # what the pipeline says of a rule, and of rows beyond repair, still counts
        options = replace(options, actions=dict.fromkeys(REPAIRABLE, Action.REPAIR) | dict(options.actions))
    return options, notes


def _write(given: argparse.Namespace, found: Validation, options: Options, console: Console) -> None:
    if not found.report.ok:
        console.print("[red]nothing was written:[/] errors are left that cannot be repaired")
        return
    count = write_repaired(given.file, given.repair, found, options)
    aside = found.report.files["training"].quarantined_rows
    left_out = f", {aside:,} rows left out as the pipeline's quarantine says" if aside else ""
    repairs = f"{count:,} rows, {found.report.change_count:,} repairs{left_out}"
    console.print(f"{repairs}: {given.repair}", soft_wrap=True)


def _show(report: Report, form: str) -> None:
    if form == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
        return
    if form == "markdown":
        sys.stdout.write(to_markdown(report))
        return
    console = Console(highlight=False)
    for finding in report.findings:
        _show_finding(console, finding)
    shown, total = len(report.findings), sum(report.totals.values())
    if total > shown:
        console.print(f"... {total - shown:,} more; the totals:\n")
    if report.totals:
        console.print(_totals(report))
    for note in report.pipeline_notes:
        console.print(f"[cyan]note:[/] {escape(note)}", soft_wrap=True)
    console.print(_summary(report), soft_wrap=True)


def _show_finding(console: Console, finding: Finding) -> None:
    where = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    path = f" {finding.path}" if finding.path else ""
    colour = _COLOURS[finding.severity]
    console.print(
        f"[bold]{escape(where)}[/]{escape(path)}: [{colour}]{finding.severity} {finding.code}[/] {escape(finding.message)}",
        soft_wrap=True,
    )
    if finding.excerpt:
        console.print(f"    [dim]{escape(finding.excerpt)}[/]", soft_wrap=True)
    console.print(f"    {escape(finding.remedy)}", soft_wrap=True)


def _totals(report: Report) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for code, count in report.totals.items():
        table.add_row(code, f"{count:,}", escape(RULES[code].title))
    return table


def _summary(report: Report) -> str:
    files = " and ".join(f"{file.rows:,} rows of {escape(file.name)}" for file in report.files.values())
    verdict = "[green]can be trained on[/]" if report.ok else "[red]cannot be trained on[/]"
    counts = f"{report.errors:,} errors, {report.warnings:,} warnings"
    split = (
        f"{report.examples:,} rows to train on, {report.validation_examples:,} to validate, "
        f"{report.evaluation_examples:,} held out; {report.tokens:,} tokens an epoch"
    )
    return f"\n{files}: {counts}; {verdict}.\n{split}."


def _explain(given: argparse.Namespace) -> int:
    console = Console(highlight=False)
    if given.code is None:
        for code in sorted(RULES):
            console.print(f"{code}  {RULES[code].severity:<8} {escape(RULES[code].title)}", soft_wrap=True)
        return 0
    code = given.code.upper()
    if code not in RULES:
        near = difflib.get_close_matches(code, RULES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        Console(stderr=True, highlight=False).print(f"[red]error:[/] there is no rule {escape(code)}{hint}")
        return 2
    rule = RULES[code]
    fixed = ", cannot be lowered" if rule.is_hard else ""
    console.print(f"[bold]{code}[/] {escape(rule.title)} ({rule.severity}{fixed})\n", soft_wrap=True)
    if rule.explanation:
        console.print(escape(rule.explanation) + "\n", soft_wrap=True)
    console.print(escape(rule.examples) + "\n", soft_wrap=True)
    console.print(f"What to do: {escape(rule.remedy)}", soft_wrap=True)
    if code in REPAIRABLE:
        text = (
            f"Repair: `on_issue: {{{code}: repair}}` in the pipeline file, or `validate FILE --repair OUT`."
        )
        console.print(text, soft_wrap=True)
    return 0
