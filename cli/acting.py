"""The commands `cancel`, `retry` and `rejudge`: what an operator may ask of a run."""

from __future__ import annotations

import argparse

from cli.app import asking
from cli.console import counted, output, write_json
from cli.hints import typed
from cli.options import add_app, add_comment, add_json, add_run
from shared.core import served


def _add(command: argparse.ArgumentParser, act: str) -> None:
    command.set_defaults(run=ask, act=act)
    add_run(command)
    add_comment(command, "why; the history keeps it")
    add_json(command)
    add_app(command)


def add_cancel(command: argparse.ArgumentParser) -> None:
    """Options of `cancel`."""
    _add(command, "cancel")


def add_retry(command: argparse.ArgumentParser) -> None:
    """Options of `retry`."""
    _add(command, "retry")


def add_rejudge(command: argparse.ArgumentParser) -> None:
    """Options of `rejudge`."""
    _add(command, "rejudge")


def ask(given: argparse.Namespace) -> int:
    """Ask it of the run, and say what was recorded."""
    with asking(given) as (app, client):
        accepted: served.Accepted | served.Rejudged
        if given.act == "rejudge":
            accepted = client.rejudge_run(given.run_id, comment=given.comment)
        elif given.act == "retry":
            accepted = client.retry_run(given.run_id, comment=given.comment)
        else:
            accepted = client.cancel_run(given.run_id, comment=given.comment)
    if given.json:
        write_json(accepted)
        return 0
    console = output()
    console.say(f"recorded: {given.act} {accepted.run}, which is {accepted.status}")
    if isinstance(accepted, served.Rejudged):
        console.say(f"changed: {', '.join(accepted.changed) or 'nothing'}")
        for note in accepted.notes:
            console.say(f"- {note}")
        usd = accepted.estimated_usd
        cost = "not known" if usd is None else f"{usd:,.2f} USD"
        console.say(
            f"{counted(accepted.answers_missing, 'answer')} to be asked for, cost {cost} ({accepted.estimate_basis})"
        )
    console.say(f"follow it with: {typed('watch', accepted.run, at=app.at.words)}")
    return 0
