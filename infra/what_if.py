"""Asks Azure what a deployment would change, leaves out known noise, and shows the rest as Markdown.

    python -m infra.what_if FILE --ask     ask, and write the answer; in the environment of azd, or of the workflow
    python -m infra.what_if FILE           show it
    python -m infra.what_if FILE --fail    and end with 1 if there is any

`azd provision --preview` runs no hooks, so it would show a budget, a topic and an account that are not meant
(Azure/azure-dev#2570); this asks the questions of the pre-provision hook first.  Nothing is changed.

Known noise stands in what_if_noise.json: type of the resource, beginning of the path of a property (empty: all), why.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.hooks import questions
from infra.hooks.cloud import Stop, az, need

NOISE: Final = Path(__file__).with_name("what_if_noise.json")
#: Kinds of changes that are none: resources that the templates do not name stay as they are.
_NONE: Final = {"NoChange", "Ignore"}


def ask() -> Any:
    """What Azure says that a deployment would do; an identity that may only read and ask suffices.

    Raises:
        Stop: if a deployment would be refused, or Azure did not answer.
    """
    with contextlib.redirect_stdout(sys.stderr):
        os.environ |= questions.look()
    command = ("deployment", "sub", "what-if", "--location", need("AZURE_LOCATION"), "--no-pretty-print")
    parameters = str(NOISE.with_name("main.bicepparam"))
    return az(*command, "--validation-level", "ProviderNoRbac", "--parameters", parameters)


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
    """Ask, or show; 1 if Azure could not be asked, or if it is asked for and anything would change."""
    if "--ask" in arguments:
        try:
            Path(arguments[0]).write_text(json.dumps(ask()), encoding="utf-8")
        except Stop as problem:
            print(f"what-if: {problem}", file=sys.stderr)
            return 1
        return 0
    answer = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    found = list(changes(answer, json.loads(NOISE.read_text(encoding="utf-8"))))
    sys.stdout.write(
        "\n".join(["Azure would change:", "", *found] if found else ["Nothing would change."]) + "\n"
    )
    return 1 if found and "--fail" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
