"""Shows a run at a terminal: where it stands, what was found and measured, what a person is asked, how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.table import Table

from cli.console import Part, Terminal, counted, styled
from cli.gate_view import judged_again, said_at, show_doubts, training_cost
from cli.hints import NOWHERE, At
from cli.moments import age, left, when
from cli.remedies import in_commands
from shared.core import served
from shared.core.status import FINISHED, GATES, Status

#: What a run came to that somebody has to look at.
BAD: Final = FINISHED - {Status.DEPLOYED, Status.DUPLICATE}
_FINDINGS_MAX: Final = 10
_COLUMNS: Final = 80
_DEPLOYING: Final = frozenset({Status.DEPLOYING, Status.VERIFYING})
#: Lines of the history that are shown unless all are asked for.
_NEWEST: Final = 40
#: Kinds of lines of the history that tell a story; the others are bookkeeping.
TOLD: Final = frozenset({"status", "job", "decision", "hold", "cancel", "warning", "trouble", "note"})


def colour(status: str) -> str:
    """Of a status: green is in use, yellow waits for a person, red went wrong."""
    if status == Status.DEPLOYED:
        return "green"
    if status in GATES.values():
        return "yellow"
    return "red" if status in BAD else ""


def table(*columns: str, no_fold: frozenset[str] = frozenset({"run", "status", "since"})) -> Table:
    """A table without lines whose ids and statuses are never folded, however narrow the terminal."""
    made = Table(box=None, pad_edge=False)
    for column in columns:
        if column in no_fold:
            made.add_column(
                column, no_wrap=True, overflow="ignore", min_width=20 if column == "run" else None
            )
        else:
            made.add_column(column, overflow="fold")
    return made


def print_table(console: Terminal, made: Table) -> None:
    """Print a table; on a terminal of less than 80 columns each row as a list of its cells, so that nothing is cut off."""
    if console.width >= _COLUMNS:
        console.print(made)
        return
    first, *others = made.columns
    width = max((len(str(column.header)) for column in others), default=0)
    cells = [list(column.cells) for column in others]
    for number, cell in enumerate(first.cells):
        console.say((str(cell), "bold"))
        for column, named in zip(cells, others, strict=True):
            if str(column[number]):
                console.say(f"  {named.header!s:<{width}}  {column[number]!s}")


def show_run(
    console: Terminal,
    run: served.Run,
    *,
    is_whole: bool,
    at: At = NOWHERE,
    champion: served.Champion | None = None,
    asked: str = "",
) -> None:
    """All that matters of a run on one page.

    Args:
        console: where.
        run: that is shown.
        is_whole: whether all of its history is shown.
        at: how the app is named in commands.
        champion: of its pipeline, if it was asked for.
        asked: at a deployment gate, the gain that the promotion rule asks for, in words.
    """
    console.say(
        (run.id, "bold"),
        f"  {run.pipeline}  ",
        (run.status, colour(run.status)),
        f"  for {age(run.status_since)}",
    )
    console.say(f"dataset   {run.dataset.container}/{run.dataset.name}")
    if run.job:
        console.say(f"job       {run.job.id}  {run.job.status or 'not seen yet'}")
    if run.deployment.candidate:
        console.say(f"candidate {run.deployment.candidate}, for the evaluation only")
    if run.deployment.production:
        console.say(f"clients   {for_clients(run, champion)}")
    if run.trouble:
        console.say(("waits     ", "yellow"), run.trouble)
    for warning in run.warnings:
        console.say(("warning   ", "yellow"), warning)
    show_report(console, run)
    show_evaluation(console, run)
    show_end(console, run, at, asked=asked)
    show_history(console, run, None if is_whole else _NEWEST)


def for_clients(run: served.Run, champion: served.Champion | None) -> str:
    """What is true of the deployment for clients: its name is known long before it is there, and it may be there no more."""
    name, status = run.deployment.production, run.status
    if champion and champion.run_id == run.id:
        return f"{name}, in use"
    if status == Status.DEPLOYED:
        now = f"; in use now is {champion.deployment}, of run {champion.run_id}" if champion else ""
        return f"{name}, deployed by this run{now}"
    done = [event.after for event in run.history if event.kind == "attempt"]
    puts, deletes = (
        max((place for place, key in enumerate(done) if key == f"{effect}:{name}"), default=-1)
        for effect in ("PutDeployment", "DeleteDeployment")
    )
    if not run.is_finished:
        return f"{name}, not in use: {'being deployed' if status in _DEPLOYING else 'planned, if it is approved'}"
    if puts < 0:
        return f"{name}, not in use: it was planned, and never deployed"
    if deletes > puts:
        return f"{name}, not in use: it was deployed, and removed"
    return f"{name}: it was deployed, and this run did not get to the end"


def show_report(console: Terminal, run: served.Run) -> None:
    """The numbers of the dataset, and the first findings."""
    report = run.report
    if report:
        split = (
            f"{report.examples:,} to train on, {report.validation_examples:,} to validate on, "
            f"{report.evaluation_examples:,} held out"
        )
        rows = {
            "rows": split,
            "tokens": f"{report.tokens:,} per pass, {report.billable_tokens:,} billed",
            "cost": f"of training {training_cost(run)}",
            "findings": f"{counted(report.errors, 'error')}, {counted(report.warnings, 'warning')}",
        }
        _heading(console, "Dataset")
        for name, said in rows.items():
            console.say(f"{name:<9} {said}")
    for note in run.pipeline_notes:
        console.say(("note:", "cyan"), f" {note}")
    for finding in run.findings[:_FINDINGS_MAX]:
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        path = f" {finding.path}" if finding.path else ""
        console.say((finding.code, "bold"), f" {place}{path}: {finding.message}")
        console.say((f"  {finding.remedy}", "dim"))
    if len(run.findings) > _FINDINGS_MAX:
        console.say(f"... {len(run.findings) - _FINDINGS_MAX} more; report.md has them")


def show_evaluation(console: Terminal, run: served.Run) -> None:
    """Verdict first, then what was measured, the doubts last."""
    evaluation = run.evaluation
    if evaluation is None:
        return
    _heading(console, "Evaluation")
    groups = "" if evaluation.groups is None else f" in {counted(evaluation.groups, 'group')}"
    console.say(
        (evaluation.outcome, "bold"), f" on {counted(evaluation.examples, 'held-out example')}{groups}"
    )
    console.say(evaluation.reason)
    measured = [measure for measure in evaluation.measures if not measure.unknown]
    if measured:
        shown = table("measure", "baseline", "candidate", "difference")
        for measure in measured:
            sides = (f"{side.value:.3g}" if side else "" for side in (measure.baseline, measure.candidate))
            shown.add_row(styled(measure.name), *sides, _interval(measure.difference))
        print_table(console, shown)
    if run.gate is None:  # at a gate they stand where it is decided
        for doubt in evaluation.doubts:
            console.say(f"- automatic would ask a person: {doubt}")
        if again := judged_again(run):
            console.say(f"- {again}")


def _interval(shown: served.Interval | None) -> str:
    if shown is None:
        return ""
    bounds = "" if shown.low is None or shown.high is None else f" [{shown.low:.3g}, {shown.high:.3g}]"
    return f"{shown.value:.3g}{bounds}"


def show_end(console: Terminal, run: served.Run, at: At = NOWHERE, *, asked: str = "") -> None:
    """How the run ended, or which gate is open and what to know before it is approved; below `show_evaluation`.

    Args:
        console: where.
        run: that is shown.
        at: how the app is named in commands.
        asked: at a deployment gate, the gain that the promotion rule asks for, in words.
    """
    failure, gate = run.failure, run.gate
    if failure:
        console.say()
        title = run.status if failure.code == run.status else f"{run.status} ({failure.code})"
        is_told = run.evaluation is not None and failure.message == run.evaluation.reason
        console.say((title, "bold red"), "" if is_told else f": {failure.message}")
        console.say(("What to do: ", "bold"), in_commands(failure.remedy, run.id, at))
        if run.status == Status.NOT_PROMOTED:
            console.say("Nobody deploys it by hand.")
    elif gate:
        console.say()
        known = run.evaluation.reason if gate.name == "deployment" and run.evaluation else ""
        basis = run.report.estimate_basis if run.report else ""  # it stands with the numbers of the dataset
        reason = f"the {gate.name} gate is open" if known else gate.reason.removesuffix(f": {basis}")
        console.say((f"{run.status}: {reason}", "bold yellow"))
        for sentence in gate.outlook:
            console.say(f"- {sentence}")
        show_doubts(console, run, gate, asked)
        for said in said_at(gate):
            console.say(f"- {said}")
        console.say(f"digest {gate.digest}")
        console.say(f"until  {when(gate.approve_by)}{left(gate.approve_by)}")
    elif run.duplicate_of:
        console.say((run.status, "bold"), f": the same work as run {run.duplicate_of}")
    elif run.is_finished:
        name = run.deployment.production
        console.say()
        console.say((run.status, f"bold {colour(run.status)}".strip()), f": {name}" if name else "")


def show_history(console: Terminal, run: served.Run, newest: int | None) -> None:
    """What happened, a line each, the oldest first."""
    _heading(console, "History (UTC)")
    lines = list(told(run.history, known=run.evaluation.reason if run.evaluation else ""))
    shown = lines if newest is None else lines[-newest:]
    if len(shown) < len(lines):
        console.say(f"... {len(lines) - len(shown):,} earlier lines: --history")
    for line in shown:
        console.say(*line)


def told(events: tuple[served.Event, ...], *, known: str = "") -> Iterator[tuple[Part, ...]]:
    """A line for each event that tells people something.

    Args:
        events: the oldest first.
        known: what was said already, and is not repeated.
    """
    for event in events:
        if event.kind in TOLD:
            detail = (event.detail or "").replace(known, "(the verdict above)") if known else event.detail
            detail = (detail or "").removeprefix(f"{event.after}: ")  # an end may be called as its status
            said = "  ".join(filter(None, (event.after, detail, event.comment)))
            yield f"{event.at[:10]} {event.at[11:19]}  {event.kind:<8} ", said


def _heading(console: Terminal, text: str) -> None:
    console.say()
    console.say((text, "bold"))
