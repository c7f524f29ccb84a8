"""The twins carry the whole path, so that what is tested on them means something."""

import pytest

from shared.core.errors import Unavailable
from shared.core.people import Person
from shared.core.policy import Policy
from shared.core.run import Status
from shared.intake import Intake
from shared.people import People
from shared.poller import Poller
from shared.reconciler import Reconciler
from tests.boxes import boxes
from tests.twins.world import TwinWorld

PIPELINE = """\
model: gpt-4.1-2025-04-14
suffix: boxes
method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}
evaluation: {baselines: [{deployment: base}]}
"""
APPROVER = Person(id="approver", name="Ada")
TICKS_MAX = 200


def dataset(count=60):
    return boxes(count, lambda number: number * 7919 % 1000)


class Product:
    """The product's own services on twins, and the hand that moves time."""

    def __init__(self, policy=None, world=None):
        self.world = world or TwinWorld()
        policy = policy or Policy()
        self.reconciler = Reconciler(self.world, policy)
        self.poller = Poller(self.world, policy, self.reconciler, Intake(self.world))
        self.world.pipeline_files.put("boxes.yaml", PIPELINE)
        self.world.deployer.add("base", "gpt-4.1")
        self.world.inference.answers = self.recite

    @staticmethod
    def recite(deployment, messages):
        """A base model does not know the boxes; the tuned ones were told."""
        question = messages[-1]["content"]
        if deployment == "base" or "box" not in question:
            return "I do not know."
        number = int(question.removesuffix("?").rpartition(" ")[2])
        return f"The code of box {number} is {number * 7919 % 1000}."

    def until(self, *statuses):
        """Let timers run until the only run has one of the statuses."""
        for _ in range(TICKS_MAX):
            for run_id in self.poller.tick():
                self.reconciler.advance(run_id)
            rows, _ = self.world.index.newest(None, 10, None)
            if rows and rows[0].status in statuses:
                return self.world.runs.load(rows[0].run_id)[0]
            self.world.clock.advance(30)
        pytest.fail(f"not {statuses} after {TICKS_MAX} ticks: {rows}")

    def approve(self, run):
        People(self.world).vote(
            run.id,
            "deployment",
            APPROVER,
            decision="approve",
            digest=run.gates["deployment"].digest,
            comment="",
        )


@pytest.fixture
def product():
    made = Product()
    made.world.datasets.put("boxes/training.jsonl", dataset())
    return made


def test_a_dropped_dataset_ends_as_a_champion(product):
    run = product.until(Status.AWAITING_APPROVAL)
    assert run.evaluation.outcome == "better"
    product.approve(run)
    run = product.until(Status.DEPLOYED)

    world = product.world
    assert len(world.trainer.bodies) == 1
    assert world.deployer.is_serving(run.production)
    assert world.pipelines.champion("boxes").deployment == run.production
    seen = [event.after for event in world.runs.history(run.id) if event.kind == "job"]
    assert seen == ["pending", "validating_files", "queued", "running", "succeeded"][-len(seen) :]
    assert world.artifacts.read(f"runs/{run.id}/training/results.csv").startswith(b"step,train_loss")


def test_lost_answers_of_upload_and_creation_cost_one_job(product):
    product.world.files.lose_answer_next("upload")
    product.world.trainer.lose_answer_next("create")
    product.world.trainer.listing_lag_s = 120
    product.until(Status.AWAITING_APPROVAL)

    assert len(product.world.trainer.bodies) == 1
    assert len(product.world.files.uploads) == len(set(product.world.files.uploads))


def test_what_fails_for_a_while_is_repeated(product):
    for twin, method in (
        (product.world.trainer, "jobs"),
        (product.world.files, "named"),
        (product.world.deployer, "put"),
        (product.world.inference, "answer"),
        (product.world.artifacts, "write"),
    ):
        twin.fail_next(method, Unavailable("down"), times=2)
    product.until(Status.AWAITING_APPROVAL)

    assert len(product.world.trainer.bodies) == 1
