"""Reads what `az deployment sub what-if --no-pretty-print` said, leaves out known noise, and shows the rest as Markdown.

    python -m infra.what_if FILE           show it
    python -m infra.what_if FILE --fail    and end with 1 if there is any

Known noise stands in what_if_noise.json: type of the resource, beginning of the path of a property (empty: all), why.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

NOISE: Final = Path(__file__).with_name("what_if_noise.json")
#: Kinds of changes that are none: resources that the templates do not name stay as they are.
_NONE: Final = {"NoChange", "Ignore"}


def changes(answer: dict[str, Any], noise: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each resource, or property of one, that would change and is not known noise."""
    for change in answer.get("changes") or []:
        if change["changeType"] in _NONE:
            continue
        kind, name = kind_of(change["resourceId"]), change["resourceId"].rpartition("/")[2]
        known = [
            n
            for n in noise
            if n["type"] == kind and change["changeType"] in n.get("kinds", [change["changeType"]])
        ]
        paths = [
            delta["path"]
            for delta in change.get("delta") or []
            if delta.get("propertyChangeType") != "NoEffect"
        ]
        unknown = [path for path in paths or [""] if not any(path.startswith(n["path"]) for n in known)]
        if paths and change["changeType"] == "Modify":
            yield from (f"- {change['changeType']} {kind} `{name}`: `{path}`" for path in unknown)
        elif unknown:
            yield f"- {change['changeType']} {kind} `{name}`"


def kind_of(resource_id: str) -> str:
    """`Microsoft.Web/sites/config` of an id; the last provider counts."""
    provider, *parts = re.split("/providers/", resource_id, flags=re.IGNORECASE)[-1].split("/")
    if "/providers/" not in resource_id:
        return "Microsoft.Resources/resourceGroups"
    return "/".join([provider, *parts[::2]])


def main(arguments: list[str]) -> int:
    """Show; 1 if it is asked for and anything would change."""
    answer = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    found = list(changes(answer, json.loads(NOISE.read_text(encoding="utf-8"))))
    sys.stdout.write(
        "\n".join(["Azure would change:", "", *found] if found else ["Nothing would change."]) + "\n"
    )
    return 1 if found and "--fail" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
