"""Measures how long the page of a run takes to be made and rendered: `python -m bench.pages`, or `make bench WHAT=pages`.

On the twins of the tests, so without storage.  Made: all that is read, decoded and put into words.  Rendered: from there to
HTML, for which 50 ms are meant to suffice.  The peer is JSON of the same words, and takes turns with it; the ratio is of the
best turns.  Times are CPU milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from shared.core.people import Person, Reader
from shared.core.portal import Portal
from shared.core.roles import Roles
from shared.pages.render import Frame, render
from shared.ports import World
from shared.views.run_page import RunPages
from tests.support.long_run import long_run, measured_product

_TURNS: Final = 20
_TARGET_MS: Final = 50
_ROLES: Final = Roles()
_READER: Final = Reader(
    person=Person(id="oid", name="Ada", roles=frozenset({_ROLES.approver})), data_role=_ROLES.data
)
_PORTAL: Final = Portal(subscription_id="", resource_group="", account="", endpoint="")
_FRAME: Final = Frame(version="0", place="runs", person="Ada")


def _milliseconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return 1000 * (time.process_time() - started)


def _row(name: str, world: World, run_id: str) -> tuple[str, ...]:
    pages = RunPages(world, _ROLES, _PORTAL)
    page = pages.page(run_id, _READER)
    text = render("run", page, _FRAME)
    turns = [
        (
            _milliseconds(lambda: pages.page(run_id, _READER)),
            _milliseconds(lambda: render("run", page, _FRAME)),
            _milliseconds(lambda: msgspec.json.encode(page)),
        )
        for _ in range(_TURNS)
    ]
    made, rendered, peer = (min(of_one) for of_one in zip(*turns, strict=True))
    ratio = f"{rendered / peer:,.0f}" if peer else "more than can be measured"
    kilobytes = f"{len(text.encode()) / 1000:.0f}"
    return name, kilobytes, f"{made:.1f}", f"{rendered:.1f}", str(_TARGET_MS), f"{peer:.2f}", ratio


def main() -> None:
    """Measure and print."""
    measured = measured_product()
    world, run = long_run(("many words, " * 200,), of=measured)
    columns = ("run", "kB", "made, ms", "rendered, ms", "target, ms", "JSON, ms", "rendered / JSON")
    table = Table(*columns)
    table.add_row(*_row("at its gate", measured.world, measured.run.id))
    table.add_row(*_row("1,000 findings, 10,000 lines, 10,000 steps, 200 items", world, run.id))
    Console(width=120, highlight=False).print(table)


if __name__ == "__main__":
    main()
