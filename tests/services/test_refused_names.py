"""A blob whose name leads elsewhere, or forges lines, is refused by a run that says so; nothing is read by its name."""

import logging

import pytest

from shared.core import naming
from shared.core.run import Status
from shared.intake import Intake
from shared.views.runs import RunViews
from tests.support.naughty import blob_names
from tests.support.product import Product, dataset

UNSAFE = [
    "boxes/../../pipelines/boxes.jsonl",
    "boxes/./training.jsonl",
    "../boxes/training.jsonl",
    "boxes/..",
    "boxes\\..\\x.jsonl",
    "boxes/../x.validation.jsonl",
    "boxes/\x1b[2Jx.jsonl",
    "boxes/\nERROR forged.jsonl",
    "boxes/\u202elnosj.jsonl",
]
SAFE = [
    "boxes/training.jsonl",
    "boxes/a..b/...jsonl",
    "boxes/.hidden/x.jsonl",
    "boxes/ä b%20#?[/bold].jsonl",
    "boxes/👩\u200d💻.jsonl",
]


@pytest.mark.parametrize("name", SAFE)
def test_other_names_are_safe(name):
    assert naming.is_safe(name)


@pytest.mark.parametrize("name", UNSAFE)
def test_it_gets_a_run_that_says_so_and_nothing_is_read(name):
    product = Product()
    product.world.datasets.put(name, dataset(60))
    run = product.until(Status.INVALID, Status.AWAITING_APPROVAL, Status.FAILED)

    assert (run.status, run.failure.code) == (Status.INVALID, "unsafe_name")
    assert run.failure.message.isprintable()
    assert run.dataset.name == name
    assert {"properties", "chunks"} & set(product.world.datasets.calls) == set()
    assert [row.dataset for row in RunViews(product.world).listing(None, 10, None).runs] == [name]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_event_that_names_it_asks_for_nothing_and_stands_in_the_log(name, caplog):
    product = Product()
    with caplog.at_level(logging.INFO, logger="finetune"):
        assert Intake(product.world).find(name) is None

    assert product.world.datasets.calls == []
    assert [record.getMessage() for record in caplog.records] == ["dataset.refused code=unsafe_name"]


def test_an_event_that_names_another_is_looked_up(caplog):
    product = Product()
    product.world.datasets.put("boxes/training.jsonl", b"{}")

    assert Intake(product.world).find("boxes/training.jsonl").size_bytes == 2
    with caplog.at_level(logging.INFO, logger="finetune"):
        assert Intake(product.world).find("boxes/none.jsonl") is None
    assert [record.event for record in caplog.records] == ["dataset.gone"]


def test_200_names_each_become_a_run_that_can_be_read(caplog):
    product = Product()
    names = {name.encode("utf-8", "replace").decode() for name in blob_names()}
    for name in names:
        product.world.datasets.put(name, b"{}")
    with caplog.at_level(logging.INFO, logger="finetune"):
        run_ids = product.poller.tick()
        for run_id in run_ids:
            product.reconciler.advance(run_id)

    runs = [product.world.runs.load(run_id)[0] for run_id in run_ids]
    assert {run.dataset.name for run in runs} == {
        name for name in names if naming.companion_role(name) is None
    }
    for run in runs:
        assert (run.failure.code == "unsafe_name") is not naming.is_safe(run.dataset.name)
        assert f"{run.failure.message}{run.failure.remedy}".isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records)
