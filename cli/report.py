"""How a report of the validation is shown: for people at a terminal, for programs, for pages."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from cli.console import Terminal, counted, output, write_json, write_page
from shared.core.costs import Estimate
from shared.core.dataset.findings import Finding
from shared.core.dataset.report import Report, to_markdown
from shared.core.dataset.rules import RULES

FORMATS: Final = ("text", "json", "markdown")
_COLOURS: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def show(report: Report, form: str, cost: Estimate | None = None) -> None:
    """Print a report in one of `FORMATS`.

    Args:
        report: that is shown.
        form: as what.
        cost: of training, as text says it; None where nothing is trained by it.
    """
    if form == "json":
        write_json(report)
    elif form == "markdown":
        write_page(to_markdown(report))
    else:
        _show_text(output(), report, cost)


def _show_text(console: Terminal, report: Report, cost: Estimate | None = None) -> None:
    for finding in report.findings:
        _show_finding(console, finding)
    shown, total = len(report.findings), sum(report.totals.values())
    if total > shown:
        console.print(f"... {total - shown:,} more; the totals:\n")
    if report.totals:
        console.print(_totals(report))
    for note in report.pipeline_notes:
        console.say(("note:", "cyan"), f" {note}")
    if report.grading or report.outlook or cost:
        _show_outlook(console, report, cost)
    _show_summary(console, report)


def _show_finding(console: Terminal, finding: Finding) -> None:
    path = f" {finding.path}" if finding.path else ""
    kind = (f"{finding.severity} {finding.code}", _COLOURS[finding.severity])
    console.say((finding.place, "bold"), f"{path}: ", kind, f" {finding.message}")
    if finding.excerpt:
        console.say("    ", (finding.excerpt, "dim"))
    console.say(f"    {finding.remedy}")


def _show_outlook(console: Terminal, report: Report, cost: Estimate | None) -> None:
    """How answers will be graded, what that will be able to show, and what training costs; what cannot be had comes first."""
    outlook = report.outlook
    console.print()
    console.say(("Before money is spent", "bold"))
    hindered = [obstacle.render() for obstacle in outlook.obstacles] if outlook else []
    for sentence in (*(outlook.sentences if outlook else ()), *report.grading[:1]):
        mark = ("warning: ", "yellow") if sentence in hindered else ""
        console.say("- ", mark, sentence)
    if cost:
        known = "not known" if cost.usd is None else f"{cost.usd:,.2f} USD, estimated"
        assumed = f"; {counted(report.epochs, 'epoch')}, which is assumed" if report.epochs_assumed else ""
        console.say(f"- Training costs {known}: {cost.basis}{assumed}.")


def _totals(report: Report) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for code, count in report.totals.items():
        table.add_row(
            code,
            f"{count:,}",
            RULES[code].title if code in RULES else "a grader finds nothing in the held-out rows",
        )
    return table


def _show_summary(console: Terminal, report: Report) -> None:
    files = " and ".join(f"{counted(file.rows, 'row')} of {file.name}" for file in report.files.values())
    verdict = ("can be trained on", "green") if report.ok else ("cannot be trained on", "red")
    counts = f"{counted(report.errors, 'error')}, {counted(report.warnings, 'warning')}"
    split = (
        f"{counted(report.examples, 'row')} to train on, {report.validation_examples:,} to validate, "
        f"{report.evaluation_examples:,} held out; {report.tokens:,} tokens per epoch"
    )
    console.print()
    console.say(f"{files}: {counts}; ", verdict, ".")
    console.say(f"{split}.")
