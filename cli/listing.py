"""The commands `runs` and `waiting`: what there is, and what waits for a person."""

from __future__ import annotations

import argparse

from cli.app import asking
from cli.client import ApiError, Client, pages
from cli.console import Terminal, output, show_note, styled, write_json
from cli.gate_view import doubts_of
from cli.hints import At, typed
from cli.moments import age, left, when
from cli.money import asked_gain
from cli.next_steps import say_next
from cli.options import add_app, add_json
from cli.run_view import colour, print_table, table
from shared.core import served
from shared.core.status import Status

_LIMIT = 50
_PAGE = 100
#: So many runs that wait are looked at one by one, for what the list does not have.
_LOOKED_AT_MAX = 10
#: Columns from which on the dataset has room, too.
_WIDE = 120


def add_runs(command: argparse.ArgumentParser) -> None:
    """Options of `runs`."""
    command.set_defaults(run=runs)
    command.add_argument("--pipeline", metavar="NAME", help="of one pipeline only")
    command.add_argument(
        "--status",
        choices=tuple(map(str, Status)),
        metavar="STATUS",
        help=f"in one status only, of those that are looked at: {', '.join(Status)}",
    )
    command.add_argument(
        "--limit", type=count, default=_LIMIT, metavar="N", help=f"how many are looked at (default: {_LIMIT})"
    )
    add_json(command)
    add_app(command)


def add_waiting(command: argparse.ArgumentParser) -> None:
    """Options of `waiting`."""
    command.set_defaults(run=waiting)
    add_json(command)
    add_app(command)


def count(text: str) -> int:
    """A number of lines."""
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1 and len(text) < 10):
        msg = f"{text!r} is not a number from 1"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def runs(given: argparse.Namespace) -> int:
    """List the newest runs."""
    rows: list[served.RunRow] = []
    after: str | None = None
    with asking(given) as (_, client):
        while True:
            wanted = min(given.limit - len(rows), _PAGE)
            page = client.list_runs(pipeline=given.pipeline, limit=wanted, after=after)
            rows += page.runs
            after = page.next
            if after is None or len(rows) >= given.limit:
                break
    shown = [row for row in rows if given.status in {None, row.status}]
    if given.json:
        write_json(served.Runs(runs=tuple(shown), next=after))
        return 0
    console = output()
    if not shown:
        console.say("There are no such runs." if given.pipeline or given.status else "There are no runs.")
        return 0
    is_wide = console.width >= _WIDE
    made = table("run", "status", "since", "pipeline", *(["dataset"] if is_wide else []))
    for row in shown:
        status = styled((row.status, colour(row.status)))
        datasets = [styled(row.dataset)] if is_wide else []
        made.add_row(row.id, status, age(row.status_since), styled(row.pipeline), *datasets)
    print_table(console, made)
    if after is not None:
        show_note(f"there are more than the {len(rows):,} that were looked at: --limit")
    return 0


def waiting(given: argparse.Namespace) -> int:
    """List what waits for a person, the longest first."""
    with asking(given) as (app, client):
        rows = [row for page in pages(lambda after: client.list_waiting(after=after)) for row in page.waiting]
        looked_at = {} if given.json else _look_at(client, rows)
    if given.json:
        write_json(served.Waiting(waiting=tuple(rows), next=None))
        return 0
    console = output()
    if not rows:
        console.say("Nothing waits for a person.")
        return 0
    made = table("run", "since", "gate", "approvals", "pipeline")
    for row in rows:
        gate = row.gate
        votes = f"{gate.approvals} of {gate.approvals_needed}" + (", asked" if gate.needs_answer else "")
        made.add_row(styled(row.id), age(row.status_since), gate.name, votes, styled(row.pipeline))
    print_table(console, made)
    for row in rows:
        _show_waiting(console, row, looked_at.get(row.id), app.at)
    return 0


def _look_at(client: Client, rows: list[served.WaitingRun]) -> dict[str, tuple[served.Run, str]]:
    """The runs themselves, which know more than the list, and the gain that is asked for: of the first ones."""
    found = {}
    for row in rows[:_LOOKED_AT_MAX]:
        try:
            run = client.get_run(row.id)
            found[row.id] = run, asked_gain(client, run)
        except ApiError as error:
            if error.problem is None:
                raise
    return found


def _show_waiting(
    console: Terminal, row: served.WaitingRun, seen: tuple[served.Run, str] | None, at: At
) -> None:
    """What is asked, what speaks against it, and how it is decided."""
    gate, (run, asked) = row.gate, seen or (None, "")
    known = run.evaluation.reason if run and run.evaluation and gate.name == "deployment" else ""
    reason = known or gate.reason
    console.say()
    console.tell(f"{row.id} until {when(gate.approve_by)}{left(gate.approve_by)}: {reason}")
    if asked:
        console.tell(f"asked for {asked}", indent="  ")
    doubts = [*doubts_of(run, gate)] if run else ["what speaks against it was not looked at here"]
    if doubts:
        console.say(("  before you approve:", "yellow"))
    for doubt in doubts:
        console.tell(f"- {doubt}", indent="  ")
    if run:
        say_next(console, run, at, is_brief=True)
    else:
        console.say(f"look at it with: {typed('show', row.id, at=at.words)}")
