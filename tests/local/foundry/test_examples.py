"""Every published or recorded answer of the data plane is matched in the same situation, key by key.

An example is matched if the stand-in's answer has its keys, with values of the same types and formats, and no others.  Where the
example and Azure's own later answers disagree, the deviation is written down beside the situation, with its reason.
"""

import json
import re
import time
from pathlib import Path

import pytest
from openai.types.fine_tuning import FineTuningJob
from starlette.testclient import TestClient

from local.foundry.app import create_app
from local.foundry.common.clock import Timings

EXAMPLES = Path(__file__).parents[4] / "shared" / "examples"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="recorded answers lie beside the repository in ../shared/examples"
)
BASE = "/api/projects/local/openai/v1"
FOLDERS = ("real-azure", "rest-spec")
EVALUATIONS = "evaluations are not served"
NOT_SERVED = {
    "real-azure/OPENAI_eval_created_python_grader.json": EVALUATIONS,
    "rest-spec/post_evaluation.json": EVALUATIONS,
    "rest-spec/post_evaluation_run.json": EVALUATIONS,
    "rest-spec/get_evaluation_run.json": EVALUATIONS,
    "rest-spec/get_evaluation_run_output_items_list.ABRIDGED.json": EVALUATIONS,
    "rest-spec/import_file.json": "the v1 surface has no import (microsoft/azure-skills)",
    "rest-spec/upload_file_start.json": "the v1 surface has no uploads in parts (microsoft/azure-skills)",
    "rest-spec/upload_file_complete.json": "the v1 surface has no uploads in parts (microsoft/azure-skills)",
}
WANDB = [{"type": "wandb", "wandb": {"project": "custom-wandb-project", "tags": ["project:tag", "lineage"]}}]
#: Real answers have these, the examples of the specification are older.
NEWER = {"seed", "estimated_finish", "trainingType", "bytes"}
NEWER_INSIDE = {"hyperparameters.batch_size", "hyperparameters.learning_rate_multiplier", "method.supervised"}
ID = re.compile(r"(?:file|ftjob|ftevent|ftchkpt)-[0-9a-f]{32}")


def example(name):
    return json.loads((EXAMPLES / name).read_text())


def body_of(name):
    (answer,) = example(f"rest-spec/{name}.json")["responses"].values()
    return answer["body"]


def kind(value):
    """The type of a value; numbers are one, ids are a format."""
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return type(value).__name__
    if isinstance(value, int | float):
        return "number"
    return f"id {value.partition('-')[0]}" if ID.fullmatch(value) else "text"


def differences(expected, answered, path=""):
    """Where an answer is not shaped as expected."""
    if isinstance(expected, dict) and isinstance(answered, dict):
        yield from (f"{path}{key} is absent" for key in expected.keys() - answered.keys())
        yield from (f"{path}{key} is extra" for key in answered.keys() - expected.keys())
        for key in expected.keys() & answered.keys():
            yield from differences(expected[key], answered[key], f"{path}{key}.")
    elif isinstance(expected, list) and isinstance(answered, list):
        if expected and not answered:
            yield f"{path[:-1]} is empty"
        for one in answered if expected else ():
            yield from differences(expected[0], one, path)
    elif kind(expected) != kind(answered):
        yield f"{path[:-1]} is {kind(answered)}, not {kind(expected)}"


class World:
    """The stand-in in this process."""

    def __init__(self, client):
        self._client = client
        answer = client.get(
            "/msi/token",
            params={"resource": "https://ai.azure.com"},
            headers={"X-IDENTITY-HEADER": "local-cloud"},
        )
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path):
        return self._client.get(BASE + path, headers=self._headers).json()

    def post(self, path, **body):
        answer = self._client.post(BASE + path, headers=self._headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, purpose="fine-tune", rows=None):
        content = rows or b"".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": f"box {n}"},
                        {"role": "assistant", "content": f"{n}"},
                    ]
                }
            ).encode()
            + b"\n"
            for n in range(12)
        )
        files = {"file": ("puppy.jsonl", content, "application/jsonl")}
        return self._client.post(
            f"{BASE}/files", headers=self._headers, data={"purpose": purpose}, files=files
        ).json()

    def processed(self, **given):
        made = self.upload(**given)
        return self.until(f"/files/{made['id']}", "processed")

    def until(self, path, status, key="id"):
        stop_at = time.monotonic() + 20
        while (seen := self.get(path))["status"] != status or key not in seen:
            assert time.monotonic() < stop_at, seen
            time.sleep(0.02)
        return seen

    def job(self, **given):
        file = self.processed()["id"]
        body = {
            "model": "gpt-4.1",
            "trainingType": "standard",
            "training_file": file,
            "validation_file": file,
        }
        return self.post("/fine_tuning/jobs", **{k: v for k, v in (body | given).items() if v is not None})

    def succeeded(self, **given):
        return self.until(f"/fine_tuning/jobs/{self.job(**given)['id']}", "succeeded")

    def specified(self, **given):
        """A job as the specification's examples ask for one."""
        return self.job(validation_file=None, method={"type": "supervised"}, integrations=WANDB, **given)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    app = create_app(tmp_path_factory.mktemp("state"), Timings().at_speed(40))
    with TestClient(app, base_url="https://testserver") as client:
        yield World(client)


