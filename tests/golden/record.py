"""Records what a release stores: `python -m tests.golden.record 0.1.0`, with the code of that release.

A release is recorded once, before the next one begins; what is recorded is never recorded again.  Each scene gives a file with
its moments: the stores as they were just after a state was written, where a crash would leave them, and how that same code then
brought everything to its end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from shared.core.run import SCHEMA, Run
from tests.golden import datasets
from tests.golden.scenes import POLICIES, POLICY, SCENES, USUAL, Stage
from tests.golden.world import Moment, Pool, freeze, thaw

FOLDER = Path(__file__).parent


def gates_of(run: Run) -> dict[str, Any]:
    """The gates of a run, with what persons decided."""
    return {
        name: {
            "digest": gate.digest,
            "votes": [[vote.person, vote.decision, vote.digest, vote.comment] for vote in gate.decisions],
        }
        for name, gate in run.gates.items()
    }


def facts(run: Run) -> dict[str, Any]:
    """What identifies a run and its work; none of it may change with a release."""
    return {
        "status": run.status,
        "code": run.failure.code if run.failure else None,
        "spec_digest": run.spec_digest,
        "fingerprint": run.summary.fingerprint if run.summary else None,
        "files": run.summary.files if run.summary else None,
        "duplicate_of": run.duplicate_of,
        "gates": gates_of(run),
    }


def outcome(stage: Stage) -> dict[str, Any]:
    """What there is at the end."""
    world = stage.world
    return {
        "runs": {run.id: facts(run) for run in stage.runs()},
        "bodies": world.trainer.bodies,
        "claims": sorted(list(pair) for pair in world.claims._holders if pair[0] != "_places"),
        "deployments": sorted(world.deployer.names),
        "files": sorted(file.filename for file, _, _ in world.files._files.values()),
        "champions": {name: pair[0].run_id for name, pair in sorted(world.pipelines._champions.items())},
        "active": sorted(row.run_id for row in world.index.active()),
    }


def name_of(run: Run) -> str:
    """What is special about a state; of states with the same name only the first is kept."""
    effect = run.attempt.effect.partition(":")[0] if run.attempt else ""
    votes = sum(len(gate["votes"]) for gate in gates_of(run).values())
    parts = [
        run.status,
        effect and f"before {effect}",
        votes and f"{votes} votes",
        run.cancel and "cancel asked",
    ]
    if run.status == "failed" and run.failure:
        parts.append(run.failure.step)
    return ", ".join(str(part) for part in parts if part)


def record(scene: str, usual: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The moments of a scene; those with usual names are left out as long as nothing has gone wrong."""
    pool, moments = Pool(), {}
    stage = Stage(policy=POLICIES.get(scene, POLICY))
    known: set[tuple[str, str]] = set()

    def written(run: Run) -> None:
        if (run.id, name := name_of(run)) in known:
            return
        known.add((run.id, name))
        if name in usual and not any(other.failure or other.retired_files for other in stage.runs()):
            return
        number = f"{len(moments) + 1:02d}"
        moments[f"{number} {run.dataset.name}: {name}"] = freeze(stage.world, pool)

    stage.world.runs.listeners.append(written)
    SCENES[scene](stage)
    for moment in moments.values():
        moment["end"] = pool.put_json(end_of(scene, moment, pool))
    return {"scene": scene, "moments": moments, "texts": pool.texts}


def end_of(scene: str, moment: Moment, pool: Pool) -> dict[str, Any]:
    """What the code of today makes of a moment."""
    stage = Stage(thaw(moment, pool), POLICIES.get(scene, POLICY))
    stage.end()
    return outcome(stage)


def row_fields(kind: type[msgspec.Struct] = Run, prefix: str = "") -> list[str]:
    """Paths of everything that the row of a run holds."""
    found: list[str] = []
    for field in msgspec.structs.fields(kind):
        path = prefix + field.name
        found.append(path)
        for part in structs_in(field.type):
            found += row_fields(part, path + ".")
    return sorted(found)


def structs_in(kind: Any) -> list[type[msgspec.Struct]]:
    """The classes of ours that an annotation names."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [found for part in get_args(kind) for found in structs_in(part)]


def main() -> None:
    """Record all scenes of a release, and what it knows datasets by."""
    release = FOLDER / sys.argv[1]
    folder = release / "runs"
    if folder.exists():
        sys.exit(f"{folder} is there: what a release stored stays as it was")
    folder.mkdir(parents=True, exist_ok=True)
    row = {"schema": SCHEMA, "fields": row_fields()}
    (release / "row.json").write_text(json.dumps(row, indent=1) + "\n")
    usual: frozenset[str] = frozenset()
    for scene in SCENES:
        path = folder / f"{scene}.json"
        made = record(scene, usual)
        if scene == USUAL:
            usual = frozenset(name.partition(": ")[2] for name in made["moments"])
        path.write_text(json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        print(f"{scene}: {len(made['moments'])} moments, {path.stat().st_size} bytes")
    datasets.record(release)


if __name__ == "__main__":
    main()
