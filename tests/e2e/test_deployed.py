"""From a dropped file to a deployed model, through real clients, real storage protocol and the real worker library."""

import csv
import io
import json
import time
from datetime import datetime

import pytest

from tests.e2e.driver import PUBLIC, SAMPLES
from tests.e2e.evidence import deployments_of

pytestmark = pytest.mark.e2e

JOB_STATUSES = ["pending", "validating_files", "queued", "running", "succeeded"]


@pytest.fixture(scope="module")
def sample(driver):
    (run_id,) = driver.drop("pubmed-summarization", SAMPLES / "pubmed-summarization")
    run = driver.to_deployed(run_id)
    assert run["status"] == "deployed", run["failure"]
    return run


def test_the_sample_is_deployed_and_its_deployment_is_the_champion(driver, sample):
    pipeline = driver.api.pipeline("pubmed-summarization")

    assert pipeline["champion"]["deployment"] == sample["deployment"]["production"]
    assert pipeline["champion"]["model"] == sample["job"]["model"]
    assert pipeline["champion"]["run_id"] == sample["id"]


def test_the_champion_answers_a_question_through_the_official_client(driver, sample):
    with driver.openai() as client:
        completion = client.chat.completions.create(
            model=sample["deployment"]["production"],
            messages=[
                {
                    "role": "user",
                    "content": "Summarize this medical research article:\n\nA trial of 40 adults.",
                }
            ],
        )

    assert completion.choices[0].message.content


def test_the_tables_show_every_job_status_with_the_time_at_which_it_was_seen(driver, sample):
    rows = driver.table("runs").query_entities("PartitionKey eq @run", parameters={"run": sample["id"]})
    events = [row for row in rows if row["RowKey"].startswith("event-") and row["Kind"] == "job"]
    seen, times = [row["After"] for row in events], [datetime.fromisoformat(row["At"]) for row in events]

    assert seen == [status for status in JOB_STATUSES if status in seen]
    assert {"pending", "running", "succeeded"} <= set(seen)
    assert times == sorted(times)


def test_the_row_of_a_run_can_be_read_by_people(driver, sample):
    row = driver.table("runs").get_entity(sample["id"], "run")

    assert (row["Status"], row["JobStatus"], row["Pipeline"]) == (
        "deployed",
        "succeeded",
        "pubmed-summarization",
    )
    assert row["Production"] == sample["deployment"]["production"]


def test_the_job_got_the_settings_of_the_pipeline_file(driver, sample):
    with driver.openai() as client:
        job = client.fine_tuning.jobs.retrieve(sample["job"]["id"])

    assert job.model == "gpt-4.1-2025-04-14"
    assert job.model_extra["trainingType"] == "globalStandard"
    assert job.model_extra["suffix"] == "pubmed-summarization"
    hyperparameters = job.method.supervised.hyperparameters
    assert (
        hyperparameters.n_epochs,
        hyperparameters.batch_size,
        hyperparameters.learning_rate_multiplier,
    ) == (3, 1, 1.0)


def test_the_evidence_is_there(driver, sample):
    names = set(sample["artifacts"])
    comparison = json.loads(driver.api.artifact(sample["id"], "evaluation/comparison.json"))
    results = list(
        csv.DictReader(io.StringIO(driver.api.artifact(sample["id"], "training/results.csv").decode()))
    )

    assert {
        "report.json",
        "report.md",
        "pinned.json",
        "training/results.csv",
        "training/events.json",
    } <= names
    assert {"evaluation/comparison.md", "evaluation/comparison.csv", "deployment/smoke.json"} <= names
    assert [target["label"] for target in comparison["targets"]] == ["candidate", "gpt-4.1"]
    assert comparison["outcome"] == "better"
    assert float(results[-1]["train_loss"]) < float(results[0]["train_loss"])
    assert not any(name.startswith("prepared/") for name in names)


def test_nothing_that_costs_or_counts_is_left_behind(driver, sample):
    """The candidate's deployment and the uploaded files go; the sweep of late jobs keeps the run in the index for a day."""
    stop_at = time.monotonic() + 60
    left = ["not looked yet"]
    while time.monotonic() < stop_at and left:
        time.sleep(0.3)
        left = [file.filename for file in driver.files() if file.filename.startswith(sample["id"])]
        left += [
            name for name in deployments_of(driver.cloud.info) if name == sample["deployment"]["candidate"]
        ]

    assert left == []
    assert driver.table("index").get_entity("active", sample["id"])["Status"] == "deployed"


@pytest.mark.thorough
def test_a_second_dataset_is_measured_against_the_champion(driver, sample, tmp_path):
    lines = (SAMPLES / "pubmed-summarization" / "training.jsonl").read_text().splitlines()
    better = tmp_path / "training.jsonl"
    better.write_text("\n".join(lines[:200]) + "\n")
    (run_id,) = driver.drop("pubmed-summarization", better)
    run = driver.wait(run_id, "awaiting_approval")

    comparison = json.loads(driver.api.artifact(run_id, "evaluation/comparison.json"))
    assert "champion" in [target["label"] for target in comparison["targets"]]
    assert sample["deployment"]["production"] in [target["deployment"] for target in comparison["targets"]]
    assert run["status"] in {"not_promoted", "awaiting_approval"}


@pytest.mark.skipif(
    not PUBLIC.exists(), reason="the public datasets lie beside the repository in ../shared/data"
)
@pytest.mark.parametrize(
    ("pipeline", "folder"),
    [
        pytest.param("gsm8k", "sft-gsm8k", marks=pytest.mark.soak),
        pytest.param("tools", "sft-tools", marks=pytest.mark.thorough),
    ],
)
def test_public_datasets_are_deployed_as_they_are(driver, pipeline, folder):
    (run_id,) = driver.drop(pipeline, PUBLIC / folder)
    run = driver.to_deployed(run_id)

    assert run["status"] == "deployed", run["failure"]
    assert run["report"]["errors"] == 0
    assert run["dataset"]["companions"]
