"""Shows a run at a terminal: where it stands, what was found and measured, what a person is asked, how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from cli.console import Part, Terminal, styled
from shared.core import served
from shared.core.status import FINISHED, GATES, Status

#: What a run came to that somebody has to look at.
BAD: Final = FINISHED - {Status.DEPLOYED, Status.DUPLICATE}
_FINDINGS_MAX: Final = 10
_COLUMNS: Final = 80
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


def when(text: str) -> str:
    """A time as people read it, in UTC."""
    return f"{text[:10]} {text[11:16]} UTC"


def now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def age(text: str) -> str:
    """How long ago a time was: `40 s`, `12 min`, `3 h`, `5 d`."""
    return _long((now() - datetime.fromisoformat(text)).total_seconds())


def _long(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def left(text: str) -> str:
    """How long until a time, as the end of a phrase."""
    seconds = (datetime.fromisoformat(text) - now()).total_seconds()
    return f", in {_long(seconds)}" if seconds > 0 else ", which has passed"


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
    """Print a table as if the terminal had 80 columns or more: a narrower one breaks lines, but cuts nothing off."""
    console.width, before = max(console.width, _COLUMNS), console.width
    console.print(made)
    console.width = before


def show_run(console: Terminal, run: served.Run, *, is_whole: bool) -> None:
    """All that matters of a run on one page.

    Args:
        console: where.
        run: that is shown.
        is_whole: whether all of its history is shown.
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
    for kind, name in (("candidate", run.deployment.candidate), ("in use", run.deployment.production)):
        if name:
            console.say(f"{kind:<9} {name}")
    if run.trouble:
        console.say(("waits     ", "yellow"), run.trouble)
    for warning in run.warnings:
        console.say(("warning   ", "yellow"), warning)
    show_report(console, run)
    show_evaluation(console, run)
    show_end(console, run)
    show_history(console, run, None if is_whole else _NEWEST)
    if run.artifacts:
        console.say()
        console.say(f"{len(run.artifacts)} artifacts; get them with: evidence pull {run.id} FOLDER")


def show_report(console: Terminal, run: served.Run) -> None:
    """The numbers of the dataset, and the first findings."""
    report = run.report
    if report:
        cost = f"{report.estimated_usd:,.2f} USD" if report.estimated_usd is not None else "not known"
        split = (
            f"{report.examples:,} to train on, {report.validation_examples:,} to validate on, "
            f"{report.evaluation_examples:,} held out"
        )
        rows = {
            "rows": split,
            "tokens": f"{report.tokens:,} per pass, {report.billable_tokens:,} billed",
            "cost": f"{cost} for training, estimated ({report.estimate_basis})",
            "findings": f"{report.errors:,} errors, {report.warnings:,} warnings",
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
    groups = "" if evaluation.groups is None else f" in {evaluation.groups:,} groups"
    console.say((evaluation.outcome, "bold"), f" on {evaluation.examples:,} held-out examples{groups}")
    console.say(evaluation.reason)
    measured = [measure for measure in evaluation.measures if not measure.unknown]
    if measured:
        shown = table("measure", "baseline", "candidate", "difference")
        for measure in measured:
            sides = (f"{side.value:.3g}" if side else "" for side in (measure.baseline, measure.candidate))
            shown.add_row(styled(measure.name), *sides, _interval(measure.difference))
        print_table(console, shown)
    for doubt in evaluation.doubts:
        console.say(f"- automatic would ask a person: {doubt}")


def _interval(shown: served.Interval | None) -> str:
    if shown is None:
        return ""
    bounds = "" if shown.low is None or shown.high is None else f" [{shown.low:.3g}, {shown.high:.3g}]"
    return f"{shown.value:.3g}{bounds}"


def show_gate(console: Terminal, run: served.Run, gate: served.Gate, a_month: str) -> None:
    """Exactly what is decided on, before it is.

    Args:
        console: where.
        run: that waits.
        gate: that is open.
        a_month: what the deployment costs in a month, in words.
    """
    console.say((f"The {gate.name} gate", "bold"), f" of {run.id} ({run.pipeline}): {gate.reason}")
    for sentence in (*gate.outlook, *gate.azure):
        console.say(f"- {sentence}")
    if gate.name == "deployment" and run.evaluation:
        evaluation = run.evaluation
        console.say("verdict   ", (evaluation.outcome, "bold"), f": {evaluation.reason}")
    if run.report:
        usd = run.report.estimated_usd
        console.say("training  ", "cost not known" if usd is None else f"{usd:,.2f} USD, estimated")
    console.say(f"a month   {a_month}")
    needed = f"{gate.approvals} of {gate.approvals_needed} approvals"
    console.say(
        f"until     {when(gate.approve_by)}{left(gate.approve_by)}; then it ends as expired; {needed}"
    )
    for vote in gate.decisions:
        console.say(f"- {vote.name}: {vote.decision}{f', {vote.comment}' if vote.comment else ''}")
    for hold in gate.holds:
        console.say(f"- {hold.name} asked or answered: {hold.comment}")
    if gate.needs_answer:
        console.say(("What was asked last has no answer yet.", "yellow"))
    if gate.needs_words:
        console.say(("Nothing is proven: an approval has to say why (--comment).", "yellow"))
    console.say(f"digest    {gate.digest}")


def show_end(console: Terminal, run: served.Run) -> None:
    """How the run ended, or which gate is open."""
    failure, gate = run.failure, run.gate
    if failure:
        console.say()
        console.say((f"{run.status}: {failure.code}", "bold red"))
        console.say(failure.message)
        console.say(("What to do: ", "bold"), failure.remedy)
        if failure.can_retry:
            console.say(f"It can be tried again: retry {run.id}")
        if run.status == Status.NOT_PROMOTED:
            console.say(
                f"Nobody deploys it by hand.  It can be judged by the pipeline file of today: rejudge {run.id}"
            )
    elif gate:
        console.say()
        console.say((f"{run.status}: {gate.reason}", "bold yellow"))
        for sentence in gate.outlook:
            console.say(f"- {sentence}")
        console.say(f"digest {gate.digest}")
        console.say(f"until  {when(gate.approve_by)}{left(gate.approve_by)}")
    elif run.duplicate_of:
        console.say(f"the same work as run {run.duplicate_of}")
    elif run.is_finished:
        name = run.deployment.production
        console.say((run.status, f"bold {colour(run.status)}".strip()), f": {name}" if name else "")


def show_history(console: Terminal, run: served.Run, newest: int | None) -> None:
    """What happened, a line each, the oldest first."""
    _heading(console, "History (UTC)")
    lines = list(told(run.history))
    shown = lines if newest is None else lines[-newest:]
    if len(shown) < len(lines):
        console.say(f"... {len(lines) - len(shown):,} earlier lines: --history")
    for line in shown:
        console.say(*line)


def told(events: tuple[served.Event, ...]) -> Iterator[tuple[Part, ...]]:
    """A line for each event that tells people something."""
    for event in events:
        if event.kind in TOLD:
            said = "  ".join(filter(None, (event.after, event.detail, event.comment)))
            yield f"{event.at[:10]} {event.at[11:19]}  {event.kind:<8} ", said


def _heading(console: Terminal, text: str) -> None:
    console.say()
    console.say((text, "bold"))
