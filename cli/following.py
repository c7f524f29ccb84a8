"""Follows a run until it ends or waits for a person: with a live table at a terminal, elsewhere line by line."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.client import ApiError, Client
from cli.console import Refused, Terminal, show_note, styled
from cli.hints import NOWHERE, At, typed
from cli.run_view import BAD, told
from cli.sending import Unreachable
from shared.core import served
from shared.core.status import GATES, Status

_DAY_S: Final = 24 * 3600
#: Answers after which the next look may see more.
_PASSING: Final = frozenset({429, 502, 503, 504})
#: Seconds after which somebody should ask why nobody has seen the dropped file.
_UNSEEN_S: Final = 180
#: How a run may stand without anything having gone wrong.
GOOD: Final = frozenset({Status.DEPLOYED, Status.DUPLICATE, *GATES.values()})


class Watched:
    """One run, read again and again."""

    def __init__(self, run_id: str, shown: int = 0) -> None:
        """Begin.

        Args:
            run_id: of the run.
            shown: how many lines of its history are known to whoever looks.
        """
        self.run_id = run_id
        self.run: served.Run | None = None
        self._shown = shown

    @property
    def events(self) -> tuple[served.Event, ...]:
        """The lines of its history that are new."""
        return self.run.history[self._shown :] if self.run else ()

    @property
    def status(self) -> str:
        """Its status; `dropped` as long as the app does not know the run."""
        return self.run.status if self.run else "dropped"

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or waits for a person to decide."""
        return bool(self.run and (self.run.is_finished or is_asking(self.run)))

    def look(self, client: Client) -> None:
        """Read the run.  It does not matter if it is not known yet, or if the app is busy or being restarted.

        Raises:
            ApiError: the app says no.
        """
        try:
            self.run = client.get_run(self.run_id)
        except ApiError as error:
            is_unknown = error.status == 404 and error.problem is not None
            if not is_unknown and error.status not in _PASSING:
                raise
        except Unreachable:
            return

    def steps(self) -> list[tuple[str, datetime, str]]:
        """Every status that is new: itself, since when, details."""
        rows: list[tuple[str, datetime, str]] = []
        for event in self.events:
            at = datetime.fromisoformat(event.at)
            if event.kind == "status":
                rows.append((event.after or "", at, event.detail or ""))
            elif event.kind == "job" and rows:
                jobs = [part for part in rows[-1][2].split(" → ") if part]
                rows[-1] = (*rows[-1][:2], " → ".join([*jobs, event.after or ""]))
        return rows


def is_asking(run: served.Run) -> bool:
    """Whether a gate is open, and persons still have to decide."""
    gate = run.gate
    if gate is None or any(made.decision == "reject" for made in gate.decisions):
        return False
    return gate.approvals < gate.approvals_needed


def render(watched: Watched) -> Group:
    """The run as a table of its statuses, with the time that each took."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(width=2)
    table.add_column(style="bold", width=24)
    table.add_column(justify="right", width=8)
    table.add_column(style="dim", overflow="fold")
    steps = watched.steps()
    is_finished = bool(watched.run and watched.run.is_finished)
    for number, (status, since, detail) in enumerate(steps):
        is_last = number == len(steps) - 1
        until = datetime.now(since.tzinfo) if is_last and not is_finished else None
        if not is_last:
            until = steps[number + 1][1]
        mark: Any = Text("✓", style="green")
        if is_last and status in BAD:
            mark = Text("✗", style="red")
        elif is_last and not is_finished:
            mark = Text("?", style="yellow") if status in GATES.values() else Spinner("dots")
        taken = _taken((until - since).total_seconds()) if until else ""
        table.add_row(mark, styled(status), taken, styled(detail))
    if watched.run is None:
        table.add_row(Spinner("dots"), "dropped", "", "waiting for the app to see it")
    return Group(table)


def _taken(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def follow(
    console: Terminal,
    client: Client,
    run_id: str,
    *,
    look_s: float,
    check: Callable[[], None] = lambda: None,
    timeout_s: float = _DAY_S,
    known: served.Run | None = None,
    at: At = NOWHERE,
) -> served.Run:
    """Follow a run until it ends or waits for a person.

    Args:
        console: where to show it.
        client: of the app.
        run_id: the run.
        look_s: seconds between two looks.
        check: called before each look; raises an error when waiting is pointless.
        timeout_s: seconds after which to give up.
        known: the run as it was shown before; only what follows is shown.
        at: how the app is named in commands.

    Raises:
        ApiError: the app says no.
        Refused: it takes longer.
    """
    watched = Watched(run_id, len(known.history) if known else 0)
    stop_at = time.monotonic() + timeout_s
    unseen_at = [time.monotonic() + _UNSEEN_S]

    def look() -> None:
        check()
        if unseen_at and watched.run is None and time.monotonic() > unseen_at[0]:
            unseen_at.clear()
            show_note(
                f"the app has not seen the file yet; whether events about uploads reach it says: {typed('doctor', at=at.words)}"
            )
        if time.monotonic() > stop_at:
            more = typed("watch", run_id, at=at.words)
            msg = f"run {run_id} is still {watched.status}; nothing is lost, and this goes on looking: {more}"
            raise Refused(msg)
        watched.look(client)

    if not console.is_terminal:
        _follow_plainly(console, watched, look, look_s)
    else:
        with Live(render(watched), console=console, refresh_per_second=8) as live:
            look()
            while not watched.is_over:
                live.update(render(watched))
                time.sleep(look_s)
                look()
            live.update(render(watched))
    assert watched.run
    return watched.run


def _follow_plainly(console: Terminal, watched: Watched, look: Callable[[], None], look_s: float) -> None:
    shown = 0
    while True:
        look()
        events = watched.events
        for line in told(events[shown:]):
            console.say(*line)
        shown = len(events)
        if watched.is_over:
            return
        time.sleep(look_s)
