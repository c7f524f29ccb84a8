"""The command `doctor`: what is missing here and in Azure, and what to do about each."""

from __future__ import annotations

import argparse

from cli.app import asking, known
from cli.checks import Found, cloud_checks, here_checks
from cli.client import ApiError
from cli.console import CannotStart, Refused, errors, output, write_json
from cli.options import add_app, add_json
from shared.core import served


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    command.set_defaults(run=run)
    command.epilog = (
        "Needed are Python; for the local cloud (--local, or no app is named) Node; for a deployed app az, the sign-in, an app "
        "role, and that the app and its events work.  What is not needed for that is said and fails nothing."
    )
    add_json(command)
    add_app(command)


def run(given: argparse.Namespace) -> int:
    """Ask everything, and say what is missing.

    Returns:
        1 if something that is needed is missing.
    """
    values = known(given)
    is_deployed = (
        not given.local and given.state is None and bool(given.app or values.get("FUNCTION_APP_URL"))
    )
    found: list[Found] = []
    with errors().status("asking", spinner="dots"):
        found += here_checks(is_deployed=is_deployed)
        if is_deployed or given.local or given.state is not None:
            found += _app_checks(given)
        else:
            remedy = "Give --app URL, --local, or work in an azd environment."
            found.append(Found("app", None, "no app is named", remedy, needed=False))
        if is_deployed:
            found += cloud_checks(values)
    is_well = not any(one.needed and one.ok is False for one in found)
    if given.json:
        write_json(served.Health(ok=is_well, checks=tuple(one.as_check() for one in found)))
    else:
        _show(found, is_well=is_well)
    return 0 if is_well else 1


def _app_checks(given: argparse.Namespace) -> list[Found]:
    """Whether the app answers, to whom, and what it says of itself."""
    found: list[Found] = []
    try:
        with asking(given) as (app, client):
            held = ", ".join(app.roles()) or "one that reads"
            health = client.health()
            found += [
                Found(f"app: {check.name}", check.ok, check.code or "", check.remedy or "", needed=True)
                for check in health.checks
            ]
            try:
                client.list_runs(limit=1)
            except ApiError as error:
                if error.status not in {401, 403}:
                    raise
                remedy = "Ask an administrator for one: python3 -m infra.hooks grant ROLE ID (docs/azure.md)."
                found.append(Found("app role", ok=False, said=str(error), remedy=remedy, needed=True))
            else:
                found.append(Found("app role", ok=True, said=held, remedy="", needed=True))
    except (CannotStart, Refused) as error:
        found.append(
            Found("app", ok=False, said=str(error), remedy="Do what it says, then ask again.", needed=True)
        )
    return found


def _show(found: list[Found], *, is_well: bool) -> None:
    console = output()
    marks = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("? ", "yellow")}
    for one in found:
        mark = marks[one.ok] if one.needed or one.ok is not False else ("- ", "dim")
        console.say(mark, (f"{one.name:<22} " if one.said else one.name, "bold"), one.said)
        if one.ok is not True and one.remedy:
            console.say(f"    {one.remedy}")
    console.say()
    console.say("All that is needed is there." if is_well else "Something that is needed is missing.")
