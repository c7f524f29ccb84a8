"""No release strands a run, or forgets what was paid for: what earlier releases stored goes on with the code of today.

Each moment is what the stores of a release held just after a state was written, which is where a crash leaves them.  From there
the code of today brings every run to the end that the release itself would have reached, with the digests, fingerprints and votes
that were stored, and with no second job.
"""

import json
import os
from pathlib import Path

import pytest

from shared import validate_dataset
from shared.core.evaluation.looks import Look
from shared.core.observations import Champion
from shared.core.people import Person
from shared.core.status import Status
from tests.golden.record import FOLDER, end_of, facts
from tests.golden.scenes import POLICIES, POLICY, Stage
from tests.golden.world import Pool, RowStore, freeze, thaw
from tests.simulation import pure
from tests.support.builders import NOW
from tests.twins.world import TwinWorld

#: Set by the test that changes defaults: a run that is not pinned yet goes by those of its day.
ONLY_PINNED = bool(os.environ.get("GOLDEN_ONLY_PINNED"))

FILES = sorted(FOLDER.glob("*/runs/*.json"))
SCENES = [
    pytest.param(
        path,
        id=f"{path.parent.parent.name}-{path.stem}",
        marks=pytest.mark.thorough if path.stem == "queue" else (),  # a fifth of all that is recorded
    )
    for path in FILES
]


@pytest.fixture(autouse=True)
def datasets_are_validated_once(monkeypatch):
    """The same few datasets lie there at hundreds of moments."""
    monkeypatch.setattr(validate_dataset, "validate", pure.validate)


def read(path: Path):
    golden = json.loads(path.read_text())
    return golden["scene"], golden["moments"], Pool(golden["texts"])


def count_of_runs(moment, pool):
    return sum(pool.get_json(key)["RowKey"] == "run" for key in moment["runs"])


def identities_at(moment, pool):
    """The runs that knew their pin at that moment; others are pinned, and identified, by the code of today."""
    rows = (pool.get_json(key) for key in moment["runs"])
    states = [json.loads(row["State0"]) for row in rows if row["RowKey"] == "run"]
    return {state["id"] for state in states if state.get("spec_digest")}


def estimated_at(moment, pool):
    """The runs whose cost was estimated at that moment.  Others are estimated by today's prices, and a person is asked."""
    rows = (pool.get_json(key) for key in moment["runs"])
    states = [json.loads(row["State0"]) for row in rows if row["RowKey"] == "run"]
    return {state["id"] for state in states if state.get("summary")}


#: Scenes that deployed without a person, by a text similarity.  Today that asks one, where it was not judged already.
UNASKED = {"automatic", "queue"}


def judged_at(moment):
    """The runs whose comparison was stored at that moment; what others are judged by, and their gates, are of today."""
    stored = (name.split("/") for name in moment["artifacts"])
    return {parts[1] for parts in stored if parts[2:] == ["evaluation", "summary.json"]}


def what_must_stay(scene, end, pinned, judged):
    """An end without the digests of what was not stored yet."""
    for run_id, run in end["runs"].items():
        if run_id not in judged and scene in UNASKED:
            run["gates"].pop("deployment", None)
        if run_id not in judged and "deployment" in run["gates"]:
            run["gates"]["deployment"]["digest"] = None
            run["gates"]["deployment"]["votes"] = [
                [person, decision, None, comment]
                for person, decision, _, comment in run["gates"]["deployment"]["votes"]
            ]
        if run_id not in pinned:
            del run["spec_digest"]
            run["gates"] = {name: [vote[:2] for vote in gate["votes"]] for name, gate in run["gates"].items()}
    return end


def asked_by_price(made, known):
    """Of a run that today's prices were estimated for, nobody was asked about the money, or about another sum."""
    if "spend" not in known["gates"]:
        made["gates"].pop("spend", None)
    for gates in (made["gates"], known["gates"]):
        if "spend" in gates:
            votes = gates["spend"]["votes"] if isinstance(gates["spend"], dict) else gates["spend"]
            gates["spend"] = [[person, decision, *comment[1:]] for person, decision, *comment in votes]


