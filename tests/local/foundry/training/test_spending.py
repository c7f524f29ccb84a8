"""A reinforcement job pauses by itself at its spending limit, with a deployable checkpoint; resumed, it has none."""

import json
import time

import pytest
from starlette.testclient import TestClient

from local.foundry.app import create_app
from local.foundry.common.clock import Timings
from local.foundry.training.fitting import Spending

BASE = "/openai/v1"
LIMIT = Spending(pause_usd=50)
GRADER = {
    "type": "string_check",
    "name": "colour",
    "operation": "ilike",
    "input": "{{sample.output_text}}",
    "reference": "{{item.colour}}",
}
LEARNING = {"grader": GRADER, "hyperparameters": {"n_epochs": 4, "batch_size": 4}}
ROWS = b"".join(
    json.dumps(
        {"messages": [{"role": "user", "content": f"Is box {n} red or green?"}], "colour": "red"}
    ).encode()
    + b"\n"
    for n in range(12)
)


@pytest.fixture(scope="module")
def get_and_post(tmp_path_factory):
    app = create_app(tmp_path_factory.mktemp("state"), Timings().at_speed(20), spending=LIMIT)
    with TestClient(app, base_url="https://testserver") as client:
        answer = client.get(
            "/msi/token",
            params={"resource": "https://ai.azure.com"},
            headers={"X-IDENTITY-HEADER": "local-cloud"},
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield (
            (lambda path: client.get(BASE + path).json()),
            (lambda path, **body: client.post(BASE + path, **body).json()),
        )


def until(look, timeout_s=20):
    stop_at = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < stop_at
        time.sleep(0.02)
    return seen


def test_a_job_pauses_at_the_limit_and_goes_on_when_resumed(get_and_post):
    get, post = get_and_post
    made = post(
        "/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", ROWS, "application/jsonl")}
    )
    until(lambda: get(f"/files/{made['id']}")["status"] == "processed")
    body = {
        "model": "o4-mini", "trainingType": "Standard", "training_file": made["id"], "validation_file": made["id"],
        "seed": 1, "method": {"type": "reinforcement", "reinforcement": LEARNING},
    }  # fmt: skip
    path = f"/fine_tuning/jobs/{post('/fine_tuning/jobs', json=body)['id']}"
    until(lambda: get(path)["status"] == "paused")
    until(lambda: get(f"{path}/checkpoints")["data"])
    (checkpoint,) = get(f"{path}/checkpoints")["data"]
    events = get(f"{path}/events")["data"]

    steps = checkpoint["step_number"]
    assert LIMIT.usd(steps - 1) < LIMIT.pause_usd <= LIMIT.usd(steps)
    assert any("its cost reached 50.00 USD" in event["message"] for event in events)
    assert get(f"/models/{checkpoint['fine_tuned_model_checkpoint']}")["object"] == "model"
    assert "fine_tuned_model" not in get(path)
    time.sleep(0.3)
    assert get(path)["status"] == "paused"  # nobody resumes it

    assert post(f"{path}/resume")["status"] == "resuming"
    until(lambda: get(path)["status"] == "succeeded")
    assert len(get(f"{path}/checkpoints")["data"]) == 3
