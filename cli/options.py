"""Options that commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

#: State directory of the local cloud, below the folder in which `make up` was called.
LOCAL_STATE: Final = Path(".local") / "cloud"
#: Who there is in a local cloud.
IDENTITIES: Final = ("approver", "approver-2", "operator", "reader")


def add_app(command: argparse.ArgumentParser) -> None:
    """Which app is meant, and who asks it."""
    where = command.add_argument_group(
        "the app",
        "Without these, variables FUNCTION_APP_URL, AUTH_CLIENT_ID and DATA_STORAGE_NAME are taken, "
        "else those of the azd environment here.  You are who is signed in to the Azure CLI (az login).",
    )
    where.add_argument("--app", metavar="URL", help="address of the deployed app, https://...")
    where.add_argument("--client-id", metavar="ID", help="of the Entra application that people sign in to")
    where.add_argument("--storage", metavar="NAME", help="storage account that datasets are dropped into")
    where.add_argument("--local", action="store_true", help="the local cloud (make up), not a deployed app")
    where.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=f"the local cloud of this state directory (default: {LOCAL_STATE})",
    )
    where.add_argument(
        "--as",
        dest="identity",
        metavar="NAME",
        help=f"with --local: who asks, one of {', '.join(IDENTITIES)} (default: approver)",
    )


def add_json(command: argparse.ArgumentParser) -> None:
    """Answers for programs."""
    command.add_argument("--json", action="store_true", help="JSON, as the API answers it")


def add_format_json(command: argparse.ArgumentParser) -> None:
    """The same word for commands whose results have forms of their own."""
    command.add_argument(
        "--json", dest="format", action="store_const", const="json", help="the same as --format json"
    )


def add_comment(command: argparse.ArgumentParser, about: str, *, is_needed: bool = False) -> None:
    """Why it is done."""
    command.add_argument("--comment", default="", required=is_needed, metavar="WORDS", help=about)


def add_run(command: argparse.ArgumentParser) -> None:
    """Which run is meant."""
    command.add_argument("run_id", type=_run_id, metavar="RUN", help="id of a run; `runs` lists them")


def _run_id(text: str) -> str:
    if not text.strip() or "/" in text:
        msg = f"{text!r} is not the id of a run; `runs` lists them"
        raise argparse.ArgumentTypeError(msg)
    return text


def sentence(about: str) -> str:
    """What a command does, as a sentence."""
    return f"{about[:1].upper()}{about[1:]}."
