"""The table of the soak: `python -m tests.simulation.soak` reads `.local/soak/*.jsonl`, whoever wrote them."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.simulation.campaign import SOAK

#: Column -> key of a line; a campaign that does not have one leaves it empty.
COLUMNS = {
    "campaign": "campaign",
    "seeds": "seeds",
    "calls": "calls",
    "simulated hours": "simulated_hours",
    "crash points": "crash_points",
    "kills": "kills",
    "mutants killed": "mutants_killed",
    "seconds": "seconds",
    "violations": "violations",
    "commit": "commit",
}


def lines() -> list[dict[str, Any]]:
    """The last line of each campaign."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(SOAK.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            row = json.loads(text)
            found[row["campaign"]] = row
    return list(found.values())


def show(console: Console) -> None:
    """Print the table, and the faults by kind."""
    rows, table = lines(), Table(title="soak")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in {"campaign", "commit"} else "right")
    for row in rows:
        cells = [row.get(key, "") for key in COLUMNS.values()]
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells))
    console.print(table)
    faults: dict[str, int] = {}
    for row in rows:
        for kind, count in row.get("faults", {}).items():
            faults[kind] = faults.get(kind, 0) + count
    kinds = Table(title="faults by kind")
    kinds.add_column("kind")
    kinds.add_column("count", justify="right")
    for kind, count in sorted(faults.items(), key=lambda item: -item[1]):
        kinds.add_row(kind, f"{count:,}")
    console.print(kinds)


if __name__ == "__main__":
    show(Console())