HYPERPARAMETERS = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 2.0}
PAIRS = b"".join(
    json.dumps({
        "input": {"messages": [{"role": "user", "content": f"box {n}"}]},
        "preferred_output": [{"role": "assistant", "content": f"{n}, please"}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }).encode() + b"\n"
    for n in range(12)
)  # fmt: skip


def created_with_method(world):
    asked = {"n_epochs": 50, "learning_rate_multiplier": 1.0}
    method = {"type": "supervised", "supervised": {"hyperparameters": asked}}
    return world.job(model="Ministral-3B", method=method, suffix="sarcasm", trainingType="globalstandard")


def dumped_by_the_sdk(world):
    asked = {"n_epochs": 2, "learning_rate_multiplier": 0.5}
    job = world.job(model="gpt-4o", seed=42, hyperparameters=asked)
    return FineTuningJob.construct(**job).model_dump(mode="json", warnings=False)  # as the client makes it


def paused(world):
    job = world.specified(hyperparameters={"n_epochs": 40, "batch_size": 1})
    path = f"/fine_tuning/jobs/{job['id']}"
    world.until(path, "running", "result_files")
    return path, world.post(f"{path}/pause")


def resumed(world):
    path, _ = paused(world)
    world.until(path, "paused")
    return world.post(f"{path}/resume")


def cancelled(world):
    return world.post(f"/fine_tuning/jobs/{world.specified()['id']}/cancel")


def finished_as_specified(world):
    return world.until(f"/fine_tuning/jobs/{world.specified()['id']}", "succeeded")


def checkpoints(world):
    job = world.succeeded(hyperparameters=HYPERPARAMETERS)
    return world.get(f"/fine_tuning/jobs/{job['id']}/checkpoints")


def listed(world):
    job = finished_as_specified(world)
    page = world.get("/fine_tuning/jobs?limit=1")
    assert page["data"][0]["id"] == job["id"]
    return page


GOES_ON = "finished_at is absent"  # the example shows an end of a job that goes on
FT = "id is id ftjob, not text"  # the example's ids begin with ft-, real ones with ftjob-
CHECKPOINT_ID = "data.id is id ftchkpt, not text"  # the example's ids are OpenAI's
#: Example -> how it comes about, and deviations: keys that may be extra, and differences that are meant.
SITUATIONS = {
    "real-azure/file_object_evals_processed.json": (lambda world: world.processed(purpose="evals"), set(), set()),
    "real-azure/file_object_finetune_processed.json": (lambda world: world.processed(), set(), set()),
    "real-azure/job_created_sft_gpt41nano_developerTier_defaults.json": (
        lambda world: world.job(model="gpt-4.1-nano", suffix="sarcasm", trainingType="developerTier"), set(), set()),
    "real-azure/job_created_sft_ministral_globalStandard.json": (created_with_method, set(), set()),
    # Recorded before training types.
    "real-azure/job_created_sdk_model_dump_with_nulls.json": (dumped_by_the_sdk, {"trainingType"}, set()),
    "real-azure/job_succeeded_gpt41_with_suffix.json": (
        lambda world: world.succeeded(suffix="qa", hyperparameters=HYPERPARAMETERS), {"trainingType"}, set()),
    "real-azure/job_succeeded_gpt41_with_suffix_2.json": (
        lambda world: world.succeeded(suffix="action", hyperparameters=HYPERPARAMETERS), {"trainingType"}, set()),
    "rest-spec/upload_file.json": (lambda world: world.upload(), NEWER, set()),
    "rest-spec/get_file.json": (lambda world: world.processed(), NEWER, set()),
    "rest-spec/post_finetuning_job.json": (lambda world: world.specified(), NEWER | NEWER_INSIDE, {FT}),
    "rest-spec/cancel_finetuning_job.json": (cancelled, NEWER | NEWER_INSIDE, {FT}),
    "rest-spec/pause_finetuning_job.json": (
        lambda world: paused(world)[1], NEWER | NEWER_INSIDE | {"result_files"}, {FT, GOES_ON}),
    "rest-spec/resume_finetuning_job.json": (resumed, NEWER | NEWER_INSIDE | {"result_files"}, {FT, GOES_ON}),
    "rest-spec/get_finetuning_job.json": (finished_as_specified, NEWER | NEWER_INSIDE, {FT}),
    "rest-spec/get_finetuning_jobs.json": (
        listed, {f"data.{key}" for key in NEWER | NEWER_INSIDE}, {f"data.{FT}"}),
    "rest-spec/get_finetuning_job_events.json": (
        lambda world: world.get(f"/fine_tuning/jobs/{world.succeeded()['id']}/events?limit=1000"), set(), set()),
    "rest-spec/get_finetuning_job_checkpoints.json": (checkpoints, set(), {CHECKPOINT_ID}),
}  # fmt: skip
ELSEWHERE = {
    "real-azure/events_dpo_job_messages_newest_first.txt": "test_the_messages_of_a_preference_job_come_in_the_recorded_order",
    "real-azure/jobs_list_dataframe.txt": "test_a_listing_has_the_recorded_columns",
    "real-azure/OPENAI_job_created_rft_multi_grader_validating_files.json": "test_the_method_of_a_reinforcement_job",
}


def test_no_example_is_forgotten():
    names = {f"{folder}/{path.name}" for folder in FOLDERS for path in (EXAMPLES / folder).iterdir()}

    assert names == SITUATIONS.keys() | NOT_SERVED.keys() | ELSEWHERE.keys()
    assert all(test in globals() for test in ELSEWHERE.values())


@pytest.mark.parametrize("name", SITUATIONS)
def test_an_example_is_matched(world, name):
    make, extra, meant = SITUATIONS[name]
    expected = body_of(Path(name).stem) if name.startswith("rest-spec") else example(name)
    found = set(differences(expected, make(world)))

    assert found <= {f"{key} is extra" for key in extra} | meant
    assert meant <= found  # a deviation that is gone must not stay written down


def normal(message):
    """A message without its ids and numbers."""
    return re.sub(r"file-\w+|=.*$|(?<=billed: )\d+|(?<=Step )\d+", "#", message)


def test_the_messages_of_a_preference_job_come_in_the_recorded_order(world):
    file = world.processed(rows=PAIRS)["id"]
    job = world.succeeded(training_file=file, validation_file=file, method={"type": "dpo"})
    events = world.get(f"/fine_tuning/jobs/{job['id']}/events?limit=1000")["data"]
    recorded = (EXAMPLES / "real-azure/events_dpo_job_messages_newest_first.txt").read_text().splitlines()
    first_loss = float(next(line for line in recorded if line.startswith("Step 1:")).partition("=")[2])
    ours = float(
        next(event["message"] for event in events if event["message"].startswith("Step 1:")).partition("=")[2]
    )

    messages, expected = (
        [normal(line) for line in lines if line] for lines in ([e["message"] for e in events], recorded)
    )
    assert list(dict.fromkeys(messages)) == list(dict.fromkeys(expected))
    assert ours == pytest.approx(first_loss, abs=0.03)  # both begin at the logarithm of 2


def test_a_listing_has_the_recorded_columns(world):
    """Two kinds of jobs of one listing: running ones have result files already, ended ones a model and tokens."""
    text = (EXAMPLES / "real-azure/jobs_list_dataframe.txt").read_text()
    columns = {
        word
        for line in text.splitlines()
        if line.startswith("  ")
        for word in line.split()
        if word.isidentifier()
    }
    world.succeeded(suffix="done")
    path, _ = paused(world)
    rows = world.get("/fine_tuning/jobs?limit=2")["data"]

    assert rows[0]["result_files"]
    assert world.get(path)["id"] == rows[0]["id"]
    assert "fine_tuned_model" not in rows[0]
    assert columns == rows[1].keys() - {"trainingType"}


def test_the_method_of_a_reinforcement_job(world):
    """The recorded job is of OpenAI's backend, so that only its method is compared: there `auto`, here -1."""
    recorded = example("real-azure/OPENAI_job_created_rft_multi_grader_validating_files.json")["method"]
    grader = recorded["reinforcement"]["grader"]
    inside = {
        "grader": {
            **grader,
            "graders": {"python": grader["graders"]["python"]},
            "calculate_output": "python",
        },
        "response_format": recorded["reinforcement"]["response_format"],
    }
    rows = b'{"messages": [{"role": "user", "content": "2 + 2?"}], "target": 4, "nums": [2, 2]}\n' * 12
    file = world.processed(rows=rows)["id"]
    method = {"type": "reinforcement", "reinforcement": inside}
    job = world.job(model="o4-mini", training_file=file, validation_file=file, method=method)

    assert {
        one for one in differences(recorded, job["method"]) if not one.endswith("is number, not text")
    } == {
        "reinforcement.grader.graders.endpoint is absent"  # refused: a private preview
    }
