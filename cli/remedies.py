"""What errors advise, as commands: the app speaks of routes of its API, which nobody calls from here."""

from __future__ import annotations

import re
from typing import Final

from cli.hints import NOWHERE, At, typed

#: What the app says -> the command that does it; `{run}` is the run that was asked for.
_COMMANDS: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (re.compile(r"POST (?:\.\.\.|/api/runs/[^/ ]+)/retry"), ("retry", "{run}")),
    (re.compile(r"POST (?:\.\.\.|/api/runs/[^/ ]+)/rejudge"), ("rejudge", "{run}")),
    (re.compile(r"POST (?:\.\.\.|/api/runs/[^/ ]+)/cancel"), ("cancel", "{run}")),
    (re.compile(r"GET /api/runs/\{run_id\}|`failure\.remedy`"), ("show", "{run}")),
    (re.compile(r"GET /api/runs\b(?!/)|the list of runs(?= has)"), ("runs",)),
    (re.compile(r"GET /api/waiting\b"), ("waiting",)),
    (re.compile(r"GET /api/pipelines\b(?!/)"), ("pipelines", "list")),
)
_STORE: Final = re.compile(r"Store its file as pipelines/([a-z0-9-]+\.yaml)")


def in_commands(remedy: str, run_id: str | None = None, at: At = NOWHERE) -> str:
    """A remedy, for people with a command line.

    Args:
        remedy: as the app said it.
        run_id: the run that it is about; without one, what needs it stays as it is.
        at: how the app is named in commands.
    """
    for pattern, words in _COMMANDS:
        if run_id is not None or "{run}" not in words:
            command = typed(*(run_id if word == "{run}" else word for word in words), at=at.words)
            remedy = f"`{command}`".join(pattern.split(remedy))
    stored = _STORE.search(remedy)
    if stored is None:
        return remedy
    command = typed("pipelines", "put", stored[1], at=at.words)
    return remedy.replace(stored[0], f"Write {stored[1]} and store it: `{command}`")