def in_any_order(bodies):
    """Jobs of runs that people were asked about, in whatever order they went on: files are numbered as they come."""
    plain = ({key: value for key, value in body.items() if not key.endswith("_file")} for body in bodies)
    return sorted(plain, key=lambda body: json.dumps(body, sort_keys=True))


def with_one_champion(known, made):
    """What a release reaches with `queue`, but that only one of its runs is promoted: they are as good as each other.

    Releases before 0.3.0 promoted the second one too where it had been measured before the first one was the champion.
    """
    (first,) = (run_id for run_id, run in made["runs"].items() if run["status"] == "deployed")
    for run_id, run in known["runs"].items():
        is_first = run_id == first
        run |= {
            "status": "deployed" if is_first else "not_promoted",
            "code": None if is_first else "not_better",
        }
    known["champions"], known["deployments"] = {"auto": first}, [f"auto-{first[:8]}", "base"]
    return known


def with_a_person_asked(known, made, judged):
    """What a release reaches with `two-after-another`, but that the second run is asked about, and approved.

    It holds out five rows, and the champion was trained on one of them: since 0.3.0 that one is left out, and four prove nothing.
    A plan that the release itself made does not say who trained the champion, so nothing is left out of it.
    """
    (second,) = (run_id for run_id, run in known["runs"].items() if run["status"] == "not_promoted")
    if second in judged or made["runs"][second]["status"] == "not_promoted":
        return known
    gate = made["runs"][second]["gates"]["deployment"]
    votes = gate["votes"] if isinstance(gate, dict) else gate
    assert [vote[:2] for vote in votes] == [["ada", "approve"]]
    known["runs"][second] |= {"status": "deployed", "code": None, "gates": {"deployment": gate}}
    known["champions"] = {"plain": second}
    known["deployments"] = sorted({*known["deployments"], f"plain-{second[:8]}"})
    return known


@pytest.mark.parametrize("path", SCENES)
@pytest.mark.slow
def test_every_moment_goes_on_to_the_end_that_its_own_release_reaches(path):
    scene, moments, pool = read(path)
    assert moments

    differs = {}
    for name, moment in moments.items():
        stored, judged = identities_at(moment, pool), judged_at(moment)
        estimated = estimated_at(moment, pool)
        if ONLY_PINNED and len(stored) < count_of_runs(moment, pool):
            continue
        made = what_must_stay(scene, json.loads(json.dumps(end_of(scene, moment, pool))), stored, judged)
        known = what_must_stay(scene, pool.get_json(moment["end"]), stored, judged)
        for run_id in made["runs"].keys() - estimated:
            asked_by_price(made["runs"][run_id], known["runs"][run_id])
        if made["runs"].keys() - estimated:
            made["bodies"], known["bodies"] = (in_any_order(end["bodies"]) for end in (made, known))
        if scene == "queue":
            known = with_one_champion(known, made)
        if scene == "two-after-another" and len(known["runs"]) == 2:
            known = with_a_person_asked(known, made, judged)
        differs |= {f"{name}: {key}": (made[key], known[key]) for key in known if made[key] != known[key]}

    assert differs == {}


@pytest.mark.parametrize("path", SCENES)
def test_what_was_trained_on_is_not_paid_for_again(path):
    scene, moments, pool = read(path)
    moment = list(moments.values())[-1]
    stage = Stage(thaw(moment, pool), POLICIES.get(scene, POLICY))
    stage.end()
    paid = len(stage.world.trainer.bodies)
    trained = [run for run in stage.runs() if run.model]
    companions = ("evaluation", "validation")

    for number, run in enumerate(trained):
        folder, _, name = run.dataset.name.rpartition("/")
        data = stage.world.datasets._blobs[run.dataset.name][1]
        for role in companions:
            beside = stage.world.datasets._blobs.get(f"{folder}/{name.removesuffix('.jsonl')}.{role}.jsonl")
            if beside:
                stage.drop(f"{folder}/again{number}.{role}.jsonl", beside[1])
        stage.drop(f"{folder}/again{number}.jsonl", data)
    if trained:
        stage.end()

    again = [
        facts(run)
        for run in stage.runs()
        if "again" in run.dataset.name and run.dataset.name != "least/again.jsonl"
    ]
    assert [run["status"] for run in again] == ["duplicate"] * len(trained)
    assert len(stage.world.trainer.bodies) == paid


