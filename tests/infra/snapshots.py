"""What each kind of deployment would send: `make snapshots` writes it, the tests read it as plain JSON.

A case is a parameter file in infra/snapshots with its `.snapshot.json`.  `made-by.json` beside them says which compiler wrote
them, and the hash of what they were made from: without a compiler, that tells whether they are stale.
"""

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from local.rights import DEFINITION, role_of, scope_of, who
from tests.infra.compiler import INFRA, Bicep

FOLDER = INFRA / "snapshots"
MADE_BY = FOLDER / "made-by.json"
WRITTEN = INFRA / "written.json"
CASES = sorted(path.stem for path in FOLDER.glob("*.bicepparam"))


def hash_of_sources() -> str:
    """SHA-256 of everything that a snapshot is made from, whatever the ends of its lines."""
    files = [path for kind in ("*.bicep", "modules/*.bicep") for path in INFRA.glob(kind)]
    files += [
        INFRA / name
        for name in ("alerts.json", "bicepconfig.json", "custom-roles.json", "roles.json", "workbook.json")
    ]
    digest = hashlib.sha256()
    for path in sorted([*files, *FOLDER.glob("*.bicepparam")]):
        text = path.read_text(encoding="utf-8")
        digest.update(f"{path.relative_to(INFRA).as_posix()}\n{text}\n".encode())
    return digest.hexdigest()


def written(sent: dict[str, Any]) -> str:
    """Sorted, because the compiler writes outputs in another order each time."""
    return json.dumps(sent, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@cache
def load(case: str) -> dict[str, Any]:
    """What a case would send; `0.1.0/first` and its like are those of the templates of that release."""
    suffix = ".json" if "/" in case else ".snapshot.json"
    return dict(json.loads((FOLDER / f"{case}{suffix}").read_text(encoding="utf-8")))


def asked(case: str, folder: Path = FOLDER) -> dict[str, str]:
    """Parameter -> value as text, of a case; what is not in it has its default."""
    text = (folder / f"{case}.bicepparam").read_text(encoding="utf-8")
    return {name: value.strip("'") for name, value in re.findall(r"^param (\w+) = (.+)$", text, re.MULTILINE)}


def resources(sent: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
    """All resources, or those of one type."""
    return [r for r in sent["predictedResources"] if kind is None or r["type"] == kind]


def only(sent: dict[str, Any], kind: str) -> dict[str, Any]:
    found = resources(sent, kind)
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


def at(resource: dict[str, Any], path: str) -> Any:
    """A value inside of a resource, or None."""
    value: Any = resource
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def assignment(resource: dict[str, Any]) -> tuple[str, str, str, str]:
    """(who, scope, id of the role, name) of an assignment; in the name, the expression for a principal is shortened."""
    principal = resource["properties"]["principalId"]
    name = resource["name"].replace(principal.strip("[]"), who(principal))
    return who(principal), scope_of(resource), role_of(resource), name


def kinds_written() -> dict[str, list[str]]:
    """Types of what a deployment writes, by what has to be asked for; whoever deploys needs the right to write each."""
    kinds = {
        case: {r["type"] for r in resources(load(case))} for case in CASES if not case.startswith("event_")
    }
    special = {
        "budget": kinds["first"] - kinds["no_budget"],
        "foundry": kinds["first"] - kinds["existing_foundry"],
        "private": kinds["private_network"] - kinds["first"],
    }
    elsewhere = {"Microsoft.Resources/resourceGroups", DEFINITION}  # named otherwise; asked by its own rule
    special["always"] = set().union(*kinds.values()).difference(*special.values())
    return {name: sorted(found - elsewhere) for name, found in sorted(special.items())}


def main() -> int:
    """Write all snapshots anew, and what follows from them."""
    with Bicep() as bicep:
        for case in CASES:
            file = FOLDER / f"{case}.bicepparam"
            sent = bicep.snapshot(file)
            if sent["diagnostics"]:
                print(sent["diagnostics"], file=sys.stderr)
                return 1
            file.with_suffix(".snapshot.json").write_text(written(sent), encoding="utf-8")
            print(f"{case}: {len(sent['predictedResources'])} resources")
        made_by = {"bicep": bicep.version(), "sources": hash_of_sources()}
    MADE_BY.write_text(json.dumps(made_by, indent=2) + "\n", encoding="utf-8")
    load.cache_clear()
    WRITTEN.write_text(json.dumps(kinds_written(), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
