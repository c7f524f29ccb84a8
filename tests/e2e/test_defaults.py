"""What a pipeline file that names no graders makes of wrong models, on the local cloud: none is deployed with nobody asked."""

import json
import random

import pytest

from tests.e2e.rows import TOPICS, shelf, tickets

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

PLAIN = """model: gpt-4.1-mini-2025-04-14
prices: {training_usd_per_million_tokens: 2}
dataset: {validation: {split: 0.1}, evaluation: {split: 0.3, max_examples: 60}}
budget: {approve_above_usd: null}
evaluation: {baselines: [champion, {deployment: gpt-4.1-mini}]}
approval: {mode: automatic}
"""
REINFORCEMENT = """model: o4-mini-2025-04-16
method:
  type: reinforcement
  reinforcement:
    hyperparameters: {n_epochs: 6, eval_interval: 5}
    grader: %s
budget: {approve_above_usd: null}
evaluation: {baselines: [{deployment: gpt-4.1}]}
"""
OWN = '{type: string_check, name: kind, input: "{{sample.output_text}}", reference: "{{item.kind}}", operation: eq}'
JUDGE = (
    "{type: score_model, name: judge, model: o3-mini-2025-01-31, range: [0, 1], "
    'input: [{role: user, content: "How right is {{sample.output_text}} for {{item.kind}}?"}]}'
)
CITIES = ["Oslo", "Rome", "Paris", "Lima", "Cairo", "Quito", "Seoul", "Delhi", "Porto", "Turin"]
TOOL = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Books a train.",
        "parameters": {
            "type": "object",
            "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
            "required": ["from", "to"],
        },
    },
}


def written(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def trains(count, seed, *, swapped=False):
    chance = random.Random(seed)
    for number in range(count):
        here, there = chance.choice(CITIES[:5]), chance.choice(CITIES[5:])
        arguments = json.dumps({"from": there, "to": here} if swapped else {"from": here, "to": there})
        call = {"id": "call_1", "type": "function", "function": {"name": "book", "arguments": arguments}}
        yield {
            "messages": [
                {"role": "user", "content": f"Customer {seed * 1000 + number} goes from {here} to {there}."},
                {"role": "assistant", "tool_calls": [call]},
            ],
            "tools": [TOOL],
        }


def sentences(count, seed, *, shuffled=False):
    chance = random.Random(seed)
    numbers = [chance.randrange(10_000) for _ in range(count)]
    said = chance.sample(numbers, count) if shuffled else numbers
    for number, other in zip(numbers, said, strict=True):
        topic = list(TOPICS)[other % 4]
        yield {
            "messages": [
                {"role": "user", "content": f"Where does parcel {number} of desk {number % 97} go?"},
                {
                    "role": "assistant",
                    "content": f"Parcel {other} goes to the desk for {topic} on floor {other % 9}, please.",
                },
            ]
        }


DATASETS = {
    "shuffled-words": lambda folder: [
        written(folder / "training.jsonl", sentences(300, 1, shuffled=True)),
        written(folder / "training.evaluation.jsonl", sentences(60, 2)),
    ],
    "swapped-arguments": lambda folder: [
        written(folder / "training.jsonl", trains(300, 3, swapped=True)),
        written(folder / "training.evaluation.jsonl", trains(60, 4)),
    ],
    "shuffled-labels": lambda folder: [tickets(folder / "training.jsonl", seed=5, shuffled=True)],
}
GRADERS = {
    "shuffled-words": "similarity",
    "swapped-arguments": "tool_call_match",
    "shuffled-labels": "label_match",
}


@pytest.fixture(scope="module")
def runs(driver, tmp_path_factory):
    """One run of each data set, which go on at the same time, until a person is asked or they have ended."""
    ids = {}
    for name, made in DATASETS.items():
        driver.store_pipeline(name, PLAIN)
        (ids[name],) = driver.drop(name, *made(tmp_path_factory.mktemp(name)))
    for name, grader in (("own-grader", OWN), ("no-grader", JUDGE)):
        driver.store_pipeline(name, REINFORCEMENT % grader)
        chance = random.Random(1)
        path = written(
            tmp_path_factory.mktemp(name) / "training.jsonl", (shelf(number, chance) for number in range(120))
        )
        (ids[name],) = driver.drop(name, path)
    return {name: driver.wait(run_id, "awaiting_approval", timeout_s=240) for name, run_id in ids.items()}


@pytest.mark.parametrize("name", DATASETS)
def test_a_wrong_model_is_not_deployed_with_nobody_asked(runs, name):
    run = runs[name]

    assert run["status"] in {"awaiting_approval", "not_promoted"}, (run["status"], run["failure"])
    assert run["evaluation"]["metric"] == GRADERS[name]
    if run["status"] == "awaiting_approval":
        assert run["evaluation"]["doubts"]


def test_a_reinforcement_pipeline_without_graders_ends_with_a_verdict(runs):
    run = runs["own-grader"]

    assert run["status"] == "awaiting_approval", run["failure"]
    assert (run["evaluation"]["metric"], run["evaluation"]["outcome"]) == ("kind", "better")


def test_where_nothing_can_decide_a_person_is_asked(driver, runs):
    run = runs["no-grader"]

    assert run["status"] == "awaiting_approval", run["failure"]
    assert run["evaluation"]["outcome"] == "unproven"
    assert "score_model" in run["evaluation"]["reason"]
    assert driver.to_deployed(run["id"])["status"] == "deployed"
