"""Figures of long campaigns, a line of JSON each, and the table of `make soak`: `python -m tests.support.figures`."""

import json
import subprocess
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parents[2] / ".local" / "soak"
#: Key of a line -> column of the table; what else a campaign counted stands in the last column.
COLUMNS = {
    "campaign": "campaign",
    "seeds": "seeds",
    "calls": "calls",
    "simulated_hours": "simulated hours",
    "crash_points": "crash points",
    "kills": "kills",
    "mutants_killed": "mutants killed",
    "seconds": "seconds",
    "violations": "violations",
    "commit": "commit",
}


def commit():
    """The commit that is being tested."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def record(campaign, **figures):
    """Append what a campaign measured."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "figures.jsonl").open("a") as out:
        out.write(json.dumps({"campaign": campaign, "commit": commit()} | figures) + "\n")


def lines():
    """The last line of each campaign."""
    path = FOLDER / "figures.jsonl"
    rows = [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []
    return list({row["campaign"]: row for row in rows}.values())


def as_text(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def show(console):
    """Print the table, and the faults by kind."""
    rows, table = lines(), Table(title="soak")
    for column in (*COLUMNS.values(), "and"):
        table.add_column(column, justify="left" if column in {"campaign", "commit", "and"} else "right")
    faults = {}
    for row in rows:
        more = {
            key: value for key, value in row.items() if key not in COLUMNS and not isinstance(value, dict)
        }
        said = ", ".join(f"{key.replace('_', ' ')} {as_text(value)}" for key, value in more.items())
        table.add_row(*(as_text(row.get(key, "")) for key in COLUMNS), said)
        for kind, count in row.get("faults", {}).items():
            faults[kind] = faults.get(kind, 0) + count
    if rows:
        console.print(table)
    kinds = Table("kind", "count", title="faults by kind")
    for kind, count in sorted(faults.items(), key=lambda item: -item[1]):
        kinds.add_row(kind, f"{count:,}")
    if faults:
        console.print(kinds)


if __name__ == "__main__":
    show(Console())
