"""What people may do next with a run, as commands that can be copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cli.console import Terminal, counted
from cli.following import is_asking
from cli.hints import At, typed
from shared.core import served
from shared.core.artifacts import COMPARISON_TABLE
from shared.core.judgeable import is_left
from shared.core.status import GATES, Status


def say_next(
    console: Terminal, run: served.Run, at: At, *, decide: str | None = None, is_brief: bool = False
) -> None:
    """Say what may be done next, a line each.

    Args:
        console: where.
        run: as it is now.
        at: how the app is named in commands.
        decide: how the run is approved, with `{run}` for its id, where another program says so.
        is_brief: whether the first is enough.
    """
    approve = decide and decide.replace("{run}", run.id).strip()
    steps = list(next_steps(run, at, approve=approve))
    for label, command in steps[:1] if is_brief else steps:
        console.say(f"{label}: {command}")


def next_steps(run: served.Run, at: At, *, approve: str | None = None) -> Iterator[tuple[str, str]]:
    """What a command is for, and the command."""
    yield from _decisions(run, at, approve)
    if not run.is_finished and run.status not in GATES.values():
        yield "follow it with", typed("watch", run.id, at=at.words)
    if run.status == Status.DEPLOYED:
        yield "what clients use", typed("pipelines", "show", run.pipeline, at=at.words)
    elif run.duplicate_of:
        yield "the other run", typed("show", run.duplicate_of, at=at.words)
    if run.failure and run.failure.can_retry:
        yield "try it again with", typed("retry", run.id, at=at.words)
    if may_be_judged_again(run):
        yield "judge it again, by the pipeline file of today, with", typed("rejudge", run.id, at=at.words)
    yield from _evidence(run, at)


def _decisions(run: served.Run, at: At, approve: str | None) -> Iterator[tuple[str, str]]:
    """At a gate: how it is decided, or what was decided already."""
    if is_asking(run):
        yield "decide with", approve or typed("approve", run.id, at=at.deciders)
        yield "or", typed("reject", run.id, at=at.deciders)
    elif run.gate:
        yield "it is decided, and goes on by itself; follow it with", typed("watch", run.id, at=at.words)


def _evidence(run: served.Run, at: At) -> Iterator[tuple[str, str]]:
    """How evidence is fetched, and what of it is read first."""
    if not run.artifacts:
        return
    what = f", the items in {COMPARISON_TABLE.name}" if COMPARISON_TABLE.name in run.artifacts else ""
    folder = Path(f"evidence-{run.id}")
    label = f"its {counted(len(run.artifacts), 'artifact')}{what}"
    yield label, typed("evidence", "pull", run.id, folder, at=at.words)


def may_be_judged_again(run: served.Run) -> bool:
    """Whether an end may be judged again, as far as a run that is served tells."""
    if run.job is None or run.job.model is None:
        return False
    step, code = (run.failure.step, run.failure.code) if run.failure else ("", "")
    is_own = run.deployment.production != run.pipeline
    return is_left(Status(run.status), step=step, code=code, is_own=is_own)
