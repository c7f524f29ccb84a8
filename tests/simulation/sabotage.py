"""Somebody who holds the rights of the app, or a leaked token of them, and the law that holds all the same.

The saboteur plants, changes, deletes and puts back any artifact, adds votes to a State, changes what its gates ask, and any
other row but the history, at any moment: also between the write of a file and the row that is to know it.  Runs may be held up,
lost, or trained twice by that.  But nothing is trained or deployed that nobody approved, and without a person nothing that is
not better.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, BinaryIO

import msgspec

from shared.core.observations import Champion, DeploymentView, Job
from shared.core.run import DatasetRef, Gate, GateDecision, Run
from tests.simulation.kernel import Kernel
from tests.simulation.network import Weather
from tests.simulation.oracle import APPROVALS, SPEND_GATED, UPLOADER_MAY, Oracle, fail
from tests.simulation.outside import Nature, SimInference
from tests.simulation.scenario import HOUR, Drop, Scenario, rows
from tests.twins.blobs import TwinArtifacts

PROFILE = "sabotage"
#: Until then the saboteur is at work.
UNTIL_S = 2 * HOUR
_PIPELINES = ("sft", "auto", "auto", "auto", "dpo", "rft", "dear", "dear")
_FORGERS = ("mallory", "ada", "grace")
_ACTS = ("forge", "forge", "forge", "put back", "delete", "spoil", "votes", "votes", "gates", "rows")
#: Acts that touch no artifact at once.
_OF_TABLES = frozenset({"votes", "gates", "rows", "champions", "plant"})
#: Parts of a run's folder, each the favourite of some seeds.
_PARTS = (
    "",
    "",
    "prepared/",
    "validation.json",
    "pinned.json",
    "evaluation/",
    "evaluation/answers/",
    "evaluation/summary.json",
)


def sabotaged(seed: int, _profile: str = PROFILE) -> Scenario:
    """One or two good datasets in calm weather, people who look, and a saboteur of some temper."""
    rng = random.Random(f"sabotage {seed}")
    names = rng.choices(_PIPELINES, k=rng.choice((1, 2)))
    names = [names[0]] * 2 if rng.random() < 0.5 else names
    drops = tuple(
        Drop(
            at_s=1.0 + 2400 * number,
            name=f"{name}/s{number}.jsonl",
            data=rows(name, number),
            events_s=(2.0 + 2400 * number,),
            uploaded_by=rng.choice((None, "ada")),
        )
        for number, name in enumerate(names)
    )
    return Scenario(
        seed=seed,
        profile=PROFILE,
        weather=Weather(until_s=UNTIL_S, rate=rng.choice((0.0, 0.02)), ways=("answer lost", "dies after")),
        nature=Nature(job_s=(200.0, 600.0), good_models=0.4),
        drops=drops,
        instances=2,
        approve=rng.choice((1.0, 1.0, 0.7)),
        votes=rng.random() < 0.6,
        meddling=rng.choice((0.0, 0.1)),
        sabotage_s=rng.choice((40.0, 200.0, 1000.0)),
        horizon_s=4 * HOUR,
    )


def usurped(seed: int, _profile: str = PROFILE) -> Scenario:
    """Runs of a pipeline whose clients share a deployment, people who approve, and somebody who is at the table of champions."""
    drops = tuple(
        Drop(at_s=1.0 + 60 * n, name=f"dpo/s{n}.jsonl", data=rows("dpo", n), events_s=(2.0 + 60 * n,))
        for n in range(2)
    )
    return replace(
        sabotaged(seed),
        drops=drops,
        weather=Weather(until_s=UNTIL_S),
        nature=Nature(job_s=(200.0, 600.0)),
        approve=1.0,
        votes=True,
        is_diligent=True,
        meddling=0.0,
        sabotage_s=20.0,
        sabotages=("champions",),
    )


def planted(seed: int, _profile: str = PROFILE) -> Scenario:
    """Two datasets one after another, nobody who votes, and somebody who plants what the first run had for the second one."""
    name = ("auto", "rft")[seed % 2]
    drops = tuple(
        Drop(at_s=at, name=f"{name}/s{n}.jsonl", data=rows(name, n), events_s=(at + 1,))
        for n, at in enumerate((1.0, 4500.0))
    )
    calm = replace(sabotaged(seed), drops=drops, weather=Weather(until_s=UNTIL_S), meddling=0.0, votes=False)
    return replace(calm, sabotage_s=1000.0, sabotages=("plant",))


def loosened(seed: int, _profile: str = PROFILE) -> Scenario:
    """Datasets of somebody who votes on everything, and somebody who changes what the gates ask."""
    drops = tuple(
        Drop(at_s=at, name=f"{name}/s{n}.jsonl", data=rows(name, n), events_s=(at + 1,), uploaded_by="ada")
        for n, (name, at) in enumerate((("sft", 1.0), ("dear", 61.0)))
    )
    calm = replace(sabotaged(seed), drops=drops, weather=Weather(until_s=UNTIL_S), meddling=0.0, approve=1.0)
    return replace(calm, votes=True, is_diligent=True, sabotage_s=100.0, sabotages=("gates",))


class Law(Oracle):
    """What holds whatever the saboteur does; votes are those that people gave, models those that the services made."""

    inference: SimInference
    began: Callable[[str], None] = staticmethod(lambda _: None)
    """Somebody who sees each new run at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.released: set[tuple[str, str, str]] = set()
        """Run, deployment and model of what was put for clients, by approvals that were there then."""

    def on_insert(self, run: Run) -> None:
        """A new run, or one that is recorded anew."""
        self.runs[run.id] = run
        self.began(run.id)

    def on_replace(self, after: Run) -> None:
        """The next state of a run, as the app wrote it."""
        before = self.runs[after.id]
        self.runs[after.id] = after
        if after.judging != before.judging:
            self.judged[after.id] = set(self.gates[after.id])
        if gate := after.gates.get("deployment"):
            self.gates[after.id].add(gate.digest)
        if after.status is not before.status:
            self.kernel.note(f"{after.id} {before.status} -> {after.status}")
            self.transitions[before.status, after.status] += 1
            if after.failure:
                self.codes[after.failure.code] += 1

    def on_create(self, job: Job, body: dict[str, Any]) -> None:
        """Money is spent: on what the dataset version holds, by a price that a person approved where one is asked."""
        file_id = body["training_file"]
        run = next(run for run in self.runs.values() if self.files.names[file_id].startswith(run.id))
        self.run_of_model[f"{job.base_model}.ft-{job.id.removeprefix('ftjob-')}-{job.suffix or 'none'}"] = (
            run.id
        )
        sent = self.files._files[file_id][1].splitlines()
        version = self.versions[run.dataset.name, run.dataset.etag].splitlines()
        if not set(sent) <= set(version) or len(sent) != len(set(sent)):
            fail("trained", f"run {run.id} trains on what its dataset does not have")
        if run.pipeline in SPEND_GATED:
            self._is_approved(run, "spend", 1)

    def on_put(self, name: str, model: str, before: DeploymentView | None) -> None:
        """A deployment for clients is of an approved run, or gives them back what they had."""
        del before
        owner = self.run_of_model.get(model)
        if owner is None:
            fail("deployed", f"{name} is to serve {model}, which no run made")
        elif "-candidate-" not in name and owner not in self.promoted:
            self._is_released(self.runs[owner], name, model)
            self.released.add((owner, name, model))

    def on_promote(self, champion: Champion, before: Champion | None) -> None:
        """Clients are sent to what was released."""
        del before
        was_put = (champion.run_id, champion.deployment, champion.model)
        if (
            was_put not in self.released
        ):  # what a gate asks may have been changed since that was approved and put
            self._is_released(self.runs[champion.run_id], champion.deployment, champion.model)
        self.promoted.add(champion.run_id)

    def _is_released(self, run: Run, name: str, model: str) -> None:
        if (run.production, run.model) != (name, model):
            fail(
                "deployed", f"run {run.id} has {run.model} at {run.production}, but {model} is put at {name}"
            )
        is_better = self.inference.is_good.get(model, False)
        if run.pipeline == "auto" and run.judging is None and "deployment" not in run.gates:
            if not is_better:
                fail("deployed", f"{model} is deployed without a person, and is not better")
            return
        self._is_approved(run, "deployment", APPROVALS.get(run.pipeline, 1))

    def _is_approved(self, run: Run, name: str, needed: int) -> None:
        gate = run.gates.get(name)
        digest = gate.digest if gate else ""
        may = {None} if run.pipeline in UPLOADER_MAY else {None, run.dataset.uploaded_by}
        people = {
            person
            for run_id, at, person, decision, on in self.votes
            if (run_id, at, decision, on) == (run.id, name, "approve", digest) and person not in may
        }
        if len(people) < needed or digest in self.judged.get(run.id, ()):
            fail(
                "approved", f"run {run.id} passed the {name} gate with {sorted(people)}, {needed} are needed"
            )

    def at_end(self, active: list[Any], datasets: list[DatasetRef], champion_of: Any, ledger: Any) -> None:
        """Nothing more: who changes rows may lose or hold up any run."""
        del active, datasets, champion_of, ledger


