"""The evidence of the kills convicts: each doctored world breaks exactly the promise that it should."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.decide import decide
from shared.core.history import events_between
from shared.core.observations import AwaitingApproval, Evaluating
from shared.core.people import Person, vote
from shared.core.run import Status
from tests.e2e.evidence import Evidence, violations
from tests.support.builders import BETTER, NOW, a_policy, a_run

MODEL = "gpt-4.1-2025-04-14.ft-1-summaries"


def a_world():
    """One run, approved and deployed, as it should be."""
    history, run = [], a_run(Status.EVALUATING, candidate_removed=True, files_removed=True, committed_at=NOW)
    policy = a_policy()

    def step(after):
        stored, events = events_between(step.run, after)
        history.extend(events)
        step.run = stored

    step.run = run
    step(decide(run, Evaluating(plan=None, summary=BETTER), NOW, policy).run)
    gate = step.run.gates["deployment"]
    ada = Person(id="ada", name="Ada")
    step(
        vote(
            step.run,
            "deployment",
            ada,
            decision="approve",
            digest=gate.digest,
            comment="seen",
            now=NOW,
            app_version="",
        ).run
    )
    step(decide(step.run, AwaitingApproval(), NOW, policy).run)
    step(step.run.move(Status.VERIFYING, NOW))
    step(step.run.move(Status.DEPLOYED, NOW))
    done = step.run
    return Evidence(
        datasets={done.id},
        runs={done.id: done},
        histories={done.id: history},
        listed={done.id: "deployed"},
        active={done.id},
        claims={(done.pipeline, done.summary.fingerprint): done.id},
        champions={done.pipeline: done.id},
        ledger={done.id: 1.5},
        jobs=[(done.job_id, done.training_file_id, "succeeded")],
        files=[],
        deployments={"gpt-4.1": "gpt-4.1", done.production: MODEL},
    )


def changed(found, **changes):
    (run,) = found.runs.values()
    found.runs = {run.id: msgspec.structs.replace(run, **changes)}


def without_approval(found):
    (run,) = found.runs.values()
    changed(found, gates={"deployment": msgspec.structs.replace(run.gates["deployment"], decisions=())})


def too_late(found):
    (run,) = found.runs.values()
    changed(
        found,
        gates={
            "deployment": msgspec.structs.replace(run.gates["deployment"], approve_by=NOW - timedelta(days=1))
        },
    )


def crowded(found):
    """The run was in flight, and none may be."""
    (history,) = found.histories.values()
    began = NOW - timedelta(hours=1)
    history[0] = msgspec.structs.replace(history[0], kind="status", after="uploading", at=began)
    found.in_flight_max = 0


MISTAKES = {
    "second job": (lambda f: f.jobs.append(("ftjob-2", "file-t", "running")), "somebody paid for it"),
    "job twice": (lambda f: f.jobs.append(f.jobs[0]), "has 2 jobs"),
    "job gone": (lambda f: f.jobs.clear(), "does not exist"),
    "other file": (
        lambda f: f.jobs.__setitem__(0, ("ftjob-1", "file-x", "succeeded")),
        "was trained on file-x",
    ),
    "no claim": (lambda f: f.claims.clear(), "does not hold the claim"),
    "lost run": (lambda f: f.datasets.add("f" * 20), "is missing"),
    "gap": (lambda f: next(iter(f.histories.values())).pop(1), "has gaps"),
    "stuck": (lambda f: changed(f, status=Status.TRAINING), "still is training"),
    "unapproved": (without_approval, "0 of 1 approvals count"),
    "too late": (too_late, "0 of 1 approvals count"),
    "uploader": (
        lambda f: changed(
            f, dataset=msgspec.structs.replace(next(iter(f.runs.values())).dataset, uploaded_by="ada")
        ),
        "0 of 1 approvals count",
    ),
    "nobody asked": (lambda f: changed(f, gates={}), "nobody was asked"),
    "other model": (
        lambda f: f.deployments.update({"summaries-01234567": "gpt-4.1.ft-9"}),
        "serves gpt-4.1.ft-9",
    ),
    "stray deployment": (lambda f: f.deployments.update({"x": "gpt-4.1.ft-9"}), "belongs to no run"),
    "candidate": (lambda f: f.deployments.update({"summaries-candidate-01234567": MODEL}), "was left behind"),
    "file": (lambda f: f.files.append("0123456789abcdef0123-training-aaaaaaaa.jsonl"), "was left behind"),
    "no champion": (lambda f: f.champions.clear(), "has no champion"),
    "listing": (lambda f: f.listed.update({"0123456789abcdef0123": "verifying"}), "listed as verifying"),
    "forgotten": (lambda f: f.active.clear(), "nobody will look at it again"),
    "crowd": (crowded, "1 runs were in flight"),
    "ledger": (lambda f: f.ledger.clear(), "no ledger knows of"),
}


def test_a_world_as_it_should_be_breaks_nothing():
    assert violations(a_world()) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_convicted(name):
    found = a_world()
    doctor, words = MISTAKES[name]
    doctor(found)

    assert any(words in said for said in violations(found)), violations(found)
