"""The commands `approve`, `reject`, `hold` and `withdraw`: what a person says at a gate."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from cli.app import App, asking
from cli.client import Client
from cli.console import CannotStart, NotDecided, Refused, ask, errors, output, write_json
from cli.following import GOOD, follow
from cli.gate_view import show_gate
from cli.hints import typed
from cli.money import a_month, asked_gain
from cli.next_steps import say_next
from cli.options import add_app, add_comment, add_json, add_run
from cli.run_view import show_end, show_evaluation
from shared.core import served

_QUESTIONS: Final = {"approve": "Approve exactly this? [y/N] ", "reject": "Reject it?  The run ends. [y/N] "}
_NO_VOTE: Final = "It is no vote: it stops no clock, and anybody may still decide."
#: Whether what was said last waits for an answer -> what follows from that.
_AFTER_HOLD: Final = {
    True: "It counts as open until the uploader answers with a hold, or you vote.",
    False: "Nothing that was asked is open now.",
}
#: Gate -> what a rejection leaves open.
_AFTER_REJECTION: Final = {
    "spend": "The run ends, and nothing was paid for its training; to train after all, drop the dataset again.",
    "deployment": "The run ends; its model stays, and it can be judged again later, which opens another gate.",
}


def add_approve(command: argparse.ArgumentParser) -> None:
    """Options of `approve`."""
    _add(command, "approve", "why; required where nothing is proven")
    command.add_argument("--yes", action="store_true", help="do not ask once more at a terminal")
    command.add_argument("--no-wait", action="store_true", help="do not follow the run")


def add_reject(command: argparse.ArgumentParser) -> None:
    """Options of `reject`."""
    _add(command, "reject", "why")
    command.add_argument("--yes", action="store_true", help="do not ask once more at a terminal")
    command.add_argument("--no-wait", action="store_true", help="do not follow the run")


def add_withdraw(command: argparse.ArgumentParser) -> None:
    """Options of `withdraw`."""
    _add(command, "withdraw", "why")
    command.set_defaults(yes=True, no_wait=True)


def add_hold(command: argparse.ArgumentParser) -> None:
    """Options of `hold`."""
    _add(command, "hold", "what has to be answered, or what the uploader answers", is_needed=True)
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
            more = typed("show", run.id, at=app.at.words)
            msg = f"run {run.id} is {run.status}; no gate is open.  How it stands: {more}"
            raise Refused(msg)
        console = errors() if given.json else output()
        if given.said in {"approve", "reject"}:
            show_gate(console, run, gate, a_month=a_month(client, run), asked=asked_gain(client, run))
        else:
            console.say(f"{given.said} at the {gate.name} gate of {run.id}: {gate.reason}")
        comment = _insist(given, gate)
        decided = client.decide_gate(
            run.id, gate.name, decision=given.said, digest=given.digest or gate.digest, comment=comment
        )
        if given.json:
            write_json(decided)
        else:
            _say(given, decided, app)
            if given.said == "hold":
                _say_what_is_open(client.get_run(run.id), app)
        is_settled = given.said == "reject" or (given.said == "approve" and not decided.approvals_missing)
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
        and ask(_QUESTIONS[given.said]).strip().lower() not in {"y", "yes"}
    ):
        raise NotDecided
    return comment


def _say(given: argparse.Namespace, decided: served.Decided, app: App) -> None:
    """What was recorded, and what follows from it."""
    console, missing = output(), decided.approvals_missing
    again = "" if decided.is_new or given.said == "hold" else " (it was before)"
    counts = f"; approvals missing: {missing}" if given.said in {"approve", "withdraw"} else ""
    console.say(f"recorded: {given.said}{again}{counts}")
    if given.said == "reject":
        console.say(_AFTER_REJECTION[decided.gate])
        if decided.gate == "deployment" and given.no_wait:
            console.say(f"judge it again with: {typed('rejudge', decided.run, at=app.at.words)}")
    if given.said == "approve" and missing:
        more = typed("approve", decided.run, at=app.at.others)
        console.say(f"another approver decides with: {more}")
    elif given.no_wait and given.said != "hold":
        console.say(f"follow it with: {typed('watch', decided.run, at=app.at.words)}")


def _say_what_is_open(run: served.Run, app: App) -> None:
    """What follows from a hold: the uploader's answers, that of others asks."""
    console = output()
    console.say(_NO_VOTE if run.gate is None else f"{_NO_VOTE}  {_AFTER_HOLD[run.gate.needs_answer]}")
    console.say(f"what was said since: {typed('show', run.id, at=app.at.words)}")


def _follow(given: argparse.Namespace, app: App, client: Client, run: served.Run) -> int:
    """Follow the run to the next gate, or its end, as a drop does.

    Returns:
        1 if what was approved went wrong.
    """
    console = errors() if given.json else output()
    ended = follow(console, client, run.id, look_s=app.look_s, known=run, at=app.at)
    if ended.evaluation != run.evaluation:
        show_evaluation(console, ended)
    show_end(console, ended, app.at, asked=asked_gain(client, ended))
    say_next(console, ended, app.at, decide=getattr(given, "hint", None))
    return 0 if given.said == "reject" or ended.status in GOOD else 1
