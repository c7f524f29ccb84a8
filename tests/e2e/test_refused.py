"""What cannot be trained ends with a reason, a place and a remedy, and costs nothing."""

import pytest

from tests.e2e.driver import SAMPLES
from tests.e2e.dropping import run_id

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def untouched(driver):
    """Files and jobs in Foundry must be the same after the tests of this module as before."""
    before = ({file.id for file in driver.files()}, {job.id for job in driver.jobs()})
    yield
    after = ({file.id for file in driver.files()}, {job.id for job in driver.jobs()})
    assert after[0] <= before[0]
    assert after[1] == before[1]


@pytest.mark.usefixtures("untouched")
def test_a_broken_line_is_named_with_its_number(driver):
    (run_id,) = driver.drop("pubmed-summarization", SAMPLES / "broken" / "broken-line.jsonl")
    run = driver.wait(run_id)

    assert (run["status"], run["failure"]["code"]) == ("invalid", "dataset_invalid")
    finding = next(f for f in run["findings"] if f["severity"] == "error")
    assert finding["line"] > 1
    assert finding["remedy"]
    assert f":{finding['line']}" in run["failure"]["message"]
    assert run["failure"]["remedy"]


@pytest.mark.usefixtures("untouched")
def test_nine_examples_are_too_few(driver):
    (run_id,) = driver.drop("pubmed-summarization", SAMPLES / "broken" / "nine-examples.jsonl")
    run = driver.wait(run_id)

    assert run["status"] == "invalid"
    codes = {f["code"] for f in run["findings"] if f["severity"] == "error"}
    assert codes == {"DS006"}
    assert "at least 10" in run["failure"]["message"]


@pytest.mark.usefixtures("untouched")
def test_an_unknown_pipeline_is_named_with_the_nearest(driver):
    (run_id,) = driver.drop("pubmed-sumarization", SAMPLES / "pubmed-summarization")
    run = driver.wait(run_id)

    assert (run["status"], run["failure"]["code"]) == ("invalid", "unknown_pipeline")
    assert "Did you mean pubmed-summarization?" in run["failure"]["remedy"]


@pytest.mark.usefixtures("untouched")
def test_a_bad_pipeline_file_is_named_with_line_column_and_nearest_key(driver):
    driver.store_pipeline("typo", "model: gpt-4.1\nsufix: x\n")
    (run_id,) = driver.drop("typo", SAMPLES / "pubmed-summarization")
    run = driver.wait(run_id)

    assert (run["status"], run["failure"]["code"]) == ("invalid", "pipeline_file_invalid")
    assert "typo.yaml:2:1: sufix" in run["failure"]["message"]
    assert "suffix" in run["failure"]["message"] + run["failure"]["remedy"]


@pytest.mark.usefixtures("untouched")
def test_a_run_over_budget_is_stopped_before_anything_is_uploaded(driver):
    text = "model: gpt-4.1\nsuffix: dear\nbudget: {per_run_usd: 0.01}\n"
    driver.store_pipeline("dear", text)
    (run_id,) = driver.drop("dear", SAMPLES / "pubmed-summarization")
    run = driver.wait(run_id)

    assert (run["status"], run["failure"]["code"]) == ("failed", "budget_exceeded")
    assert run["failure"]["can_retry"]


def test_a_companion_alone_starts_no_run(driver, tmp_path):
    companion = tmp_path / "validation.jsonl"
    companion.write_text("{}\n")

    assert driver.drop("pubmed-summarization", companion) == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("is_first", [True, False], ids=["training first", "training last"])
def test_a_companion_may_arrive_before_or_after_its_training_file(driver, is_first):
    for attempt in range(
        5
    ):  # the local cloud waits for a second or so, in which a slow machine may not upload two files
        folder = f"gsm8k/order-{is_first}-{attempt}"
        training, companion = f"{folder}/training.jsonl", f"{folder}/training.evaluation.jsonl"
        for name in (training, companion) if is_first else (companion, training):
            driver.blobs.get_blob_client("datasets", name).upload_blob(b'{"messages": 1}\n')
        blob = driver.blobs.get_blob_client("datasets", training)
        run = driver.wait(run_id("datasets", training, blob.get_blob_properties().etag))
        if run["dataset"]["companions"]:
            break

    assert run["dataset"]["companions"] == [companion]
    assert run["failure"]["code"] == "dataset_invalid"
    assert {finding["file"] for finding in run["findings"]} == {training, companion}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "name",
    ["gsm8k/naïve 100% (1)' #?&.jsonl", "gsm8k/a/b/c/日本語.jsonl", "no-folder.jsonl", "gsm8k/data.csv"],
)
def test_a_file_of_any_name_gets_its_answer(driver, name):
    blob = driver.blobs.get_blob_client("datasets", name)
    blob.upload_blob(b"not json\n", overwrite=True)
    run = driver.wait(run_id("datasets", name, blob.get_blob_properties().etag))

    assert run["status"] == "invalid"
    assert run["dataset"]["name"] == name
    assert run["failure"]["remedy"]
    assert run["id"] in [row["id"] for row in driver.api.runs()]
