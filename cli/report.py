"""How a report of the validation is shown: for people at a terminal, for programs, for pages."""

from __future__ import annotations

import sys
from typing import Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.console import output
from shared.core.dataset.findings import Finding
from shared.core.dataset.report import Report, to_markdown
from shared.core.dataset.rules import RULES

FORMATS: Final = ("text", "json", "markdown")
_COLOURS: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def show(report: Report, form: str) -> None:
    """Print a report in one of `FORMATS`."""
    if form == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    elif form == "markdown":
        sys.stdout.write(to_markdown(report))
    else:
        _show_text(output(), report)


def _show_text(console: Console, report: Report) -> None:
    for finding in report.findings:
        _show_finding(console, finding)
    shown, total = len(report.findings), sum(report.totals.values())
    if total > shown:
        console.print(f"... {total - shown:,} more; the totals:\n")
    if report.totals:
        console.print(_totals(report))
    for note in report.pipeline_notes:
        console.print(f"[cyan]note:[/] {escape(note)}", soft_wrap=True)
    if report.grading or report.outlook:
        _show_outlook(console, report)
    console.print(_summary(report), soft_wrap=True)


def _show_finding(console: Console, finding: Finding) -> None:
    where = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    path = f" {finding.path}" if finding.path else ""
    kind = f"[{_COLOURS[finding.severity]}]{finding.severity} {finding.code}[/]"
    console.print(f"[bold]{escape(where)}[/]{escape(path)}: {kind} {escape(finding.message)}", soft_wrap=True)
    if finding.excerpt:
        console.print(f"    [dim]{escape(finding.excerpt)}[/]", soft_wrap=True)
    console.print(f"    {escape(finding.remedy)}", soft_wrap=True)


def _show_outlook(console: Console, report: Report) -> None:
    """How answers will be graded, and what that will be able to show: what the pipeline file cannot have comes first."""
    outlook = report.outlook
    console.print("\n[bold]Before money is spent[/]")
    hindered = [obstacle.render() for obstacle in outlook.obstacles] if outlook else []
    for sentence in (*(outlook.sentences if outlook else ()), *report.grading[:1]):
        mark = "[yellow]warning:[/] " if sentence in hindered else ""
        console.print(f"- {mark}{escape(sentence)}", soft_wrap=True)


def _totals(report: Report) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for code, count in report.totals.items():
        table.add_row(
            code,
            f"{count:,}",
            escape(RULES[code].title if code in RULES else "a grader finds nothing in the held-out rows"),
        )
    return table


def _summary(report: Report) -> str:
    files = " and ".join(f"{file.rows:,} rows of {escape(file.name)}" for file in report.files.values())
    verdict = "[green]can be trained on[/]" if report.ok else "[red]cannot be trained on[/]"
    counts = f"{report.errors:,} errors, {report.warnings:,} warnings"
    split = (
        f"{report.examples:,} rows to train on, {report.validation_examples:,} to validate, "
        f"{report.evaluation_examples:,} held out; {report.tokens:,} tokens per epoch"
    )
    return f"\n{files}: {counts}; {verdict}.\n{split}."
