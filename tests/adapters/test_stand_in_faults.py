"""The product's services and real adapters against the stand-in under faults, on one clock that stands still between looks.

Storage is twins; Foundry and Resource Manager are asked through Azure's own clients.  What the loopback fault server cannot do
is done here: effects that appear minutes after their answer was lost, listings that lag, and waits that are really waited for.
"""

import itertools
import json
import math
import time
from datetime import UTC, datetime

import msgspec
import pytest

from shared.adapters.credentials import make_credential
from shared.adapters.deployments import ArmDeployer, create_arm_client
from shared.adapters.foundry import FoundryFiles, FoundryInference, FoundryTrainer, create_openai_client
from shared.core import artifacts
from shared.core.evaluation.answers import Answer
from shared.core.people import Person
from shared.core.policy import Policy
from shared.core.run import FINISHED, Status
from shared.intake import Intake
from shared.people import People
from shared.poller import Poller
from shared.reconciler import Reconciler
from shared.run_folder import RunFolder
from tests.support.boxes import boxes
from tests.support.signing_in import sign_in
from tests.twins.clock import TwinClock
from tests.twins.world import TwinWorld

PIPELINE = """\
model: gpt-4.1-2025-04-14
prices: {{training_usd_per_million_tokens: 2}}
suffix: {name}
method: {{type: supervised, supervised: {{hyperparameters: {{n_epochs: 1}}}}}}
evaluation: {{baselines: [{{deployment: gpt-4.1}}]}}
"""
POLICY = Policy()
STEP_S = 120
TICKS_MAX = 120
JOBS, FILES = "*/fine_tuning/jobs", "*/openai/v1/files"


class Product:
    """The product's services, with the hand that moves the time of both worlds."""

    def __init__(self, addresses, control, client, name):
        self.control, self.name, self.is_foundry_moving = control, name, True
        control.set_rate(0)
        self.world = TwinWorld(clock=TwinClock(datetime.fromtimestamp(control.now(), UTC)))
        self.world.files = FoundryFiles(client, self.world.clock, upload_timeout_s=10)
        self.world.trainer = FoundryTrainer(client, self.world.clock)
        self.world.inference = FoundryInference(client)
        arm = create_arm_client(
            make_credential("managed_identity", None),
            arm_endpoint=addresses["endpoint"],
            subscription_id="s",
            timeout_s=10,
        )
        self.world.deployer = ArmDeployer(arm, "rg", "a")
        self.reconciler = Reconciler(self.world, POLICY)
        self.poller = Poller(self.world, POLICY, self.reconciler, Intake(self.world))
        self.world.pipeline_files.put(f"{name}.yaml", PIPELINE.format(name=name))
        self.since = control.last_request()
        self.others = {job.id for job in self.jobs()}
        self.world.datasets.put(f"{name}/training.jsonl", boxes(40, lambda number: number * 7919 % 1000))

    def jobs(self):
        return self.world.trainer.jobs(datetime(2000, 1, 1, tzinfo=UTC))

    def own_jobs(self):
        return [job for job in self.jobs() if job.id not in self.others]

    def sent(self, method, path):
        return self.control.requests(self.since, method=method, path=path)

    def run(self):
        rows, _ = self.world.index.newest(None, 10, None)
        return self.world.runs.load(rows[0].run_id)[0] if rows else None

    def until(self, is_there):
        for _ in range(TICKS_MAX):
            for run_id in self.poller.tick():
                self.reconciler.advance(run_id)
            run = self.run()
            if run and is_there(run):
                return run
            self.world.clock.advance(STEP_S)
            if self.is_foundry_moving:
                self.control.advance(STEP_S)
            time.sleep(0.03)
        return pytest.fail(
            f"not there after {TICKS_MAX} ticks: {run and (run.status, run.trouble, run.failure)}"
        )

    def decide(self, run, decision):
        People(self.world).vote(
            run.id, "deployment", Person(id="approver", name="Ada"),
            decision=decision, digest=run.gates["deployment"].digest, comment="seen",
        )  # fmt: skip


@pytest.fixture
def product(controlled, control, monkeypatch, request):
    sign_in(monkeypatch, controlled)
    monkeypatch.setattr(
        "openai._base_client.BaseClient._calculate_retry_timeout", lambda *_args, **_more: 0.01
    )
    endpoint, credential = controlled["project_endpoint"], make_credential("managed_identity", None)
    name = f"f{abs(hash(request.node.name)) % 10**8}"
    with create_openai_client(endpoint, credential, timeout_s=10) as client:
        made = Product(controlled, control, client, name)
        yield made
        control.remove_faults()
        for job in made.own_jobs():
            made.world.trainer.cancel(job.id)


def has_job(run):
    return run.job_id is not None


