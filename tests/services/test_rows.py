"""Rows of the dataset, and answers to them, are for the app role of `DATA_ROLE`: in every form in which they are served."""

import json
import logging

import msgspec
import pytest

from shared.core import artifacts
from shared.core.errors import Forbidden, NotFound
from shared.core.people import Person, Reader
from shared.core.run import Status
from shared.run_folder import RunFolder
from shared.views.runs import RunViews
from tests.support.product import PIPELINE, Product, dataset

ROLE = "FineTune.Data"
MAY = Reader(person=Person(id="oid-may", name="Ada", roles=frozenset({ROLE})), data_role=ROLE)
MAY_NOT = Reader(
    person=Person(id="oid-not", name="Bob", roles=frozenset({"FineTune.Approver"})), data_role=ROLE
)
#: Words of the rows that are dropped, and of the answers to them.
MARKS = ("canary", "The code of box", "What is the code")
ODD = (
    b'{"messages": [{"role": "user", "content": " canary "},'
    b' {"role": "assistant", "content": "canary<|end|>", "weight": 1.0}]}\n'
)
WRONG = b'{"messages": [{"role": "usr", "content": "canary of a wrong row"}, {"role": "assistant", "content": "canary"}]}\n'


@pytest.fixture(scope="module")
def product():
    """A product and its run, which was compared, with rows that were repaired and put aside."""
    made = Product()
    on_issue = (
        "dataset: {quarantine_max_share: 0.5, on_issue: {DS048: repair, DS041: repair, DS033: quarantine}}\n"
    )
    made.world.pipeline_files.put("boxes.yaml", PIPELINE + on_issue)
    made.world.datasets.put("boxes/training.jsonl", dataset(120) + ODD + WRONG)
    made.run = made.until(Status.AWAITING_APPROVAL, Status.NOT_PROMOTED, Status.FAILED, Status.INVALID)
    assert made.run.evaluation is not None, made.run.failure
    folder = RunFolder(made.world.artifacts, made.run.id)
    for name in (artifacts.COMPARISON, artifacts.COMPARISON_PAGE, artifacts.COMPARISON_TABLE):
        folder.write(artifacts.superseded(name.name, 0), folder.read(name))
    return made


def served(product, name, reader):
    return RunViews(product.world).artifact(product.run.id, name, reader)[0].decode()


def names_of(product):
    return RunViews(product.world).detail(product.run.id, MAY_NOT).artifacts


def test_the_run_has_what_is_to_be_kept(product):
    """Else the other tests prove nothing."""
    names = names_of(product)

    assert {
        "repairs/training.jsonl",
        "quarantine/training.jsonl",
        "evaluation/superseded-0/comparison.csv",
    } <= set(names)
    assert any(name.startswith("evaluation/answers/") for name in names)
    for name in ("report.json", "report.md", "quarantine/training.jsonl", "repairs/training.jsonl"):
        assert "canary" in served(product, name, MAY), name
    for name in ("evaluation/comparison.md", "evaluation/comparison.json", "evaluation/comparison.csv"):
        assert "The code of box" in served(product, name, MAY), name


@pytest.mark.parametrize("reader", [MAY_NOT, None], ids=["without the role", "nobody"])
def test_without_the_role_nothing_that_is_served_holds_rows(product, reader):
    refused = set()
    for name in names_of(product):
        try:
            text = served(product, name, reader)
        except Forbidden as error:
            refused.add(name)
            assert reader is None or ROLE in error.message
            continue
        assert not any(mark in text for mark in MARKS), name

    assert {name.partition("/")[0] for name in refused} == {"evaluation", "quarantine", "repairs"}
    assert {name.rpartition("/")[2] for name in refused if "answers" not in name} == {
        "comparison.csv",
        "training.jsonl",
        "training.reasons.jsonl",
    }
    detail = msgspec.json.encode(RunViews(product.world).detail(product.run.id, reader)).decode()
    assert not any(mark in detail for mark in MARKS)


def test_with_the_role_all_is_served_as_it_is_stored(product):
    folder = RunFolder(product.world.artifacts, product.run.id)
    for name in names_of(product):
        assert served(product, name, MAY) == folder.read(artifacts.Artifact(name)).decode()
    findings = RunViews(product.world).detail(product.run.id, MAY).findings
    assert any("canary" in (finding.excerpt or "") for finding in findings)


def test_without_rows_all_numbers_are_there(product):
    with_rows, without = (
        json.loads(served(product, "evaluation/comparison.json", who)) for who in (MAY, MAY_NOT)
    )
    assert without == with_rows | {"rows": []}
    with_rows, without = (json.loads(served(product, "report.json", who)) for who in (MAY, MAY_NOT))
    assert without.keys() == with_rows.keys()
    assert [finding | {"excerpt": None} for finding in with_rows["findings"]] == without["findings"]
    assert without["change_count"] == with_rows["change_count"] > 0
    page = served(product, "evaluation/comparison.md", MAY_NOT)
    assert "task accuracy" in page
    assert "Rows of the dataset are left out here" in page
    assert "## Biggest wins" not in page
    assert "| DS080 | warning | 1 |" in served(product, "report.md", MAY_NOT)


def test_prepared_rows_are_served_to_nobody(product):
    assert not any(name.startswith("prepared/") for name in names_of(product))
    for name in (
        "prepared/training.jsonl",
        "evaluation/../prepared/training.jsonl",
        "prepared/evaluation.keys",
    ):
        for reader in (MAY, MAY_NOT):
            with pytest.raises(NotFound):
                served(product, name, reader)


@pytest.mark.parametrize(
    "name", ["report.md", "report.json", "evaluation/comparison.md", "evaluation/comparison.json"]
)
@pytest.mark.parametrize("stored", [b"", b"[]", b'{"rows": 5}', b"\xff", b"[" * 3000])
def test_what_cannot_be_read_is_refused_rather_than_shown(product, name, stored):
    made = Product()
    made.world.runs.insert(
        product.run.evolve(evidence={}), ()
    )  # an older release stored it, and kept no hashes
    folder = RunFolder(made.world.artifacts, product.run.id)
    for artifact in (
        artifacts.REPORT,
        artifacts.REPORT_PAGE,
        artifacts.COMPARISON,
        artifacts.COMPARISON_PAGE,
    ):
        folder.write(
            artifact, stored + b"canary" * (artifact in {artifacts.REPORT_PAGE, artifacts.COMPARISON_PAGE})
        )
    try:
        shown = RunViews(made.world).artifact(product.run.id, name, MAY_NOT)[0]
    except Forbidden:
        return
    assert b"canary" not in shown
    assert json.loads(shown) == {"rows": []}


def test_an_artifact_of_another_release_counts_as_rows():
    assert artifacts.holds_rows("evaluation/judged.jsonl")
    assert not artifacts.is_shown_without_rows("evaluation/judged.jsonl")


def test_who_read_rows_stands_in_the_log(product, caplog):
    with caplog.at_level(logging.INFO, logger="finetune"):
        served(product, "quarantine/training.jsonl", MAY)
        served(product, "evaluation/scores.jsonl", MAY)
        served(product, "report.md", MAY_NOT)
        RunViews(product.world).detail(product.run.id, MAY)

    assert [record.getMessage() for record in caplog.records if record.event == "rows.read"] == [
        f"rows.read run_id={product.run.id} person=oid-may artifact=quarantine/training.jsonl",
        f"rows.read run_id={product.run.id} person=oid-may",
    ]
