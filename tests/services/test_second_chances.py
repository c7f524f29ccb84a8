"""Retries, take-overs, duplicates and late jobs: on the product's own services, with twins of the world."""

import msgspec
import pytest

from shared.core.errors import GateClosed
from shared.core.identity import digest_of
from shared.core.policy import Policy
from shared.core.run import Status
from shared.intake import Intake
from shared.people import People
from shared.poller import Poller
from tests.support.product import APPROVER, Product, dataset


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


def test_a_failed_job_is_reported_in_the_services_words_and_a_retry_starts_another(product):
    failed = fail_next_job(product)
    assert (failed.failure.code, failed.failure.can_retry) == ("job_failed", True)
    assert "RAI checks" in failed.failure.message

    People(product.world).retry(failed.id, APPROVER)
    run = product.until(Status.AWAITING_APPROVAL)
    assert run.retired_jobs == (failed.job_id,)
    assert run.job_id != failed.job_id
    assert len(product.world.trainer.bodies) == 2
    with pytest.raises(GateClosed):
        People(product.world).retry(run.id, APPROVER)


def test_a_new_drop_takes_over_the_work_of_a_run_that_failed(product):
    failed = fail_next_job(product)
    product.world.datasets.put("boxes/again.jsonl", dataset(30))
    run = product.until(Status.AWAITING_APPROVAL)

    assert run.id != failed.id
    fingerprint = run.summary.fingerprint
    assert product.world.claims.holder("boxes", fingerprint) == run.id
    People(product.world).retry(failed.id, APPROVER)  # too late: the work has another owner
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
    kept = product.world.artifacts.read(name)
    pinned = msgspec.json.decode(kept)
    pinned["spec"]["approval"]["mode"] = "automatic"
    product.world.artifacts.write(name, msgspec.json.encode(pinned), "application/json")
    restarted = type(product.reconciler)(product.world, product.reconciler._policy)
    product.world.clock.advance(60)
    restarted.advance(run.id)

    after, _ = product.world.runs.load(run.id)
    assert after.status is run.status
    assert "artifact_gone" in after.trouble

    product.world.artifacts.write(name, kept, "application/json")
    product.world.clock.advance(60)
    restarted.advance(run.id)
    assert product.world.runs.load(run.id)[0].trouble is None, "restored, and no process needs a restart"


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe{", b'{"spec": 7}', b"[" * 5000], ids=repr)
def test_a_pin_that_cannot_be_read_is_trouble_of_its_run_and_stops_no_other(product, raw):
    product.world.trainer.is_stepping = False
    run = product.until(Status.TRAINING)
    product.world.artifacts.write(f"runs/{run.id}/pinned.json", raw, "application/json")
    reconciler = type(product.reconciler)(product.world, product.reconciler._policy)
    poller = Poller(product.world, product.reconciler._policy, reconciler, Intake(product.world))
    product.world.datasets.put("boxes/other.jsonl", dataset(31))
    for _ in range(5):
        product.world.clock.advance(60)
        for run_id in poller.tick():
            reconciler.advance(run_id)

    after = product.world.runs.load(run.id)[0]
    others = [row for row in product.world.index.active() if row.run_id != run.id]
    assert "artifact_gone" in after.trouble
    assert [row.status for row in others] == [Status.TRAINING]

    product.world.clock.advance(38 * 24 * 3600)
    for run_id in poller.tick():
        reconciler.advance(run_id)
    assert product.world.runs.load(run.id)[0].status is Status.FAILED, "its deadline ends it"


@pytest.mark.parametrize("raw", [b"", b"{", b'{"spec": 7}'], ids=repr)
def test_a_pin_that_is_there_before_the_run_is_pinned_is_written_again(product, raw):
    product.poller.tick()
    [row] = product.world.index.active()
    product.world.artifacts.write(f"runs/{row.run_id}/pinned.json", raw, "application/json")
    product.world.clock.advance(120)
    product.reconciler.advance(row.run_id)

    after = product.world.runs.load(row.run_id)[0]
    assert digest_of(product.world.artifacts.read(f"runs/{row.run_id}/pinned.json")) == after.spec_digest


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


def test_a_duplicate_is_cancelled_while_people_still_think(product):
    """It costs money in every status, not only after the end; the intent is in the history first."""
    run = product.until(Status.AWAITING_APPROVAL)
    trainer = product.world.trainer
    trainer.is_stepping = False
    late = trainer.create(trainer.bodies[0], product.world.clock.now())
    product.world.clock.advance(60)
    product.poller.tick()

    after, _ = product.world.runs.load(run.id)
    assert trainer.job(late.id).status == "cancelled"
    assert (after.status, after.duplicates, after.job_id) == (run.status, (late.id,), run.job_id)
    assert any(late.id in (event.detail or "") for event in product.world.runs.history(run.id))


def test_a_slow_worker_does_not_drop_the_active_row_of_a_run_that_was_retried(product):
    failed = fail_next_job(product)
    People(product.world).retry(failed.id, APPROVER)
    product.world.index.project(failed, is_settled=True)

    assert [row.run_id for row in product.world.index.active()] == [failed.id]


def test_a_run_whose_row_was_lost_is_recorded_anew_and_finds_its_job(product):
    product.world.trainer.is_stepping = False
    run = product.until(Status.TRAINING)
    del product.world.runs._rows[run.id], product.world.runs._events[run.id]

    assert Intake(product.world).restore(run.id)
    product.world.clock.advance(60)
    product.reconciler.advance(run.id)
    again, _ = product.world.runs.load(run.id)
    assert (again.status, again.job_id) == (Status.TRAINING, run.job_id)
    assert len(product.world.trainer.bodies) == 1
    assert not Intake(product.world).restore("0" * 20)


def test_a_tick_does_a_bounded_amount_of_work_and_the_next_one_goes_on():
    product = Product()
    for number in range(9):
        product.world.datasets.put(f"boxes/{number}.jsonl", dataset(30))
    policy = Policy(tick_work_max=4)
    poller = Poller(product.world, policy, product.reconciler, Intake(product.world))
    accepted = [len(poller.tick()) and len(product.world.index.active()) for _ in range(3)]

    assert accepted == [4, 8, 9]


def test_money_that_was_released_is_not_taken_back_by_a_slow_worker(product):
    pipelines, at = product.world.pipelines, product.world.clock.now()
    for usd in (5.0, 0.0, 5.0):
        pipelines.commit("boxes", "2026-11", "run", at, usd)
    assert pipelines.committed("boxes", "2026-11") == [("run", at, 0.0)]
    later = product.world.clock.advance(1)
    pipelines.commit("boxes", "2026-11", "run", later, 5.0)

    assert pipelines.committed("boxes", "2026-11") == [("run", at, 0.0), ("run", later, 5.0)]
