"""Retries, take-overs, duplicates and late jobs: on the product's own services, with twins of the world."""

import msgspec
import pytest

from shared.core.errors import GateClosed
from shared.core.run import Status
from shared.decisions import Decisions
from tests.twins.test_world import Product, dataset


@pytest.fixture
def product():
    made = Product()
    made.world.datasets.put("boxes/training.jsonl", dataset(30))
    return made


def fail_next_job(product, error="RAI checks"):
    """The job of the run that is training ends badly."""
    product.world.trainer.is_stepping = False
    run = product.until(Status.TRAINING)
    product.world.trainer.move(run.job_id, "failed", error=error)
    run = product.until(Status.FAILED)
    product.world.trainer.is_stepping = True
    return run


def test_a_failed_job_is_told_in_the_services_words_and_a_retry_starts_another(product):
    failed = fail_next_job(product)
    assert (failed.failure.code, failed.failure.can_retry) == ("job_failed", True)
    assert "RAI checks" in failed.failure.message

    Decisions(product.world).retry(failed.id)
    run = product.until(Status.AWAITING_APPROVAL)
    assert run.retired_jobs == (failed.job_id,)
    assert run.job_id != failed.job_id
    assert len(product.world.trainer.bodies) == 2
    with pytest.raises(GateClosed):
        Decisions(product.world).retry(run.id)


def test_a_new_drop_takes_over_the_work_of_a_run_that_failed(product):
    failed = fail_next_job(product)
    product.world.datasets.put("boxes/again.jsonl", dataset(30))
    run = product.until(Status.AWAITING_APPROVAL)

    assert run.id != failed.id
    fingerprint = run.summary.fingerprint
    assert product.world.claims.holder("boxes", fingerprint) == run.id
    Decisions(product.world).retry(failed.id)  # too late: the work has another owner
    product.world.clock.advance(60)
    for run_id in product.poller.tick():
        product.reconciler.advance(run_id)
    late, _ = product.world.runs.load(failed.id)
    assert (late.status, late.duplicate_of) == (Status.DUPLICATE, run.id)
    assert len(product.world.trainer.bodies) == 2


def test_the_same_content_with_other_white_space_is_the_same_work(product):
    first = product.until(Status.AWAITING_APPROVAL)
    spaced = dataset(30).replace(b'": ', b'" :   ').replace(b"\n", b"\r\n")
    product.world.datasets.put("boxes/spaced.jsonl", spaced)
    run = product.until(Status.DUPLICATE)

    assert run.duplicate_of == first.id
    assert len(product.world.trainer.bodies) == 1


def test_a_job_that_appears_late_is_found_and_cancelled(product):
    """Foundry applied a request minutes after it was given up, and after the run went on without it."""
    run = product.until(Status.AWAITING_APPROVAL)
    product.approve(run)
    run = product.until(Status.DEPLOYED)
    trainer = product.world.trainer
    body = trainer.bodies[0]
    trainer.is_stepping = False
    late = trainer.create(body, product.world.clock.now())
    for _ in range(5):
        product.world.clock.advance(60)
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)

    assert trainer.job(late.id).status == "cancelled"
    assert product.world.runs.load(run.id)[0].status is Status.DEPLOYED


def test_what_was_pinned_and_then_changed_stops_the_run(product):
    product.world.trainer.is_stepping = False
    run = product.until(Status.TRAINING)
    name = f"runs/{run.id}/pinned.json"
    pinned = msgspec.json.decode(product.world.artifacts.read(name))
    pinned["spec"]["approval"]["mode"] = "automatic"
    product.world.artifacts.write(name, msgspec.json.encode(pinned), "application/json")
    restarted = type(product.reconciler)(product.world, product.reconciler._policy)
    product.world.clock.advance(60)
    restarted.advance(run.id)

    after, _ = product.world.runs.load(run.id)
    assert after.status is run.status
    assert "artifact_gone" in after.trouble


def test_the_job_of_a_run_that_is_given_up_is_cancelled_however_old_it_is(product):
    """Its sweep window is long over; a job that still runs still costs."""
    product.world.trainer.is_stepping = False
    run = product.until(Status.TRAINING)
    product.world.clock.advance(38 * 24 * 3600)
    failed = product.until(Status.FAILED)
    for _ in range(5):
        product.world.clock.advance(1000)
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)

    assert failed.failure.code == "deadline_exceeded"
    assert product.world.trainer.job(run.job_id).status == "cancelled"
