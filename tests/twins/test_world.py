"""The twins carry the whole path, so that what is tested on them means something."""

import pytest

from shared.core.errors import Unavailable
from shared.core.run import Status
from tests.support.product import Product, dataset


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
