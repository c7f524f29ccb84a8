"""What nobody foresaw is trouble of its run, in words that quote nothing; the run goes on as soon as it can."""

import json

import pytest

from shared.adapters.table_codec import run_to_entity
from shared.core.errors import Unforeseen, foreseen
from shared.core.run import Status
from tests.support.product import Product, dataset

SECRET = "row 7 of the dataset: hunter2"


@pytest.fixture
def product():
    made = Product()
    made.world.datasets.put("boxes/training.jsonl", dataset(30))
    return made


@pytest.fixture
def training(product):
    """Its run, whose job stands still."""
    product.world.trainer.is_stepping = False
    return product.until(Status.TRAINING)


def look_often(product, run):
    product.world.trainer.is_stepping = True
    for _ in range(12):
        product.world.clock.advance(600)
        product.reconciler.advance(run.id)
    return product.world.runs.load(run.id)[0]


def broken(monkeypatch, owner, name):
    def fail(*_args, **_options):
        raise OverflowError(SECRET)

    monkeypatch.setattr(owner, name, fail)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (lambda product: product.reconciler._observer, "observe"),
        (lambda product: product.reconciler, "_decide"),
        (lambda product: product.reconciler._performer, "perform"),
        (lambda product: product.reconciler._pins, "of"),
    ],
)
def test_the_run_says_what_happened_and_goes_on_when_it_is_over(product, training, monkeypatch, owner, name):
    with monkeypatch.context() as strange:
        broken(strange, owner(product), name)
        stuck = look_often(product, training)
    told = " ".join(str(event.detail) for event in product.world.runs.history(training.id))

    assert stuck.trouble.startswith("unforeseen: OverflowError at tests/services/test_unforeseen.py:")
    assert SECRET not in stuck.trouble + told
    assert "unforeseen" in told
    assert product.until(Status.AWAITING_APPROVAL).trouble is None
    assert len(product.world.trainer.bodies) == 1


def test_what_cannot_be_stored_is_said_and_not_done(product, training, monkeypatch):
    original = product.world.runs.replace

    def replace(after, version, events):
        if not (after.trouble or "").startswith("unforeseen"):
            raise AssertionError(SECRET)
        return original(after, version, events)

    with monkeypatch.context() as strange:
        strange.setattr(product.world.runs, "replace", replace)
        stuck = look_often(product, training)

    assert (stuck.status, stuck.attempt) == (Status.TRAINING, training.attempt)
    assert stuck.trouble.startswith("unforeseen: AssertionError")
    assert product.until(Status.AWAITING_APPROVAL)


def test_one_run_that_goes_wrong_keeps_no_other_from_being_looked_at(product, training, monkeypatch):
    product.world.datasets.put("boxes/second.jsonl", dataset(40))
    broken(monkeypatch, product.reconciler, "mirror")
    broken(monkeypatch, product.reconciler, "sweep")
    product.world.clock.advance(120)

    queued = product.poller.tick()

    assert len(set(queued) - {training.id}) == 1


@pytest.mark.parametrize(
    "row",
    [
        {
            "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            "k" * 300_000: 1,
        },
        {"messages": [{"role": "user", "content": "a", "🙂" * 30_000: 1}]},
        {"messages": "🙂" * 200_000},
    ],
)
def test_rows_with_words_of_any_length_leave_a_run_that_can_be_stored(product, row):
    product.world.datasets.remove("boxes/training.jsonl")
    product.world.datasets.put(
        "boxes/long.jsonl", json.dumps(row, ensure_ascii=False).encode() + b"\n" + dataset(30)
    )

    run = product.until(Status.INVALID, Status.AWAITING_APPROVAL)

    assert run.failure is None or len(run.failure.message) <= 4000
    assert run_to_entity(run)


def test_an_error_of_ours_stays_what_it_is():
    error = Unforeseen("x")

    assert foreseen(error) is error
    assert foreseen(KeyError(SECRET)).message == "KeyError"
