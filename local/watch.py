"""Follows runs: in a terminal with a live table, elsewhere line by line."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx2
from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.console import Terminal, styled
from local.client import ApiError, Client

_LOOK_S: Final = 0.4
_BAD: Final = frozenset(
    {"invalid", "failed", "cancelled", "rejected", "expired", "superseded", "not_promoted"}
)
_GATES: Final = frozenset({"awaiting_approval", "awaiting_spend_approval"})


class RunWatch:
    """One run, read again and again."""

    def __init__(self, run_id: str, decided: dict[str, Any] | None = None) -> None:
        self.run_id = run_id
        self.run: dict[str, Any] | None = None
        self._shown = len(decided["history"]) if decided else 0

    @property
    def events(self) -> list[dict[str, Any]]:
        """What is to be shown: the history, without what a decided run had before."""
        return list(self.run["history"][self._shown :]) if self.run else []

    @property
    def status(self) -> str:
        """Its status; `dropped` as long as the app does not know the run."""
        return str(self.run["status"]) if self.run else "dropped"

    @property
    def is_waiting_for_people(self) -> bool:
        """Whether a gate is open, and persons still have to decide."""
        gate = self.run["gate"] if self.run else None
        if not gate or any(made["decision"] == "reject" for made in gate["decisions"]):
            return False
        return bool(gate["approvals"] < gate["approvals_needed"])

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return bool(self.run and self.run["is_finished"])

    def look(self, client: Client) -> None:
        """Read the run.  It does not matter if it does not exist yet, or if the host is restarting."""
        try:
            self.run = client.run(self.run_id)
        except ApiError as error:
            if error.status != 404:
                raise
        except httpx2.TransportError:
            return

    def steps(self) -> list[tuple[str, datetime, str]]:
        """Every status of the history: (status, since when, detail)."""
        rows: list[tuple[str, datetime, str]] = []
        for event in self.events:
            at = datetime.fromisoformat(event["at"])
            if event["kind"] == "status":
                rows.append((event["after"], at, event["detail"] or ""))
            elif event["kind"] == "job" and rows:
                jobs = [part for part in rows[-1][2].split(" → ") if part]
                rows[-1] = (*rows[-1][:2], " → ".join([*jobs, event["after"]]))
        return rows


def render(watch: RunWatch) -> Group:
    """The run as a table of its statuses, with the time that each took."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(width=2)
    table.add_column(style="bold", width=24)
    table.add_column(justify="right", width=8)
    table.add_column(style="dim", overflow="fold")
    steps = watch.steps()
    for number, (status, since, detail) in enumerate(steps):
        is_last = number == len(steps) - 1
        until = datetime.now(since.tzinfo) if is_last and not watch.is_finished else None
        if not is_last:
            until = steps[number + 1][1]
        mark: Any = Text("✓", style="green")
        if is_last and status in _BAD:
            mark = Text("✗", style="red")
        elif is_last and not watch.is_finished:
            mark = Text("?", style="yellow") if status in _GATES else Spinner("dots")
        taken = f"{(until - since).total_seconds():.1f} s" if until else ""
        table.add_row(mark, styled(status), taken, styled(detail))
    if not steps and watch.run is None:
        table.add_row(Spinner("dots"), "dropped", "", "waiting for the blob trigger")
    return Group(table)


def follow(
    console: Terminal,
    client: Client,
    run_id: str,
    *,
    check: Callable[[], None] = lambda: None,
    timeout_s: float = 24 * 3600,
    decided: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Follow a run until it ends or waits for a person.

    Args:
        console: where to show it.
        client: of the app.
        run_id: the run.
        check: called before each look; raises an error when waiting is pointless.
        timeout_s: seconds after which to give up.
        decided: the run as it was when its gate was decided; only what follows is shown.

    Raises:
        TimeoutError: if it takes longer.
    """
    watch, stop_at = RunWatch(run_id, decided), time.monotonic() + timeout_s

    def is_over() -> bool:
        return watch.is_finished or (watch.is_waiting_for_people and decided is None)

    def look() -> None:
        check()
        if time.monotonic() > stop_at:
            msg = f"run {watch.run_id} is still {watch.status}"
            raise TimeoutError(msg)
        watch.look(client)
        time.sleep(_LOOK_S)

    if not console.is_terminal:
        _follow_plainly(console, watch, look, is_over)
    else:
        with Live(render(watch), console=console, refresh_per_second=8) as live:
            while not is_over():
                look()
                live.update(render(watch))
    assert watch.run
    return watch.run


def _follow_plainly(
    console: Terminal, watch: RunWatch, look: Callable[[], None], is_over: Callable[[], bool]
) -> None:
    shown = 0
    while True:
        events = watch.events
        for event in events[shown:]:
            if event["kind"] in {"status", "job", "decision", "warning", "trouble"}:
                detail = f"  {event['detail']}" if event["detail"] else ""
                line = f"{event['at'][11:19]}  {event['kind']:8} {event['after'] or ''}{detail}"
                console.say(line)
        shown = len(events)
        if is_over():
            return
        look()
