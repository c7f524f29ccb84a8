"""Evidence is compared, not believed: whoever may write artifacts, or add votes to a row, has nothing trained or deployed."""

import hashlib
import json

import msgspec
import pytest

from shared.core import artifacts
from shared.core.artifacts import Artifact
from shared.core.errors import ArtifactGone
from shared.core.people import Person
from shared.core.policy import Policy
from shared.core.run import GateDecision, Status
from shared.intake import Intake
from shared.people import People
from shared.poller import Poller
from shared.reconciler import Reconciler
from shared.views.runs import RunViews
from tests.support.product import APPROVER, dataset
from tests.support.rounds import WHOLE, Rounds

pytestmark = pytest.mark.slow

POLICY = Policy(steps_max=1, evaluation_chunk_size=40)
PRICED = WHOLE + "budget: {approve_above_usd: 0}\n"
AUTOMATIC = (
    WHOLE.replace("{split: 0}}", "{split: 0}, evaluation: {split: 0.5}}") + "approval: {mode: automatic}\n"
)
TWO = WHOLE + "approval: {approvers: 2}\n"
ASKED = "{messages: [{role: user, content: 'What is the code of box 3?'}], expect: '757'}"
SMOKED = WHOLE + f"deployment: {{smoke_test: [{ASKED}]}}\n"


class Attacked(Rounds):
    """A product that makes one step at a time, and somebody with the right on its artifacts or its table of runs."""

    def __init__(self, pipeline=WHOLE):
        super().__init__(pipeline)
        self.reconciler = Reconciler(self.world, POLICY)
        self.poller = Poller(self.world, POLICY, self.reconciler, Intake(self.world))

    def path(self, run, name):
        return f"runs/{run.id}/{name}"

    def blob(self, run, name):
        return self.world.artifacts._blobs[self.path(run, name)]

    def plant(self, run, name, data):
        self.world.artifacts._blobs[self.path(run, name)] = data

    def delete(self, run, name):
        del self.world.artifacts._blobs[self.path(run, name)]

    def run(self):
        rows, _ = self.world.index.newest(None, 1, None)
        return self.world.runs.load(rows[0].run_id)[0]

    def rewrite(self, run, **changes):
        """Change the State, without a line of history."""
        _, version = self.world.runs._rows[run.id]
        changed = msgspec.structs.replace(self.world.runs.load(run.id)[0], **changes)
        self.world.runs._rows[run.id] = (msgspec.json.encode(changed), version)

    def begin(self, *ends, rows=None):
        self.world.datasets.put("boxes/training.jsonl", rows or dataset(60))
        self.world.clock.advance(60)
        return self.until(*ends)

    def vote(self, run, gate, person=APPROVER, decision="approve"):
        return People(self.world).vote(
            run.id, gate, person, decision=decision, digest=run.gates[gate].digest, comment="seen"
        )

    def go_on(self, times=20, seconds=600):
        for _ in range(times):
            for run_id in self.poller.tick():
                self.reconciler.advance(run_id)
            self.world.clock.advance(seconds)
        return self.run()

    def deployments(self):
        return {view.name for view in self.world.deployer._deployments.values()} - {"base"}

    @staticmethod
    def ignorant(_deployment, _messages):
        return "No idea."


def sha256(raw):
    return hashlib.sha256(raw).hexdigest()


# -- what is trained on -----------------------------------------------------------------------------------------------


def test_a_prepared_file_that_was_overwritten_at_the_spend_gate_is_not_trained_on():
    product = Attacked(PRICED)
    run = product.begin(Status.AWAITING_SPEND_APPROVAL)
    product.plant(run, "prepared/training.jsonl", dataset(600))
    product.vote(run, "spend")
    run = product.until(Status.FAILED, Status.TRAINING, Status.AWAITING_APPROVAL)

    assert (run.status, run.failure.code) == (Status.FAILED, "artifact_gone")
    assert "prepared/training.jsonl" in run.failure.message
    assert "retry" in run.failure.remedy
    assert not product.world.trainer.bodies
    assert not product.world.files._files

    People(product.world).retry(run.id, APPROVER)
    run = product.until(Status.AWAITING_APPROVAL, Status.FAILED, Status.AWAITING_SPEND_APPROVAL)

    assert run.status is Status.AWAITING_APPROVAL, run.failure
    assert sha256(product.blob(run, "prepared/training.jsonl")) == run.summary.files["training"]
    assert len(product.world.trainer.bodies) == 1


