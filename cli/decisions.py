"""The command `decisions`: what people decided in a period, for audits; as a table, CSV or JSON."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

from cli.app import asking
from cli.client import pages
from cli.console import Terminal, counted, errors, output, styled, write_json, write_page
from cli.moments import when
from cli.options import add_app
from cli.run_view import print_table, table
from shared.core import served
from shared.core.csv_text import csv_of

#: Columns of the export: the names that the API has for them.
_COLUMNS: Final = served.DecisionRow.__struct_fields__
#: Columns of the terminal from which on who and why have room beside the rest, and below which rows are lists.
_WIDE: Final = 120
_NARROW: Final = 80


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    command.set_defaults(run=run)
    command.add_argument(
        "--from", dest="since", type=_day, metavar="DAY", help="from this day or time on, such as 2026-11-01"
    )
    command.add_argument("--to", dest="until", type=_day, metavar="DAY", help="before this day or time")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON, as the API answers it")
    form.add_argument(
        "--csv",
        type=Path,
        nargs="?",
        const=Path("-"),
        metavar="FILE",
        help="CSV, to a file or the standard output",
    )
    add_app(command)


def _day(text: str) -> str:
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        msg = f"{text!r} is neither a day such as 2026-11-01 nor a time such as 2026-11-01T10:00:00Z"
        raise argparse.ArgumentTypeError(msg)
    return text


def run(given: argparse.Namespace) -> int:
    """Read all pages of the period, and show them."""
    rows: list[served.DecisionRow] = []
    console = errors()
    with asking(given) as (_, client), console.status("reading", spinner="dots") as shown:
        ask = client.list_decisions
        for page in pages(lambda after: ask(since=given.since, until=given.until, limit=100, after=after)):
            rows += page.decisions
            shown.update(counted(len(rows), "decision"))
    if given.json:
        write_json(served.Decisions(decisions=tuple(rows), next=None))
    elif given.csv is not None:
        text = csv_of(_COLUMNS, ([getattr(row, name) for name in _COLUMNS] for row in rows))
        if given.csv == Path("-"):
            write_page(text)
        else:
            given.csv.write_text(text, "utf-8", newline="")
            errors().say(f"{counted(len(rows), 'decision')}: {given.csv}")
    else:
        _show(output(), sorted(rows, key=lambda row: row.at))
    return 0


def _show(console: Terminal, rows: list[served.DecisionRow]) -> None:
    """In the order of time; who and why stand in columns where there is room, else below."""
    if not rows:
        console.say("Nobody decided anything in this period.")
        return
    if not _NARROW <= console.width < _WIDE:
        columns = ("run", "when", "gate", "decision", "who", "comment")
        made = table(*columns, no_fold=frozenset(columns) - {"comment"})
        for row in rows:
            made.add_row(*_cells(row), styled(row.name), styled(row.comment or ""))
        print_table(console, made)
        return
    lines = [("run", "when", "gate", "decision"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    console.say((texts[0], "bold"))
    for text, row in zip(texts[1:], rows, strict=True):
        console.say(text)
        console.tell(f"{row.name}{f': {row.comment}' if row.comment else ''}", indent="    ")


def _cells(row: served.DecisionRow) -> tuple[str, str, str, str]:
    return row.run, when(row.at).removesuffix(" UTC"), row.gate or "", row.decision
