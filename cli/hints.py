"""What people are told to call next: commands that work when they are copied exactly as they are printed."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final, NamedTuple

from cli.options import LOCAL_STATE

#: Option -> attribute that holds what was given, of the options that say which app is meant.
_WHERE: Final = {"--app": "app", "--client-id": "client_id", "--storage": "storage"}


class At(NamedTuple):
    """How an app is named in a command.

    Attributes:
        words: as it was named, by whoever was named.
        deciders: by somebody who may decide on what was just done.
        others: by another one than who just decided.
    """

    words: str = ""
    deciders: str = ""
    others: str = ""


NOWHERE: Final = At()


def program() -> str:
    """The program as it was called, in a form that can be typed."""
    called = Path(sys.argv[0])
    if called.stem == "__main__":  # of `cli`, or of `local`, whose commands are ours
        return f"{shlex.quote(sys.orig_argv[0] or 'python')} -m cli"
    found = shutil.which(called.stem)
    is_found = called.parent == Path() or (found is not None and Path(found).resolve() == called.resolve())
    return shlex.quote(called.stem if is_found else str(called))


def typed(*words: object, at: str = "") -> str:
    """A command as it can be typed.

    Args:
        words: the command, what it is about, its options; a path is a `Path`.
        at: the options that say which app is meant, as `where` writes them.
    """
    return " ".join(filter(None, (program(), *map(_word, words), at)))


def _word(word: object) -> str:
    """A word for a shell; no file is taken for an option."""
    text = str(word)
    return shlex.quote(f"./{text}" if isinstance(word, Path) and text.startswith("-") else text)


def where(given: argparse.Namespace, *, client_id: str = "", has_identity: bool = True) -> str:
    """The options that say which app is meant, and who asks it, as they were given.

    Args:
        given: what was given.
        client_id: that was found for the app, if none was given.
        has_identity: whether who asks is said, too.
    """
    words: list[object] = []
    for option, name in _WHERE.items():
        value = getattr(given, name, None) or (client_id if name == "client_id" and given.app else None)
        words += [option, value] if value else []
    if given.state is not None and given.state != LOCAL_STATE:
        words += ["--state", given.state]
    elif given.local or given.state is not None:
        words.append("--local")
    if has_identity and given.identity:
        words += ["--as", given.identity]
    return " ".join(map(_word, words))


def likely_where() -> str:
    """For commands that ask no app, what the next one needs: `--local` where a local cloud was started and no app is named."""
    is_local = not os.environ.get("FUNCTION_APP_URL") and (LOCAL_STATE / "cloud.json").is_file()
    return "--local" if is_local else ""
