"""The commands `approve`, `reject`, `hold` and `withdraw`: what a person says at a gate."""

from __future__ import annotations

import argparse
import sys

from cli.app import App, asking
from cli.client import Client
from cli.console import CannotStart, Refused, ask, errors, output, write_json
from cli.following import GOOD, follow
from cli.money import a_month
from cli.next_steps import say_next
from cli.options import add_app, add_comment, add_json, add_run
from cli.run_view import show_end, show_gate
from shared.core import served


def add_approve(command: argparse.ArgumentParser) -> None:
    """Options of `approve`."""
    _add(command, "approve", "why; required where nothing is proven")
    command.add_argument("--yes", action="store_true", help="do not ask once more at a terminal")
    command.add_argument("--no-wait", action="store_true", help="do not follow the run")


def add_reject(command: argparse.ArgumentParser) -> None:
    """Options of `reject`."""
    _add(command, "reject", "why")
    command.set_defaults(yes=True)
    command.add_argument("--no-wait", action="store_true", help="do not follow the run")


def add_withdraw(command: argparse.ArgumentParser) -> None:
    """Options of `withdraw`."""
    _add(command, "withdraw", "why")
    command.set_defaults(yes=True, no_wait=True)


def add_hold(command: argparse.ArgumentParser) -> None:
    """Options of `hold`."""
    _add(command, "hold", "what has to be answered, or the answer", is_needed=True)
    command.set_defaults(yes=True, no_wait=True)


def _add(command: argparse.ArgumentParser, said: str, about: str, *, is_needed: bool = False) -> None:
    command.set_defaults(run=decide, said=said)
    add_run(command)
    add_comment(command, about, is_needed=is_needed)
    command.add_argument(
        "--digest",
        metavar="SHA256",
        help="decide only if the gate is about exactly this, as it was read before",
    )
    add_json(command)
    add_app(command)


def decide(given: argparse.Namespace) -> int:
    """Show what is decided on, decide, and follow the run to the next gate or its end.

    Raises:
        CannotStart: words are missing, or the person at the terminal said no.
        Refused: no gate is open, or the app says no.
    """
    with asking(given) as (app, client):
        run = client.get_run(given.run_id)
        gate = run.gate
        if gate is None:
            msg = f"run {run.id} is {run.status}; no gate is open"
            raise Refused(msg)
        console = errors() if given.json else output()
        if given.said in {"approve", "reject"}:
            show_gate(console, run, gate, a_month(client, run))
        else:
            console.say(f"{given.said} at the {gate.name} gate of {run.id}: {gate.reason}")
        comment = _insist(given, gate)
        decided = client.decide_gate(
            run.id, gate.name, decision=given.said, digest=given.digest or gate.digest, comment=comment
        )
        if given.json:
            write_json(decided)
        else:
            _say(given, decided)
        is_settled = given.said == "reject" or not decided.approvals_missing
        if given.no_wait or not is_settled:
            return 0
        return _follow(given, app, client, run)


def _insist(given: argparse.Namespace, gate: served.Gate) -> str:
    """The words; where somebody sits at the terminal they are asked for what is missing, and once more."""
    is_somebody_there = sys.stdin.isatty() and sys.stderr.isatty()
    comment = str(given.comment)
    if not comment.strip() and given.said == "approve" and gate.needs_words:
        if is_somebody_there:
            comment = ask("Nothing is proven.  Why is it approved? ").strip()
        if not comment.strip():
            msg = "nothing is proven, so nothing but your words would stand for the model: say why with --comment"
            raise CannotStart(msg)
    elif not comment.strip() and given.said == "hold":
        msg = "a hold needs words: say in --comment what has to be answered"
        raise CannotStart(msg)
    if (
        not given.yes
        and is_somebody_there
        and ask("Approve exactly this? [y/N] ").strip().lower() not in {"y", "yes"}
    ):
        msg = "nothing was decided"
        raise CannotStart(msg)
    return comment


def _say(given: argparse.Namespace, decided: served.Decided) -> None:
    again = "" if decided.is_new or given.said == "hold" else " (it was before)"
    missing = (
        f"; approvals missing: {decided.approvals_missing}" if given.said in {"approve", "withdraw"} else ""
    )
    output().say(f"recorded: {given.said}{again}{missing}")


def _follow(given: argparse.Namespace, app: App, client: Client, run: served.Run) -> int:
    """Follow the run to the next gate, or its end, as a drop does.

    Returns:
        1 if what was approved went wrong.
    """
    console = errors() if given.json else output()
    ended = follow(console, client, run.id, look_s=app.look_s, known=run)
    show_end(console, ended)
    say_next(console, given, app, ended)
    return 0 if given.said == "reject" or ended.status in GOOD else 1
