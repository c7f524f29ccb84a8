"""Shows a run in the terminal: its findings, its comparison, and how it ended."""

from __future__ import annotations

from typing import Any

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.console import Terminal, styled


def show_report(console: Terminal, run: dict[str, Any]) -> None:
    """Show the numbers of the dataset and the findings."""
    report = run["report"]
    if report:
        usd = report["estimated_usd"]
        cost = f"${usd:.2f}" if usd is not None else "unknown"
        table = Table(title="Validation report", title_justify="left", show_header=False, box=None)
        table.add_row("examples", f"{report['examples']} to train on, {report['validation_examples']} to validate on, "
                                  f"{report['evaluation_examples']} held out to judge on")  # fmt: skip
        table.add_row("tokens", f"{report['tokens']:,} per pass, {report['billable_tokens']:,} billable")
        table.add_row("estimated cost", styled(f"{cost}  ({report['estimate_basis']})"))
        table.add_row("findings", f"{report['errors']} errors, {report['warnings']} warnings")
        console.print(table)
    for note in run["pipeline_notes"]:
        console.say(("note:", "cyan"), f" {note}")
    for finding in run["findings"][:10]:
        where = f"{finding['file']}:{finding['line']}" if finding["line"] else finding["file"]
        path = f" {finding['path']}" if finding["path"] else ""
        console.say((finding["code"], "bold"), f" {where}{path}: {finding['message']}")
        console.say((f"  {finding['remedy']}", "dim"))


def show_comparison(console: Terminal, comparison: dict[str, Any]) -> None:
    """Show the scores of the candidate and its baselines on the held-out examples."""
    graders = list(comparison["targets"][0]["means"])
    table = Table(title=f"Evaluation on {comparison['examples']} held-out examples", title_justify="left")
    table.add_column("")
    table.add_column("deployment", overflow="fold")
    for grader in graders:
        table.add_column(
            styled(grader), justify="right", style="bold" if grader == comparison["metric"] else ""
        )
    table.add_column("tokens", justify="right")
    table.add_column("latency", justify="right")
    for target in comparison["targets"]:
        means = [f"{target['means'][grader]:.3f}" for grader in graders]
        tokens, latency = f"{target['completion_tokens']:,}", f"{target['mean_latency_ms']} ms"
        table.add_row(styled(target["label"]), styled(target["deployment"]), *means, tokens, latency)
    console.print(table)
    console.say(comparison["reason"])


def show_end(console: Terminal, run: dict[str, Any]) -> None:
    """Show how the run ended, or which gate is open, and what to do about it."""
    failure = run["failure"]
    if failure:
        body = Text("\n\n").join(
            [styled(failure["message"]), styled(("What to do:", "bold"), f" {failure['remedy']}")]
        )
        title = styled(f"{run['status']}: {failure['code']}")
        console.print(Panel(body, title=title, border_style="red", title_align="left"))
    elif run["gate"]:
        gate = run["gate"]
        told = [gate["reason"], *(f"- {sentence}" for sentence in gate["outlook"])]
        lines = [*told, "", f"digest {gate['digest']}", f"until  {gate['approve_by']}"]
        body = Text("\n").join(map(styled, lines))
        console.print(Panel(body, title=styled(run["status"]), border_style="yellow", title_align="left"))
    else:
        deployment = run["deployment"]["production"]
        console.say((run["status"], "bold green"), f": {deployment}" if deployment else "")
