"""The command `evidence pull`: the artifacts of a run, all that the role may have, into a folder of this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.app import asking
from cli.client import ApiError, Client
from cli.console import CannotStart, counted, errors, output, show_note, write_json
from cli.hints import typed
from cli.options import add_app, add_json, add_run, sentence
from shared.core import served
from shared.core.artifacts import COMPARISON_TABLE, SCORES
from shared.core.naming import is_safe

#: The run itself, beside its artifacts.
_RUN: str = "run.json"


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    acts = command.add_subparsers(required=True, metavar="ACT", title="acts")
    about = "write the run and its artifacts into a folder; compare --evidence FOLDER checks the verdict"
    pulling = acts.add_parser("pull", help=about, description=sentence(about))
    pulling.set_defaults(run=pull)
    add_run(pulling)
    pulling.add_argument("folder", type=Path, metavar="FOLDER", help="where; made if it is not there")
    add_json(pulling)
    add_app(pulling)


class Pulled(NamedTuple):
    """What was fetched.

    Attributes:
        files: names of what was written.
        withheld: names of what the role may not have.
        gone: names of what is not there as the run stored it.
    """

    files: list[str]
    withheld: list[str]
    gone: list[str]


def pull(given: argparse.Namespace) -> int:
    """Fetch the evidence.

    Returns:
        1 if evidence was changed or deleted since the run stored it.

    Raises:
        CannotStart: the folder cannot be used.
        Refused: the app says no.
        OSError: a file cannot be written.
    """
    with asking(given) as (_, client):
        run = client.get_run(given.run_id)
        _make(given.folder, run)
        pulled = _fetch(client, run, given.folder)
    (given.folder / _RUN).write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    for name in pulled.gone:
        show_note(f"{name} is not there as the run stored it, and was not fetched")
    if pulled.withheld:
        show_note(
            f"{counted(len(pulled.withheld), 'artifact')} with rows of the dataset, which your role may not see: "
            f"{', '.join(pulled.withheld[:3])}{' ...' if len(pulled.withheld) > 3 else ''}"
        )
    if given.json:
        write_json(run)
    else:
        console = output()
        console.say(f"{counted(len(pulled.files), 'artifact')} and {_RUN}: {given.folder}")
        if COMPARISON_TABLE.name in pulled.files:
            console.say(f"the items, the worst losses among them: {given.folder / COMPARISON_TABLE.name}")
        if SCORES.name in pulled.files:
            console.say(f"check the verdict with: {typed('compare', '--evidence', given.folder)}")
    return 1 if pulled.gone else 0


def _make(folder: Path, run: served.Run) -> None:
    """The folder; evidence of two runs in one would be of neither.

    Raises:
        CannotStart: it holds evidence of another run, or something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = folder / _RUN
    if not held.exists():
        if any(folder.iterdir()):
            msg = f"{folder} is not empty, and not the evidence of a run; name another folder"
            raise CannotStart(msg)
        return
    try:
        is_same = msgspec.json.decode(held.read_bytes())["id"] == run.id
    except (msgspec.MsgspecError, UnicodeError, KeyError, TypeError):
        is_same = False
    if not is_same:
        msg = f"{folder} holds the evidence of another run; name another folder"
        raise CannotStart(msg)


def _fetch(client: Client, run: served.Run, folder: Path) -> Pulled:
    """Write each artifact, with a bar if somebody looks at the standard error."""
    pulled = Pulled([], [], [])
    columns = (TextColumn("artifacts"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors(), transient=True, disable=not sys.stderr.isatty()) as bar:
        for name in bar.track(run.artifacts):
            place = _place(folder, name)
            try:
                raw = client.get_artifact(run.id, name)
            except ApiError as error:
                if error.status == 403 and error.problem is not None:
                    pulled.withheld.append(name)
                elif error.problem is not None and error.problem.code in {"artifact_gone", "not_found"}:
                    pulled.gone.append(name)
                else:
                    raise
                place.unlink(missing_ok=True)  # of an earlier time, when it was another
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(raw)
            pulled.files.append(name)
    return pulled


def _place(folder: Path, name: str) -> Path:
    """Where an artifact goes: within the folder, whatever its name is.

    Raises:
        CannotStart: its name leads elsewhere.
    """
    parts = PurePosixPath(name).parts
    if not parts or not is_safe(name) or name.startswith("/") or "\\" in name or ":" in name or name == _RUN:
        msg = f"the artifact {name!r} has a name that leads elsewhere; nothing more was fetched"
        raise CannotStart(msg)
    return folder.joinpath(*parts)
