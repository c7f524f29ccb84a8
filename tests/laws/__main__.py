"""Run the campaign: `python -m tests.laws` prints its table; `--write` puts it into docs/evaluation.md too."""

import argparse
import re
import sys
import time
from pathlib import Path

from tests.laws import campaign
from tests.laws.cells import cells, drops, enumerated

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"
_MARKED = re.compile(r"(<!-- measured:laws -->\n).*?(<!-- /measured -->)", re.DOTALL)
#: Items of the exam of repeated drops: enough that `automatic` can be without doubt.
DROPPED_ITEMS = 200


def rows(trials, pipelines, *, with_dear=False, say=lambda _: None):
    """All rows of the table, in its order."""
    found = []

    def took(row, started):
        say(f"{time.process_time() - started:6.1f} s  {row.title}, {row.items}: {row.person} {row.automatic}")
        found.append(row)

    for cell in cells():
        if with_dear or not cell.dear:
            started = time.process_time()
            took(campaign.run(cell, trials), started)
    for case in enumerated():
        started = time.process_time()
        took(campaign.enumerate_passing(case), started)
    for title, law in drops():
        started = time.process_time()
        took(campaign.run_drops(title, law, DROPPED_ITEMS, pipelines), started)
    return found


def write(text):
    """Put the table between its marks."""
    PAGE.write_text(_MARKED.sub(lambda found: f"{found[1]}{text}\n{found[2]}", PAGE.read_text()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.laws", description=__doc__)
    parser.add_argument("--trials", type=int, default=2000, help="of each cell")
    parser.add_argument("--pipelines", type=int, default=1000, help="of each law of 20 drops")
    parser.add_argument("--all", action="store_true", help="the dear cells too")
    parser.add_argument("--write", action="store_true", help="put the table into docs/evaluation.md")
    given = parser.parse_args()
    measured = rows(
        given.trials, given.pipelines, with_dear=given.all, say=lambda text: print(text, file=sys.stderr)
    )
    print(campaign.table(measured))
    if given.write:
        write(campaign.table(measured))
    broken = [row for row in measured if not row.is_kept]
    sys.exit(f"not kept: {broken}" if broken else 0)