LATE, LOST = ("late", {"after_s": 240}), ("reset", {"is_applied": True})


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        (JOBS, [LATE]),
        (JOBS, [("late", {"after_s": 240, "status": 503})]),
        (JOBS, [LATE, ("lag", {"hidden_s": 300})]),
        (JOBS, [LOST, ("lag", {"hidden_reads": 2})]),
        (JOBS, [("html", {"is_applied": True})]),
        (JOBS, [("truncated", {})]),
        (FILES, [LATE, ("lag", {"hidden_s": 300})]),
        (FILES, [LOST]),
    ],
    ids=lambda value: (
        value if isinstance(value, str) else " and ".join(f"{kind} {given}" for kind, given in value)
    ),
)
def test_an_effect_whose_answer_was_lost_is_found_and_never_repeated(product, control, path, faults):
    numbers = [control.add_fault(kind, method="POST", path=path, count=1, **given) for kind, given in faults]
    run = product.until(has_job)
    (job,) = product.own_jobs()

    assert [control.fault(number)["fired"] for number in numbers] == [1] * len(numbers)
    assert (run.job_id, run.training_file_id) == (job.id, job.training_file)
    assert len(product.sent("POST", "/fine_tuning/jobs")) == 1
    assert len(product.sent("POST", "/openai/v1/files")) == 2  # of training and of validation


@pytest.mark.parametrize("path", [JOBS, FILES], ids=["job", "upload"])
def test_a_wait_that_the_service_asks_for_is_waited(product, control, path):
    control.add_fault("status", status=429, retry_after_s=600, method="POST", path=path, count=1)
    product.until(has_job)
    first, second = product.sent("POST", path.removeprefix("*"))[:2]

    assert (first["status"], second["status"]) == (429, 200)
    assert 600 <= second["at"] - first["at"] < 600 + 3 * STEP_S
    assert len(product.own_jobs()) == 1


def test_a_job_that_appears_after_everybody_gave_it_up_is_cancelled(product, control):
    """The stand-in may be later than the policy thinks possible; then there are two jobs, and one is swept away."""
    control.add_fault("late", method="POST", path=JOBS, count=1, after_s=POLICY.settle_s + 3600)
    product.until(lambda run: run.status is Status.AWAITING_APPROVAL)
    (wanted,) = product.own_jobs()
    run = product.until(lambda _: len(product.own_jobs()) == 2)
    product.is_foundry_moving = False  # in one step of its clock the job would be done
    product.decide(run, "reject")
    run = product.until(lambda _: {job.status for job in product.own_jobs()} == {"succeeded", "cancelled"})

    assert (run.status, run.job_id) == (Status.REJECTED, wanted.id)
    assert product.world.trainer.job(wanted.id).status == "succeeded"
    assert len(product.sent("POST", "/fine_tuning/jobs")) == 2


def test_a_run_walks_through_a_storm_to_its_deployment_with_one_job(product, control):
    """One request in seven goes wrong, in every way there is, on both planes; which ones is the same each time."""
    storm = [
        ("status", {"status": 503}),
        ("status", {"status": 429, "retry_after_ms": 10}),
        ("html", {}),
        ("reset", {"is_applied": True}),
        ("truncated", {}),
    ]
    numbers = [
        control.add_fault(kind, path=path, skip=skip, every=7 * len(storm), **given)
        for path in ("/api/*", "/subscriptions/*")
        for skip, (kind, given) in zip(range(0, 100, 7), storm, strict=False)
    ]
    run = product.until(lambda run: run.status is Status.AWAITING_APPROVAL)
    product.decide(run, "approve")
    run = product.until(lambda run: run.status in FINISHED)

    assert run.status is Status.DEPLOYED, run.failure
    assert len(product.own_jobs()) == 1
    assert sum(control.fault(number)["fired"] for number in numbers) >= 5
    assert product.world.deployer.deployment(run.production).model == run.model


#: What becomes of questions with markers of `local.foundry.answers.oddities`.
MARKERS = {
    "": "answered",
    "refuses": "refused",
    "filtered prompt": "filtered",
    "filtered answer": "filtered",
    "reasons 5000": "truncated",
    "uses up its limit": "truncated",
    "takes no temperature": "answered",
    "HTTP 400 image_parse_error": "failed",
    "HTTP 413 null": "failed",
    "HTTP 422 odd": "failed",
}


def odd_boxes(count):
    """Boxes that are asked for with one marker after another, so that both sides meet all of them."""
    marker = itertools.cycle(MARKERS)
    rows = [json.loads(row) for row in boxes(count, lambda number: number * 7919 % 1000).splitlines()]
    for row, said in zip(rows, marker, strict=False):
        row["messages"][0]["content"] += f" [stand-in: {said}]" if said else ""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_an_evaluation_full_of_oddities_ends_with_a_verdict(product):
    """As the real client shows them: refusals, filters, limits, odd codes, a parameter that is not taken."""
    product.world.datasets.put(f"{product.name}/training.jsonl", odd_boxes(200))
    run = product.until(lambda run: run.evaluation is not None or run.status in FINISHED)
    folder = RunFolder(product.world.artifacts, run.id)
    rows = folder.read(artifacts.prepared("evaluation")).splitlines()
    markers = [json.loads(row)["messages"][0]["content"].partition("[stand-in: ")[2][:-1] for row in rows]

    assert run.evaluation is not None, run.failure
    assert len(set(markers)) >= 8
    chunks = range(math.ceil(len(rows) / POLICY.evaluation_chunk_size))
    for target in ("candidate", "baseline-1"):
        stored = [folder.read(artifacts.answers(target, chunk)) for chunk in chunks]
        answers = [answer for raw in stored for answer in msgspec.json.decode(raw, type=list[Answer])]
        without = {markers[answer.index] for answer in answers if "temperature" in answer.left_out}

        assert [answer.outcome for answer in answers] == [MARKERS[marker] for marker in markers]
        assert "takes no temperature" in without