#: Moments at which a run has ended in a way that can be judged again.
ENDED = ("not_promoted", "expired", "failed, evaluating", "failed, staging")
JUDGED_AGAIN = [
    pytest.param(path, name, id=f"{path.parent.parent.name}-{path.stem}-{name[:2]}")
    for path in FILES
    for name in read(path)[1]
    if name.partition(": ")[2].startswith(ENDED)
]


@pytest.mark.parametrize(("path", "name"), JUDGED_AGAIN)
def test_what_an_older_release_judged_is_judged_again_with_what_it_stored(path, name):
    scene, moments, pool = read(path)
    stage = Stage(thaw(moments[name], pool), POLICIES.get(scene, POLICY))
    paid = len(stage.world.trainer.bodies)
    (run,) = (run for run in stage.runs() if run.dataset.name == name[3:].partition(": ")[0])
    _, prepared = stage.people.rejudge(run.id, Person(id="zoe", name="Zoe"))
    stage.end()
    (after,) = (other for other in stage.runs() if other.id == run.id)

    assert prepared.judging.pin == after.judging.pin
    assert after.status in {Status.DEPLOYED, Status.NOT_PROMOTED}, after.failure
    assert after.evaluation.round == after.evaluation_round > 0
    assert (after.model, after.job_id, after.spec_digest) == (run.model, run.job_id, run.spec_digest)
    assert len(stage.world.trainer.bodies) == paid
    if after.status is Status.DEPLOYED:
        assert all(vote.at >= prepared.judging.at for vote in after.gates["deployment"].decisions)


def test_the_record_has_every_status_every_effect_and_half_decided_gates():
    """A record with holes would pass whatever happens."""
    first = [path for path in FILES if path.parent.parent.name == "0.1.0"]
    names = [name.partition(": ")[2] for path in first for name in read(path)[1]]
    statuses = {name.partition(",")[0] for name in names}
    effects = {part for name in names for part in name.split(", ") if part.startswith("before ")}

    assert statuses == {
        *(
            "received",
            "validating",
            "awaiting_spend_approval",
            "queueing",
            "uploading",
            "submitting",
            "training",
        ),
        *(
            "staging",
            "evaluating",
            "awaiting_approval",
            "deploying",
            "verifying",
            "deployed",
            "invalid",
            "duplicate",
        ),
        *("superseded", "cancelled", "not_promoted", "rejected", "expired", "failed"),
    }
    assert len(effects) == 16
    assert "awaiting_approval, 1 votes" in names
    assert {name.rpartition(", ")[2] for name in names if name.startswith("failed")} == {
        *(
            "received",
            "validating",
            "uploading",
            "submitting",
            "training",
            "staging",
            "evaluating",
            "deploying",
            "verifying",
        ),
    }


def test_a_record_holds_looks_and_champions_as_they_were():
    world, pool = TwinWorld(runs=RowStore()), Pool({})
    world.pipelines.look("p", digest="a", exam="e", run_id="r1", at=NOW)
    world.pipelines.promote("p", Champion(deployment="d", model="m", run_id="r1", since=NOW), None)
    for digest in ("b", "c"):
        world.pipelines.look("p", digest=digest, exam="e", run_id="r2", at=NOW)
    thawed = thaw(freeze(world, pool), pool)

    assert thawed.pipelines._looks == world.pipelines._looks
    assert thawed.pipelines.look("p", digest="d", exam="e", run_id="r3", at=NOW) == Look(set=4, pipeline=3)
