"""The product's own services on twins, one pipeline, and a dataset that fits it."""

import pytest

from shared.core.people import Person
from shared.core.policy import Policy
from shared.intake import Intake
from shared.people import People
from shared.poller import Poller
from shared.reconciler import Reconciler
from tests.support.boxes import boxes
from tests.twins.world import TwinWorld

#: Of the pipeline's own, so that nobody is asked about the money.
PRICE = "{training_usd_per_million_tokens: 2}"
PIPELINE = """\
model: gpt-4.1-2025-04-14
suffix: boxes
method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}
evaluation: {baselines: [{deployment: base}]}
prices: {training_usd_per_million_tokens: 2}
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

    def approve(self, run, gate="deployment"):
        People(self.world).vote(
            run.id,
            gate,
            APPROVER,
            decision="approve",
            digest=run.gates[gate].digest,
            comment="seen",
        )