@pytest.mark.parametrize("status", [Status.QUEUEING, Status.UPLOADING, Status.SUBMITTING])
def test_a_job_needs_the_approval_of_its_price_to_the_last(status):
    product = Attacked(PRICED)
    run = product.begin(Status.AWAITING_SPEND_APPROVAL)
    sent = {"training_file_id": "file-x"} if status is Status.SUBMITTING else {}
    product.rewrite(run, status=status, due_at=run.created_at, **sent)
    run = product.go_on()

    assert (run.status, run.failure and run.failure.code) == (Status.FAILED, "spend_not_approved")
    assert not product.world.trainer.bodies
    assert not product.world.files._files


def test_a_validation_that_was_planted_is_not_believed():
    """It would say that nothing is to be paid, and what is to be trained on."""
    honest = Attacked(PRICED)
    run = honest.begin(Status.AWAITING_SPEND_APPROVAL)
    result = json.loads(honest.blob(run, "validation.json"))
    product = Attacked(PRICED)
    product.world.datasets.put("boxes/training.jsonl", dataset(60))
    forged = result | {"summary": result["summary"] | {"estimated_usd": 0.0}}
    product.plant(run, "validation.json", json.dumps(forged).encode())
    product.world.clock.advance(60)

    assert (
        product.until(Status.AWAITING_SPEND_APPROVAL, Status.TRAINING).status
        is Status.AWAITING_SPEND_APPROVAL
    )


def test_a_pin_that_was_planted_before_the_run_is_pinned_is_not_believed():
    honest = Attacked(PRICED)
    run = honest.begin(Status.AWAITING_SPEND_APPROVAL)
    forged = honest.blob(run, "pinned.json").replace(b'"approve_above_usd":0.0', b'"approve_above_usd":null')
    product = Attacked(PRICED)
    product.world.datasets.put("boxes/training.jsonl", dataset(60))
    product.plant(run, "pinned.json", forged)
    product.world.clock.advance(60)

    run = product.until(Status.AWAITING_SPEND_APPROVAL, Status.TRAINING)
    assert forged != honest.blob(run, "pinned.json")
    assert run.status is Status.AWAITING_SPEND_APPROVAL


# -- what is judged by ------------------------------------------------------------------------------------------------


def automatic(**options):
    product = Attacked(AUTOMATIC)
    return product, product.begin(Status.TRAINING, rows=dataset(160), **options)


def judged(product):
    return product.until(Status.DEPLOYED, Status.NOT_PROMOTED, Status.AWAITING_APPROVAL, Status.FAILED)


@pytest.fixture(scope="module")
def good():
    """A run that was proven better, and deployed by itself."""
    product, _ = automatic()
    run = judged(product)
    assert run.status is Status.DEPLOYED, run.evaluation
    return product, run


@pytest.mark.parametrize("status", [Status.TRAINING, Status.EVALUATING])
def test_a_verdict_that_was_planted_deploys_nothing(good, status):
    product, run = automatic()
    product.world.inference.answers = product.ignorant
    run = product.until(status)
    for name in ("summary.json", "comparison.json", "comparison.md"):
        product.plant(run, f"evaluation/{name}", good[0].blob(good[1], f"evaluation/{name}"))

    assert judged(product).status is Status.NOT_PROMOTED


def test_answers_that_were_planted_are_not_graded(good):
    product, _ = automatic()
    product.world.inference.answers = product.ignorant
    for path, raw in good[0].world.artifacts._blobs.items():
        if "/evaluation/answers/" in path or path.endswith("evaluation/plan.json"):
            product.world.artifacts._blobs[path] = raw

    assert judged(product).status is Status.NOT_PROMOTED


def test_answers_that_were_changed_are_asked_for_again_and_that_is_said():
    product, run = automatic()
    product.world.inference.answers = product.ignorant
    name = "evaluation/answers/candidate-0000.json"
    plant = product.world.artifacts.write

    def write(path, data, content_type):
        plant(path, data, content_type)
        if path.endswith(name):
            right = [item | {"text": "right"} for item in json.loads(product.world.artifacts._blobs[path])]
            product.world.artifacts._blobs[path] = json.dumps(right).encode()
            product.world.artifacts.write = plant

    product.world.artifacts.write = write
    run = judged(product)

    assert run.status is Status.NOT_PROMOTED
    assert any(name in warning and "changed" in warning for warning in run.warnings)
    assert sha256(product.blob(run, name)) == run.evidence[name]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("prepared/evaluation.jsonl", b""),
        ("prepared/evaluation.groups.json", b"[]"),
        ("prepared/evaluation.keys", b""),
        ("prepared/evaluation.trained.json", b"[0]"),
    ],
)
def test_the_exam_is_that_which_was_prepared(name, data):
    product, run = automatic()
    product.plant(run, name, data)
    run = judged(product)

    assert (run.status, run.failure.code) == (Status.FAILED, "artifact_gone")
    assert name in run.failure.message


