"""A preference pipeline and a reinforcement pipeline, from the dropped file to a deployed model."""

import json
import random

import pytest

from tests.e2e.rows import shelf

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

DPO = """
model: gpt-4.1
prices: {training_usd_per_million_tokens: 2}
suffix: courtesy
method: {type: dpo, dpo: {hyperparameters: {n_epochs: 3, beta: 0.1}}}
evaluation:
  baselines: [{deployment: gpt-4.1}]
  graders:
    - type: text_similarity
      name: likeness
      input: "{{sample.output_text}}"
      reference: "{{item.reference}}"
      evaluation_metric: gleu
"""
RFT = """
model: o4-mini-2025-04-16
suffix: shelves
method:
  type: reinforcement
  reinforcement:
    hyperparameters: {n_epochs: 6, eval_interval: 5}
    grader: {type: string_check, name: kind, input: "{{sample.output_text}}", reference: "{{item.kind}}", operation: eq}
budget: {approve_above_usd: null}
evaluation:
  baselines: [{deployment: gpt-4.1}]
  graders: [{type: string_check, name: kind, input: "{{sample.output_text}}", reference: "{{item.kind}}", operation: eq}]
"""


def preference(number):
    asked = f"Where does box {number} of row {number * 3} stand? The lorry number {number * 7} waits."
    kind = (
        f"Certainly: box {number} stands in row {number * 3}, please call lorry {number * 7} at your leisure."
    )
    rude = f"dunno about {number} or row {number * 3} or whatever lorry {number * 7} wants"
    return {
        "input": {"messages": [{"role": "user", "content": asked}]},
        "preferred_output": [{"role": "assistant", "content": kind}],
        "non_preferred_output": [{"role": "assistant", "content": rude}],
    }


@pytest.fixture(scope="module")
def runs(driver, tmp_path_factory):
    """One run of each method, which go on at the same time, at their end."""
    chance = random.Random(1)
    datasets = {
        "courtesy": (DPO, [preference(number) for number in range(100, 180)]),
        "shelves": (RFT, [shelf(number, chance) for number in range(120)]),
    }
    run_ids = {}
    for name, (pipeline, rows) in datasets.items():
        driver.store_pipeline(name, pipeline)
        path = tmp_path_factory.mktemp(name) / "training.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (run_ids[name],) = driver.drop(name, path)
    for run_id in run_ids.values():
        driver.approve(run_id)
    ended = {name: driver.wait(run_id) for name, run_id in run_ids.items()}
    assert {run["status"] for run in ended.values()} == {"deployed"}, [
        run["failure"] for run in ended.values()
    ]
    return ended


def ask(driver, run, text):
    with driver.openai() as client:
        answer = client.chat.completions.create(
            model=run["deployment"]["production"], messages=[{"role": "user", "content": text}]
        )
    return answer.choices[0].message.content


def columns(driver, run):
    path = f"/runs/{run['id']}/artifacts/training/results.csv"
    return driver.get(path, driver.cloud.info.token("reader")).text.splitlines()[0].split(",")


def test_preferences_are_learned_and_deployed(driver, runs):
    run, new = runs["courtesy"], preference(555)

    assert ask(driver, run, new["input"]["messages"][0]["content"]) == new["preferred_output"][0]["content"]
    assert run["evaluation"]["candidate_score"] > run["evaluation"]["baseline_score"]
    assert "train_rewards_margins" in columns(driver, run)


def test_rewards_are_learned_and_deployed(driver, runs):
    run, new = runs["shelves"], shelf(777, random.Random(2))

    assert ask(driver, run, new["messages"][0]["content"]) == new["kind"]
    assert run["evaluation"]["candidate_score"] > 0.8
    assert "train_mean_reward" in columns(driver, run)
