"""Datasets whose event was lost are found: in each tick while listing them is cheap, every ten minutes otherwise."""

import pytest

from shared.core.errors import Throttled
from shared.core.policy import Policy
from shared.intake import Intake
from shared.poller import Poller
from tests.support.product import Product


@pytest.fixture
def product():
    """A container whose listing takes a page for every three names."""
    made = Product()
    made.world.datasets.page_names = 3
    return made


def drop(product, *numbers):
    """Files whose events are lost."""
    for number in numbers:
        product.world.datasets.put(f"boxes/{number}.jsonl", b"{}")


def found(product):
    """Numbers of the datasets that have a run, in order."""
    rows, _ = product.world.index.newest(None, 100, None)
    return sorted(int(row.dataset_name.removeprefix("boxes/").removesuffix(".jsonl")) for row in rows)


def tick(product, after_s=60):
    """The next tick; whether it listed the datasets."""
    product.world.clock.advance(after_s)
    before = product.world.datasets.calls.count("changed_since")
    product.poller.tick()
    return product.world.datasets.calls.count("changed_since") > before


def test_a_container_that_lists_in_one_page_is_listed_in_each_tick(product):
    drop(product, 0, 1, 2)

    assert [tick(product) for _ in range(5)] == [True] * 5
    assert found(product) == [0, 1, 2]


def test_a_larger_one_is_listed_by_the_first_tick_and_then_every_ten_minutes(product):
    drop(product, 0, 1, 2, 3)
    assert tick(product)
    assert found(product) == [0, 1, 2, 3]
    drop(product, 4)

    assert [tick(product) for _ in range(20)] == ([False] * 9 + [True]) * 2
    assert found(product) == [0, 1, 2, 3, 4]


def test_a_new_process_lists_at_once(product):
    drop(product, 0, 1, 2, 3)
    tick(product)
    drop(product, 4)
    product.poller = Poller(product.world, Policy(), product.reconciler, Intake(product.world))

    assert tick(product)
    assert found(product) == [0, 1, 2, 3, 4]


def test_a_container_that_was_emptied_is_listed_in_each_tick_again(product):
    drop(product, 0, 1, 2, 3)
    tick(product)
    product.world.datasets.remove("boxes/3.jsonl")

    assert tick(product, after_s=600)
    assert tick(product)


def test_a_listing_that_failed_is_begun_again_in_the_next_tick(product):
    drop(product, 0, 1, 2, 3)
    product.world.datasets.fail_next("changed_since", Throttled("busy"))
    assert tick(product)
    assert found(product) == []

    assert tick(product)
    assert found(product) == [0, 1, 2, 3]


def test_a_listing_that_is_too_much_for_one_tick_is_gone_on_with_in_the_next(product):
    drop(product, *range(8))
    policy = Policy(tick_work_max=4)
    product.poller = Poller(product.world, policy, product.reconciler, Intake(product.world))
    assert tick(product)
    assert len(found(product)) == 4
    for _ in range(3):
        tick(product)

    assert found(product) == list(range(8))
    assert not tick(product)


def test_a_clock_that_was_set_back_does_not_stop_the_listing(product):
    drop(product, 0, 1, 2, 3)
    tick(product)

    assert tick(product, after_s=-7200)


def test_a_dataset_is_looked_up_once(product):
    drop(product, 0, 1, 2, 3)
    for _ in range(30):
        tick(product)
    loads = product.world.runs.calls.count("load")
    for run_id in [row.run_id for row in product.world.index.active()]:
        product.world.index._active.pop(run_id)  # as if all of them were settled
    tick(product, after_s=600)

    assert product.world.runs.calls.count("load") == loads
