"""What the verdict leads to on the local cloud: who is better is deployed, against whoever is in use by then."""

import pytest

from tests.e2e.client import ApiError
from tests.e2e.rows import tickets

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

CLASSIFIER = """model: gpt-4.1-mini-2025-04-14
prices: {training_usd_per_million_tokens: 2}
dataset: {validation: {split: 0.1}, evaluation: {split: 0.3, max_examples: 60}}
budget: {approve_above_usd: null}
evaluation:
  baselines: [champion, {deployment: gpt-4.1-mini}]
  graders:
    - {type: string_check, name: label, operation: eq, input: "{{sample.output_text}}", reference: "{{item.reference}}"}
approval: {mode: %s}
"""


def test_a_classifier_that_is_better_is_deployed_with_nobody_asked(driver, tmp_path):
    driver.store_pipeline("triage", CLASSIFIER % "automatic")

    (run_id,) = driver.drop("triage", tickets(tmp_path / "training.jsonl"))
    run = driver.wait(run_id, "awaiting_approval")

    assert run["status"] == "deployed", (run["gate"], run["failure"])
    assert run["evaluation"]["outcome"] == "better"
    assert run["evaluation"]["doubts"] == []
    assert run["evaluation"]["groups"] >= 50
    assert run["evaluation"]["look"] == {"set": 1, "pipeline": 1}
    assert driver.api.pipeline("triage")["champion"]["run_id"] == run_id


def test_of_two_datasets_at_once_the_second_is_measured_against_the_first_ones_model(driver, tmp_path):
    """Both are measured while there is no champion; the second one learned from shuffled answers."""
    driver.store_pipeline(
        "both", (CLASSIFIER % "manual").replace("{deployment: gpt-4.1-mini}", "{deployment: gpt-4.1}")
    )
    (first,) = driver.drop("both", tickets(tmp_path / "good.jsonl", seed=2))
    (second,) = driver.drop("both", tickets(tmp_path / "bad.jsonl", seed=3, shuffled=True))
    old = {run_id: driver.wait(run_id, "awaiting_approval") for run_id in (first, second)}
    if old[second]["status"] != "awaiting_approval":
        pytest.fail(f"the second one should wait beside the first: {old[second]['failure']}")
    driver.approve(first)
    assert driver.wait(first)["status"] == "deployed"

    with pytest.raises(ApiError) as refused:
        driver.api.decide(second, "deployment", "approve", old[second]["gate"]["digest"], "as I read it")
    ended = driver.wait(second)

    assert refused.value.status == 409
    assert first in str(refused.value)
    assert ended["status"] == "not_promoted"
    assert ended["evaluation"]["baseline"] == "champion"
    assert driver.api.pipeline("both")["champion"]["run_id"] == first


def rows_of(path):
    return path.read_text().splitlines(keepends=True)


@pytest.mark.soak
def test_training_rows_and_repeated_rows_as_exam_deploy_nothing_with_nobody_asked(driver, tmp_path):
    """Whoever drops the training data drops the exam too: a hundred rows of it, or five rows forty times."""
    driver.store_pipeline(
        "leaked", (CLASSIFIER % "automatic").replace("{split: 0.1}", "{split: 0}").replace("60}", "100}")
    )
    driver.store_pipeline("repeated", CLASSIFIER % "automatic")
    leaked, repeated = tmp_path / "leaked", tmp_path / "repeated"
    for folder in (leaked, repeated):
        folder.mkdir()
        tickets(folder / "set.jsonl", seed=4)
    (leaked / "set.evaluation.jsonl").write_text("".join(rows_of(leaked / "set.jsonl")[:100]))
    others = rows_of(tickets(tmp_path / "others.jsonl", count=5, seed=5))
    (repeated / "set.evaluation.jsonl").write_text("".join(others * 40))

    (first,) = driver.drop("leaked", leaked / "set.evaluation.jsonl", leaked / "set.jsonl")
    (second,) = driver.drop("repeated", repeated / "set.evaluation.jsonl", repeated / "set.jsonl")
    first, second = (driver.wait(run_id, "awaiting_approval") for run_id in (first, second))

    assert first["status"] == "awaiting_approval", first["failure"]
    assert first["evaluation"]["outcome"] == "unproven"
    assert "Left out: 100 of 100 examples, which candidate was trained on." in first["evaluation"]["reason"]
    assert second["status"] in {"awaiting_approval", "not_promoted"}, second["failure"]
    assert second["evaluation"]["groups"] == 5
    assert driver.api.pipeline("leaked")["champion"] is None
    assert driver.api.pipeline("repeated")["champion"] is None


@pytest.mark.soak
def test_every_candidate_meets_the_set_of_the_pipelines_owner(driver, tmp_path):
    exam = tickets(tmp_path / "exam.jsonl", count=60, seed=6)
    driver.blobs.get_blob_client("pipelines", "sets/tickets.jsonl").upload_blob(exam.read_bytes())
    driver.store_pipeline(
        "frozen",
        (CLASSIFIER % "automatic").replace("evaluation:\n", "evaluation:\n  set: sets/tickets.jsonl\n", 1),
    )
    training = tickets(tmp_path / "training.jsonl", seed=7)
    training.write_text(training.read_text() + "".join(rows_of(exam)[:10]))

    (run_id,) = driver.drop("frozen", training)
    run = driver.wait(run_id, "awaiting_approval")

    assert run["status"] == "deployed", (run["gate"], run["failure"])
    assert run["evaluation"]["examples"] == 60
    assert len(rows_of(exam)) == 60
    assert "Left out" not in run["evaluation"]["reason"]


def test_a_wrong_grader_is_mended_and_the_run_judged_again_without_another_job(driver, tmp_path):
    wrong = (CLASSIFIER % "automatic").replace("operation: eq", "operation: ne")
    driver.store_pipeline("mended", wrong)
    (run_id,) = driver.drop("mended", tickets(tmp_path / "training.jsonl", seed=8))
    before = driver.wait(run_id, "awaiting_approval")
    assert before["status"] == "not_promoted", (before["gate"], before["failure"])
    jobs = len(driver.jobs())

    driver.store_pipeline("mended", CLASSIFIER % "automatic")
    asked = driver.api.rejudge(run_id)
    run = driver.wait(run_id, "awaiting_approval")

    assert (asked["changed"], asked["answers_missing"]) == (["evaluation.graders"], 0)
    assert run["status"] == "awaiting_approval", run["failure"]
    assert "A person is asked because it was judged again" in run["gate"]["reason"]
    assert run["judged_again"]["changed"] == ["evaluation.graders"]
    assert run["job"] == before["job"]
    assert driver.to_deployed(run_id)["status"] == "deployed"
    assert len(driver.jobs()) == jobs
    assert driver.api.pipeline("mended")["champion"]["run_id"] == run_id
