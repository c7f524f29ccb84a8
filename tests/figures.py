"""Figures of long campaigns, one line of JSON each, for the table of `make soak`."""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".local" / "soak"


def record(campaign, **figures):
    """Append what a campaign measured to its file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"campaign": campaign, "figures": figures})
    with (FOLDER / f"{campaign}.json").open("a") as out:
        out.write(line + "\n")