def test_graders_are_those_that_validation_found():
    product = Attacked(
        AUTOMATIC.replace(", graders: [", ", xgraders: [").split(", xgraders")[0]
        + "}\n"
        + AUTOMATIC.split("]}\n", 1)[1]
    )
    run = product.begin(Status.TRAINING, rows=dataset(160))
    result = json.loads(product.blob(run, "validation.json"))
    product.plant(run, "validation.json", json.dumps(result | {"graders": []}).encode())
    run = judged(product)

    assert (run.status, run.failure and run.failure.code) == (Status.FAILED, "artifact_gone")
    assert "validation.json" in run.failure.message


def test_without_a_person_the_verdict_is_computed_again_before_deploying():
    product, run = automatic()
    product.world.inference.answers = product.ignorant
    run = product.until(Status.EVALUATING)
    replace = product.world.runs.replace

    def forging(after, version, events):
        if after.evaluation and after.status is Status.EVALUATING:
            better = msgspec.structs.replace(after.evaluation, outcome="better", doubts=())
            after = after.evolve(evaluation=better)
        return replace(after, version, events)

    product.world.runs.replace = forging
    product.until(Status.DEPLOYING)
    product.world.runs.replace = replace

    run = product.until(Status.NOT_PROMOTED, Status.DEPLOYED, Status.FAILED)
    assert run.status is Status.NOT_PROMOTED
    assert any("Computed again" in warning for warning in run.warnings)
    assert not product.deployments() - {run.candidate}


# -- what is approved -------------------------------------------------------------------------------------------------

SHOWN = (
    "comparison.json",
    "comparison.md",
    "comparison.csv",
    "comparison.svg",
    "scores.jsonl",
    "rule.json",
    "summary.json",
)


@pytest.mark.parametrize("name", SHOWN)
def test_what_was_changed_under_an_open_gate_is_not_approved(name):
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    path, before = f"evaluation/{name}", product.blob(run, f"evaluation/{name}")
    product.plant(run, path, before + b" ")
    with pytest.raises(ArtifactGone, match=path) as refused:
        product.vote(run, "deployment")
    assert refused.value.http_status == 409
    assert "estore" in refused.value.remedy

    product.plant(run, path, before)
    product.vote(run, "deployment")
    assert product.until(Status.DEPLOYED)


def test_what_was_changed_may_be_rejected():
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    product.delete(run, "evaluation/comparison.md")
    product.vote(run, "deployment", decision="reject")

    assert product.until(Status.REJECTED)


@pytest.mark.parametrize("name", SHOWN)
def test_what_was_changed_after_the_approval_is_not_deployed(name):
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    path, before = f"evaluation/{name}", product.blob(run, f"evaluation/{name}")
    product.vote(run, "deployment")
    product.plant(run, path, b"{}")
    run = product.go_on()

    assert run.production not in product.deployments()
    assert run.trouble.startswith(f"artifact_gone: {path}")

    product.plant(run, path, before)
    assert product.until(Status.DEPLOYED)


def test_a_report_that_was_changed_is_not_approved():
    product = Attacked(PRICED)
    run = product.begin(Status.AWAITING_SPEND_APPROVAL)
    product.plant(run, "report.md", b"All is well.")
    with pytest.raises(ArtifactGone, match=r"report\.md"):
        product.vote(run, "spend")


# -- smoke tests ------------------------------------------------------------------------------------------------------


def test_the_smoke_test_of_an_earlier_try_counts_for_nothing():
    product = Attacked(SMOKED)
    run = product.begin(Status.AWAITING_APPROVAL)
    product.vote(run, "deployment")
    product.world.inference.answers = product.ignorant
    run = product.until(Status.FAILED)
    assert run.failure.code == "smoke_test_failed"
    People(product.world).retry(run.id, APPROVER)
    write = product.world.artifacts.write

    def passing(path, data, content_type):
        if path.endswith("smoke.json"):
            data = b'{"passed": true, "message": "planted"}'
        write(path, data, content_type)

    product.world.artifacts.write = passing
    product.plant(run, "deployment/smoke.json", b'{"passed": true, "message": "planted"}')
    run = product.until(Status.DEPLOYED, Status.FAILED)

    assert run.status is Status.FAILED
    assert product.world.pipelines.champion("boxes") is None


# -- votes ------------------------------------------------------------------------------------------------------------


def forged(product, run, gate="deployment", person="mallory", name="Mallory"):
    vote = GateDecision(
        person=person,
        name=name,
        decision="approve",
        digest=run.gates[gate].digest,
        comment="seen",
        at=product.world.clock.now(),
    )
    opened = product.run().gates[gate]
    changed = msgspec.structs.replace(opened, decisions=(*opened.decisions, vote))
    product.rewrite(run, gates=run.gates | {gate: changed}, due_at=product.world.clock.now())