class Watched(TwinArtifacts):
    """Container `artifacts`: everything that was ever written may be put back."""

    def __init__(self) -> None:
        super().__init__()
        self.written: Callable[[str], None] = lambda _: None
        self.versions: defaultdict[str, list[bytes]] = defaultdict(list)

    def write(self, name: str, data: bytes | BinaryIO, content_type: str) -> None:
        """See `ports.Artifacts`."""
        super().write(name, data, content_type)
        self.versions[name].append(self._blobs[name])
        self.written(name)


class Saboteur:
    """Acts at seeded moments, and at once after writes of files that matter.

    Each one has a temper: some acts, on some files, rather than everything a little, so that runs get far enough to be harmed.
    """

    def __init__(self, simulation: Any) -> None:
        self._simulation = simulation
        self._artifacts: Watched = simulation.artifacts
        self._rng = random.Random(f"saboteur {simulation.scenario.seed}")
        self._kernel: Kernel = simulation.kernel
        self._seen: Counter[str] = simulation.seen
        self._acts = simulation.scenario.sabotages or self._rng.sample(_ACTS, self._rng.randint(1, 4))
        self._part = self._rng.choice(_PARTS)
        self._haste = self._rng.choice((0.0, 0.05, 0.5))
        self._artifacts.written = self._after_write
        simulation.oracle.began = self._before_all
        self._kernel.after(self._rng.uniform(0, 30), self._act)

    def _act(self) -> None:
        act = self._rng.choice(self._acts)
        elsewhere = {
            "plant": lambda: None,
            "votes": self._votes,
            "gates": self._gates,
            "rows": self._row,
            "champions": lambda: self._row("champion"),
        }
        elsewhere.get(act, lambda: self._file(act))()
        if self._kernel.now_s < UNTIL_S:
            self._kernel.after(self._rng.expovariate(1 / self._simulation.scenario.sabotage_s), self._act)

    def _before_all(self, run_id: str) -> None:
        """Plant what an earlier run had, before a new one has it."""
        if {"forge", "plant"} & set(self._acts):
            for name, kept in list(self._artifacts.versions.items()):
                tail = name.split("/", 2)[2]
                if tail.startswith(self._part) and self._rng.random() < 0.7:
                    self._artifacts._blobs[f"runs/{run_id}/{tail}"] = forged(tail, kept[-1], self._rng)
                    self._note("file planted", tail)

    def _after_write(self, name: str) -> None:
        acts = [act for act in self._acts if act not in _OF_TABLES]
        is_wanted = name.split("/", 2)[2].startswith(self._part)
        if acts and is_wanted and self._kernel.now_s < UNTIL_S and self._rng.random() < self._haste:
            act = self._rng.choice(acts)
            self._kernel.after(self._rng.uniform(0, 1.5), lambda: self._file(act, name))

    # -- artifacts ----------------------------------------------------------------------------------------------------

    def _file(self, act: str, name: str | None = None) -> None:
        rng, blobs, known = self._rng, self._artifacts._blobs, self._artifacts.versions
        runs = list(self._simulation.oracle.runs)
        if name is None:
            wanted = [name for name in known if name.split("/", 2)[2].startswith(self._part)]
            if not runs or not wanted:
                return
            name = rng.choice(wanted)
            if rng.random() < 0.3:  # the file of one run for another, perhaps before it has one
                name = f"runs/{rng.choice(runs)}/{name.split('/', 2)[2]}"
        tail = name.split("/", 2)[2]
        others = [raw for other, kept in known.items() if other.endswith(tail) for raw in kept]
        if act == "delete":
            blobs.pop(name, None)
        elif act == "put back" and others:
            blobs[name] = rng.choice(others)
        elif act == "forge" and others:
            blobs[name] = forged(tail, rng.choice(others), rng)
        elif name in blobs:
            blobs[name] = blobs[name][: rng.randrange(len(blobs[name]) + 1)]
        else:
            return
        self._note(f"file {act}", name)

    # -- tables -------------------------------------------------------------------------------------------------------

    def _votes(self) -> None:
        """Add votes to a State, without a line of history."""

        def with_votes(gate: Gate, _others: list[Gate]) -> Gate:
            votes = [
                GateDecision(
                    person=person,
                    name=person.title(),
                    decision="approve",
                    digest=gate.digest,
                    comment="",
                    at=self._kernel.true_now(),
                )
                for person in self._rng.sample(_FORGERS, 2)
            ]
            kept = gate.decisions if self._rng.random() < 0.5 else ()
            return msgspec.structs.replace(gate, decisions=(*kept, *votes))

        self._change_gates("votes added", with_votes)

    def _gates(self) -> None:
        """Change what a gate asks: how many have to approve, whether the uploader may, until when, and what."""

        def asking_other(gate: Gate, others: list[Gate]) -> Gate:
            changes = self._rng.choice(
                (
                    {"approvals_needed": self._rng.choice((0, 1))},
                    {"uploader_may_approve": True},
                    {"approvals_needed": 0, "uploader_may_approve": True},
                    {"approve_by": gate.approve_by + timedelta(days=self._rng.choice((-30, 30)))},
                    {"digest": self._rng.choice(others).digest},
                )
            )
            return msgspec.structs.replace(gate, **changes)

        self._change_gates("gate changed", asking_other)

    def _change_gates(self, what: str, change: Callable[[Gate, list[Gate]], Gate]) -> None:
        """Change each gate of a run, which is told the gates of all runs."""
        store = self._simulation.runs
        runs = [msgspec.json.decode(row, type=Run) for row, *_ in store._rows.values()]
        with_gates = [run for run in runs if run.gates and not run.is_finished]
        if not with_gates:
            return
        run = self._rng.choice(with_gates)
        others = [gate for other in runs for gate in other.gates.values()]
        gates = {name: change(gate, others) for name, gate in run.gates.items()}
        version = store._rows[run.id][1]
        store._rows[run.id] = (msgspec.json.encode(run.evolve(gates=gates)), version + 1)
        self._note(what, run.id)

    def _row(self, table: str | None = None) -> None:
        """Change a row of another table."""
        simulation, rng = self._simulation, self._rng
        pipelines, claims, index = simulation.pipelines, simulation.claims._holders, simulation.index._active
        table = table or rng.choice(("champion", "champion", "claims", "index", "looks", "ledger"))
        runs = list(simulation.oracle.runs.values())
        with suppress(IndexError, ValueError):
            if table == "champion":
                run = rng.choice(runs)
                other = rng.choice([one for one in runs if one.pipeline == run.pipeline])
                present = pipelines._champions.get(run.pipeline, (None, None))[0]
                deployment = rng.choice((run.production, run.candidate, other.production, "base"))
                planted = Champion(
                    deployment=deployment or "base",
                    model=rng.choice((run.model, other.model)) or "gpt-4.1",
                    run_id=rng.choice((other.id, "f" * 20)),
                    since=self._kernel.true_now(),
                )
                pipelines._champions[run.pipeline] = (planted, present)
            elif table == "claims":
                key = rng.choice(list(claims))
                claims[key] = rng.choice(runs).id
                if rng.random() < 0.5:
                    del claims[key]
            elif table == "index":
                run_id = rng.choice(list(index))
                revision, row = index[run_id]
                changes = rng.choice(
                    ({"due_at": self._kernel.true_now()}, {"status": None}, {"training_files": frozenset()})
                )
                index[run_id] = (revision, msgspec.structs.replace(row, **changes))
                if rng.random() < 0.2:
                    del index[run_id]
            elif table == "looks":
                pipelines._looks.clear()
            else:
                pipelines._ledgers.clear()
            self._note("row changed", table)

    def _note(self, what: str, where: str) -> None:
        self._seen[what] += 1
        self._kernel.note(f"saboteur: {what}: {where}")


