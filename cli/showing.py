"""The commands `show` and `watch`: one run."""

from __future__ import annotations

import argparse

from cli.app import asking
from cli.client import ApiError, Client
from cli.console import errors, output, write_json
from cli.following import GOOD, follow
from cli.money import asked_gain
from cli.next_steps import say_next
from cli.options import add_app, add_json, add_run
from cli.run_view import show_end, show_evaluation, show_run
from shared.core import served
from shared.core.status import Status


def add_show(command: argparse.ArgumentParser) -> None:
    """Options of `show`."""
    command.set_defaults(run=show)
    add_run(command)
    command.add_argument(
        "--history", action="store_true", help="all lines of the history, not the newest alone"
    )
    add_json(command)
    add_app(command)


def add_watch(command: argparse.ArgumentParser) -> None:
    """Options of `watch`."""
    command.set_defaults(run=watch)
    add_run(command)
    add_json(command)
    add_app(command)


def show(given: argparse.Namespace) -> int:
    """Show a run."""
    with asking(given) as (app, client):
        run = client.get_run(given.run_id)
        champion = None if given.json else _champion(client, run)
        asked = "" if given.json else asked_gain(client, run)
    if given.json:
        write_json(run)
        return 0
    console = output()
    show_run(console, run, is_whole=given.history, at=app.at, champion=champion, asked=asked)
    console.say()
    say_next(console, run, app.at)
    console.say(f"page: {app.url.rstrip('/')}/api/ui/runs/{run.id}")
    return 0


def _champion(client: Client, run: served.Run) -> served.Champion | None:
    """What clients of the pipeline use now, where that says more of this run; None if it cannot be told."""
    if run.status != Status.DEPLOYED:
        return None
    try:
        return client.get_pipeline(run.pipeline).champion
    except ApiError:
        return None


def watch(given: argparse.Namespace) -> int:
    """Follow a run until it ends or waits for a person.

    Returns:
        1 if it ended otherwise than deployed or as a duplicate.
    """
    with asking(given) as (app, client):
        client.get_run(given.run_id)  # a mistyped id is not waited for
        console = errors() if given.json else output()
        run = follow(console, client, given.run_id, look_s=app.look_s, at=app.at)
        asked = "" if given.json else asked_gain(client, run)
    if given.json:
        write_json(run)
    else:
        show_evaluation(console, run)
        show_end(console, run, app.at, asked=asked)
        say_next(console, run, app.at)
    return 0 if run.status in GOOD else 1
