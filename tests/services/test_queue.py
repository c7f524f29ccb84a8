"""Places for runs in flight: few, never shared, given in the order of the datasets, and never lost."""

from datetime import timedelta

import msgspec
import pytest

from shared.core import naming
from shared.core.errors import Conflict, Refused
from shared.core.policy import Policy
from shared.core.run import IN_FLIGHT, DatasetRef, Status
from shared.intake import Intake
from shared.people import People
from tests.support.product import APPROVER, Product, dataset


@pytest.fixture
def product():
    """Two places, and jobs that end when they are told to."""
    made = Product(Policy(in_flight_max=2))
    made.world.trainer.is_stepping = False
    return made


def drop(product, number):
    product.world.datasets.put(f"boxes/{number}.jsonl", dataset(30 + number))
    product.world.clock.advance(1)


def tick(product, times=1):
    for _ in range(times):
        for run_id in product.poller.tick():
            product.reconciler.advance(run_id)
        product.world.clock.advance(60)


def by_number(product):
    """The runs, by the number of their dataset."""
    rows, _ = product.world.index.newest(None, 100, None)
    runs = [product.world.runs.load(row.run_id)[0] for row in rows]
    return {int(run.dataset.name.removeprefix("boxes/").removesuffix(".jsonl")): run for run in runs}


def statuses(product):
    return [run.status for _, run in sorted(by_number(product).items())]


def finish_job(product, number):
    product.world.trainer.move(by_number(product)[number].job_id, "failed", error="over")


def test_what_finds_no_place_waits_and_is_served_in_the_order_of_the_datasets(product):
    for number in range(5):
        drop(product, number)
    tick(product, 4)
    assert statuses(product).count(Status.TRAINING) == 2
    first = [number for number, run in by_number(product).items() if run.status is Status.TRAINING]
    waiting = sorted(set(range(5)) - set(first))

    for ended, served in zip((*first, *waiting), waiting, strict=False):
        finish_job(product, ended)
        tick(product, 2)
        flying = [number for number, run in by_number(product).items() if run.status in IN_FLIGHT]
        assert len(flying) <= 2
        assert served in flying


def test_a_queued_run_asks_for_nothing_while_there_is_no_place(product):
    for number in range(3):
        drop(product, number)
    tick(product, 4)
    [queued] = [run for run in by_number(product).values() if run.status is Status.QUEUEING]

    assert queued.due_at > product.world.clock.now() + timedelta(minutes=30)
    assert queued.id not in product.poller.tick()


def test_a_place_is_taken_anew_by_the_next_try_of_its_run(product):
    """Between somebody's look at the ended run and the taking of its place, a person may have sent it back to work."""
    drop(product, 0)
    tick(product, 3)
    before = by_number(product)[0]
    seen = product.world.claims.holder(naming.PLACES, naming.place(before.place))
    finish_job(product, 0)
    tick(product)
    People(product.world).retry(before.id, APPROVER)
    tick(product, 3)
    again = by_number(product)[0]

    assert (again.status, again.place) == (Status.TRAINING, before.place)
    with pytest.raises(Conflict):
        product.world.claims.take(naming.PLACES, naming.place(before.place), "other@then", seen)


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_place_whose_run_is_gone_is_free_but_not_one_of_a_newer_release(product, monkeypatch, is_lost):
    for number in range(2):
        product.world.claims.take(naming.PLACES, naming.place(number), "0123456789abcdef0123@then", None)
    if not is_lost:
        load = product.world.runs.load

        def of_newer_release(run_id):
            if run_id == "0123456789abcdef0123":
                raise Refused("newer")
            return load(run_id)

        monkeypatch.setattr(product.world.runs, "load", of_newer_release)
    drop(product, 0)
    tick(product, 4)

    assert by_number(product)[0].status is (Status.TRAINING if is_lost else Status.QUEUEING)


def test_a_run_that_waits_can_be_cancelled_and_gives_its_money_back(product):
    for number in range(3):
        drop(product, number)
    tick(product, 4)
    [(number, queued)] = [(n, r) for n, r in by_number(product).items() if r.status is Status.QUEUEING]
    People(product.world).cancel(queued.id, APPROVER)
    tick(product, 2)

    assert by_number(product)[number].status is Status.CANCELLED


def test_a_place_that_was_taken_before_a_crash_is_found_again(product):
    drop(product, 0)
    tick(product)
    product.world.claims.lose_answer_next("take", times=2)  # of the claim, and of the place
    tick(product, 6)

    assert by_number(product)[0].status is Status.TRAINING
    assert [name for name in product.world.claims.calls if name == "take"] == ["take", "take"]


def contending(product, number, since_s, due_s, trouble="busy: 409"):
    """A run that has been staging since then, and whose next try is due then."""
    at = product.world.clock.now()
    dataset_ = DatasetRef(
        container="datasets", name=f"boxes/c{number}.jsonl", etag=f"{number}", size_bytes=1, modified_at=at
    )
    run_id = Intake(product.world).accept(dataset_)
    run, version = product.world.runs.load(run_id)
    staged = msgspec.structs.replace(
        run,
        status=Status.STAGING,
        status_since=at + timedelta(seconds=since_s),
        due_at=at + timedelta(seconds=due_s),
        trouble=trouble,
    )
    product.world.runs.replace(staged, version, ())
    product.world.index.project(staged, is_settled=False)
    return run_id


def test_what_is_done_for_one_at_a_time_is_tried_in_turn(product):
    """The three that have waited longest, and the one that has not tried for longest; others are not kept from their work."""
    waiting = [contending(product, n, since_s=n, due_s=-10 - n) for n in range(7)]
    free = contending(product, 7, since_s=7, due_s=-1, trouble="unavailable: 503")
    later = contending(product, 8, since_s=-5, due_s=60)

    queued = product.poller.tick()
    assert queued == [*waiting[:3], waiting[6], free]
    assert later not in queued