def forged(tail: str, raw: bytes, rng: random.Random) -> bytes:
    """A file that says what the saboteur wants: that nothing is to be paid or asked, and that the model is good."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):
        if tail.startswith("prepared/") and tail.endswith(".jsonl"):
            lines = raw.splitlines(keepends=True)
            return b"".join(lines * 2 + list(rows("sft", 7, 3).splitlines(keepends=True)))
        value = json.loads(raw)
        if tail == "pinned.json":
            value["spec"]["approval"] = {"mode": "automatic", "approvers": 1, "uploader_may_approve": True}
            value["spec"]["budget"] = {"per_run_usd": None, "per_month_usd": None, "approve_above_usd": None}
        elif tail == "validation.json":
            value["summary"] |= {"estimated_usd": 0.0, "billable_tokens": 1}
            value["graders"] = [grader | {"operation": "ne"} for grader in value["graders"]]
        elif tail == "evaluation/summary.json":
            value |= {"outcome": "better", "doubts": [], "round": rng.choice((0, 1, 2))}
        elif tail == "evaluation/plan.json":
            names = list(value["targets"])
            for key in ("targets", "models"):
                value[key] = dict(zip(reversed(names), value[key].values(), strict=True))
        elif "/answers" in tail:
            for answer in value:
                answer["text"] = rng.choice(("I do not know.", _reference(answer["index"], rng)))
        elif tail.endswith("groups.json"):
            value = list(range(len(value)))
        elif tail.endswith("smoke.json"):
            value["passed"] = True
        return json.dumps(value).encode()
    return raw + b"\n"


def _reference(index: int, rng: random.Random) -> str:
    number = index + rng.randrange(3)
    return f"The code of box {number} is {number * 7919 % 1000}."