def test_a_vote_without_its_line_of_history_does_not_count():
    product = Attacked(TWO)
    run = product.begin(Status.AWAITING_APPROVAL)
    product.vote(run, "deployment")
    forged(product, run)
    run = product.go_on(times=5)

    assert run.status is Status.AWAITING_APPROVAL
    assert [vote.name for vote in run.gate.decisions] == ["Ada"]
    assert any("Mallory" in warning for warning in run.warnings)
    product.vote(run, "deployment", Person(id="grace", name="Grace"))
    assert product.until(Status.DEPLOYED)


@pytest.mark.parametrize("name", ["Ada", "Mallory"])
def test_a_line_of_history_is_of_one_person(name):
    """Also where the forged vote has the name of somebody who did vote."""
    product = Attacked(TWO)
    run = product.begin(Status.AWAITING_APPROVAL)
    product.vote(run, "deployment")
    forged(product, run, name=name)
    run = product.go_on(times=5)

    assert (run.status, run.gate.approvals) == (Status.AWAITING_APPROVAL, 1)


def test_a_forged_vote_keeps_nobody_from_voting():
    product = Attacked(TWO)
    run = product.begin(Status.AWAITING_APPROVAL)
    forged(product, run, person=APPROVER.id, name=APPROVER.name)
    ruling = product.vote(run, "deployment")

    assert (ruling.is_new, ruling.approvals_missing) == (True, 1)
    product.vote(run, "deployment", Person(id="grace", name="Grace"))
    assert product.until(Status.DEPLOYED)


@pytest.mark.parametrize("status", [Status.AWAITING_APPROVAL, Status.DEPLOYING])
def test_forged_votes_deploy_nothing_in_any_status(status):
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    forged(product, run)
    product.rewrite(run, status=status)
    run = product.go_on()

    assert run.production not in product.deployments()


def test_forged_votes_train_nothing():
    product = Attacked(PRICED)
    run = product.begin(Status.AWAITING_SPEND_APPROVAL)
    forged(product, run, "spend")
    run = product.go_on()

    assert run.status is Status.AWAITING_SPEND_APPROVAL
    assert RunViews(product.world).detail(run.id).gate.approvals == 0


# -- what is served ---------------------------------------------------------------------------------------------------


def test_what_is_served_is_compared_and_the_rest_is_marked():
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    views = RunViews(product.world)
    product.plant(run, "evaluation/comparison.svg", b"<svg/>")
    product.plant(run, "notes.json", b"{}")

    with pytest.raises(ArtifactGone, match=r"comparison\.svg"):
        views.artifact(run.id, "evaluation/comparison.svg")
    shown = views.detail(run.id)
    assert shown.evidence.changed == ("evaluation/comparison.svg",)
    assert shown.evidence.not_checked == ("notes.json",)
    assert views.artifact(run.id, "evaluation/rule.json").is_checked


def test_what_a_run_is_pinned_to_is_compared_with_the_digest_that_the_run_has():
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    People(product.world).rejudge(run.id, APPROVER)
    run = product.until(Status.AWAITING_APPROVAL)
    views = RunViews(product.world)
    again = f"pinned/{run.judging.pin.removeprefix('sha256:')}.json"

    assert views.detail(run.id).evidence.not_checked == ()
    for name in ("pinned.json", again):
        assert views.artifact(run.id, name).is_checked
        product.plant(run, name, b"{}")
        with pytest.raises(ArtifactGone, match="was changed"):
            views.artifact(run.id, name)


def test_evidence_of_an_older_release_is_served_and_marked():
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    product.rewrite(run, evidence={})
    views = RunViews(product.world)

    assert not views.artifact(run.id, "evaluation/rule.json").is_checked
    assert "evaluation/comparison.md" in views.detail(run.id).evidence.not_checked
    product.vote(run, "deployment")
    assert product.until(Status.DEPLOYED)


def test_a_copy_of_evidence_that_counts_no_more_is_compared_too():
    product = Attacked()
    run = product.begin(Status.AWAITING_APPROVAL)
    People(product.world).rejudge(run.id, APPROVER)
    run = product.until(Status.AWAITING_APPROVAL)
    name = "evaluation/superseded-0/summary.json"
    assert RunViews(product.world).artifact(run.id, name).is_checked
    product.plant(run, name, b"{}")
    with pytest.raises(ArtifactGone):
        RunViews(product.world).artifact(run.id, name)


def test_results_of_an_earlier_job_are_not_those_of_the_next():
    product = Attacked()
    run = product.begin(Status.TRAINING)
    product.plant(run, artifacts.JOB.name, b"{}")
    run = product.until(Status.AWAITING_APPROVAL)

    assert json.loads(product.blob(run, artifacts.JOB.name))["id"] == run.job_id
    assert product.folder(run).read(Artifact("training/events.json"))
