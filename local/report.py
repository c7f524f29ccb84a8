"""Shows a run in the terminal: its findings, its comparison, and how it ended."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table


def show_report(console: Console, run: dict[str, Any]) -> None:
    """Show the numbers of the dataset and the findings."""
    report = run["report"]
    if report:
        usd = report["estimated_usd"]
        cost = f"${usd:.2f}" if usd is not None else "unknown"
        table = Table(title="Validation report", title_justify="left", show_header=False, box=None)
        table.add_row("examples", f"{report['examples']} to train on, {report['validation_examples']} to validate on, "
                                  f"{report['evaluation_examples']} held out to judge on")  # fmt: skip
        table.add_row("tokens", f"{report['tokens']:,} per pass, {report['billable_tokens']:,} billable")
        table.add_row("estimated cost", f"{cost}  ({report['estimate_basis']})")
        table.add_row("findings", f"{report['errors']} errors, {report['warnings']} warnings")
        console.print(table)
    for note in run["pipeline_notes"]:
        console.print(f"[cyan]note:[/] {escape(note)}", soft_wrap=True)
    for finding in run["findings"][:10]:
        where = f"{finding['file']}:{finding['line']}" if finding["line"] else finding["file"]
        path = f" {finding['path']}" if finding["path"] else ""
        console.print(
            f"[bold]{finding['code']}[/] {escape(where + path)}: {escape(finding['message'])}", soft_wrap=True
        )
        console.print(f"  [dim]{escape(finding['remedy'])}[/]", soft_wrap=True)


def show_comparison(console: Console, comparison: dict[str, Any]) -> None:
    """Show the scores of the candidate and its baselines on the held-out examples."""
    graders = list(comparison["targets"][0]["means"])
    table = Table(title=f"Evaluation on {comparison['examples']} held-out examples", title_justify="left")
    table.add_column("")
    table.add_column("deployment", overflow="fold")
    for grader in graders:
        table.add_column(grader, justify="right", style="bold" if grader == comparison["metric"] else "")
    table.add_column("tokens", justify="right")
    table.add_column("latency", justify="right")
    for target in comparison["targets"]:
        means = [f"{target['means'][grader]:.3f}" for grader in graders]
        tokens, latency = f"{target['completion_tokens']:,}", f"{target['mean_latency_ms']} ms"
        table.add_row(target["label"], target["deployment"], *means, tokens, latency)
    console.print(table)
    console.print(escape(comparison["reason"]), soft_wrap=True)


def show_end(console: Console, run: dict[str, Any]) -> None:
    """Show how the run ended, or which gate is open, and what to do about it."""
    failure = run["failure"]
    if failure:
        body = f"{escape(failure['message'])}\n\n[bold]What to do:[/] {escape(failure['remedy'])}"
        console.print(
            Panel(body, title=f"{run['status']}: {failure['code']}", border_style="red", title_align="left")
        )
    elif run["gate"]:
        gate = run["gate"]
        told = "".join(f"\n- {escape(sentence)}" for sentence in gate["outlook"])
        body = f"{escape(gate['reason'])}{told}\n\ndigest {gate['digest']}\nuntil  {gate['approve_by']}"
        console.print(Panel(body, title=f"{run['status']}", border_style="yellow", title_align="left"))
    else:
        deployment = run["deployment"]["production"]
        console.print(f"[bold green]{run['status']}[/]" + (f": {deployment}" if deployment else ""))
