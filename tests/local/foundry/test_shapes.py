"""How a job and a deployment come about, in the recorded order; what is asked of every route.  Shapes: see `test_examples`."""

import json
import re
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from local.foundry.app import create_app
from local.foundry.common import clock
from local.foundry.common.clock import Timings

EXAMPLES = Path(__file__).parents[4] / "shared" / "examples"
needs_examples = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="recorded answers lie beside the repository in ../shared/examples"
)
BASE = "/api/projects/local/openai/v1"
ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a"


def row(number):
    messages = [
        {"role": "user", "content": f"box {number}"},
        {"role": "assistant", "content": f"code {number}"},
    ]
    return json.dumps({"messages": messages}).encode() + b"\n"


ROWS = b"".join(row(number) for number in range(12))


def example(name):
    return json.loads((EXAMPLES / name).read_text())


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The stand-in; its clock only goes on in `until`, between two looks: a busy machine skips nothing."""
    app = create_app(tmp_path_factory.mktemp("state"), Timings().at_speed(10))
    with TestClient(app, base_url="https://testserver") as client:

        def token(resource):
            return client.get(
                "/msi/token", params={"resource": resource}, headers={"X-IDENTITY-HEADER": "local-cloud"}
            ).json()["access_token"]

        app.state.foundry.control.change_clock(rate=0)
        client.data = {"Authorization": f"Bearer {token('https://ai.azure.com')}"}
        client.arm = {"Authorization": f"Bearer {token('https://management.azure.com')}"}
        yield client


def normal(message):
    """A message without its ids and numbers."""
    return re.sub(r"file-\w+|=.*$|(?<=billed: )\d+|(?<=Step )\d+", "#", message)


def upload(service, name="train.jsonl", content=ROWS, purpose="fine-tune", kind="application/jsonl"):
    return service.post(
        f"{BASE}/files",
        headers=service.data,
        data={"purpose": purpose},
        files={"file": (name, content, kind)},
    )


def until(look, timeout_s=20):
    stop_at = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < stop_at
        clock.current().change(advance_s=0.02)
        time.sleep(0.02)
    return seen


def processed(service):
    file = upload(service).json()
    return until(
        lambda: (
            (f := service.get(f"{BASE}/files/{file['id']}", headers=service.data).json())["status"]
            == "processed"
            and f
        )
    )


def create(service, **body):
    body = {"model": "gpt-4.1-nano", "trainingType": "developerTier"} | body
    return service.post(f"{BASE}/fine_tuning/jobs", headers=service.data, json=body)


@pytest.fixture(scope="module")
def file(service):
    return processed(service)


@needs_examples
def test_a_job_from_its_first_status_to_its_last(service, file):
    recorded = example("real-azure/job_succeeded_gpt41_with_suffix.json")
    hyperparameters = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 2.0}
    job = create(
        service, model="gpt-4.1", training_file=file["id"], validation_file=file["id"], suffix="gpt41-boxes",
        hyperparameters=hyperparameters, trainingType="standard",
    ).json()  # fmt: skip
    path, seen = f"{BASE}/fine_tuning/jobs/{job['id']}", []

    def look():
        present = service.get(path, headers=service.data).json()
        if present["status"] not in seen:
            seen.append(present["status"])
        if present["status"] == "running" and "result_files" in present:
            seen.append("running with result_files")
        return present["status"] == "succeeded" and present

    done = until(look)
    assert list(dict.fromkeys(seen)) == [
        "pending",
        "validating_files",
        "queued",
        "running",
        "running with result_files",
        "succeeded",
    ]
    assert done.keys() - {"trainingType"} == recorded.keys()
    assert done["fine_tuned_model"] == f"gpt-4.1-2025-04-14.ft-{job['id'].removeprefix('ftjob-')}-gpt41-boxes"
    assert done["hyperparameters"] == hyperparameters

    events = service.get(f"{path}/events?limit=1000", headers=service.data).json()["data"]
    messages = [normal(event["message"]) for event in reversed(events)]
    lines = reversed(
        (EXAMPLES / "real-azure" / "events_dpo_job_messages_newest_first.txt").read_text().splitlines()
    )
    expected = [normal(line) for line in lines if line]
    assert list(dict.fromkeys(messages)) == list(dict.fromkeys(expected))
    checkpoint = service.get(f"{path}/checkpoints", headers=service.data).json()["data"][0]
    shape = example("rest-spec/get_finetuning_job_checkpoints.json")["responses"]["200"]["body"]["data"][0]
    assert checkpoint.keys() == shape.keys()
    assert checkpoint["metrics"].keys() == shape["metrics"].keys()


@needs_examples
def test_deployments(service):
    body = {
        "sku": {"name": "Standard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": "gpt-4.1", "version": "1"}},
    }
    recorded = example("arm/PutDeployment.json")["responses"]
    made = service.put(f"{ACCOUNT}/deployments/one?api-version=2025-09-01", headers=service.arm, json=body)

    assert made.status_code == 201
    assert made.json().keys() - {"etag", "systemData"} == recorded["201"]["body"].keys()
    documented = recorded["201"]["body"]["properties"] | {"model": body["properties"]["model"]}
    assert (
        made.json()["properties"] | documented == made.json()["properties"]
    )  # and more: see `arm/test_shapes.py`
    assert made.headers["Azure-AsyncOperation"].startswith("https://testserver/operations/")
    busy = service.put(f"{ACCOUNT}/deployments/two?api-version=2025-09-01", headers=service.arm, json=body)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "RequestConflict")
    until(
        lambda: (
            service.get(f"{ACCOUNT}/deployments/one", headers=service.arm).json()["properties"][
                "provisioningState"
            ]
            == "Succeeded"
        )
    )
    gone = service.delete(f"{ACCOUNT}/deployments/one", headers=service.arm)
    assert gone.status_code == 202
    until(lambda: service.get(f"{ACCOUNT}/deployments/one", headers=service.arm).status_code == 404)
    assert service.delete(f"{ACCOUNT}/deployments/one", headers=service.arm).status_code == 204


@pytest.mark.parametrize(
    ("name", "purpose", "kind", "words"),
    [
        ("a.txt", "fine-tune", "application/jsonl", "wrong suffix"),
        ("a.jsonl", "nonsense", "application/jsonl", "Invalid value for purpose"),
        ("a.jsonl", "fine-tune", "", "empty content type"),
    ],
)
def test_uploads_are_refused_in_azures_words(service, name, purpose, kind, words):
    refused = upload(service, name, ROWS, purpose, kind)

    assert refused.status_code == 400
    assert refused.json()["error"].keys() == {"code", "message", "param", "type", "inner_error"}
    assert words in refused.json()["error"]["message"]
    assert refused.headers["apim-request-id"]


def test_a_file_that_is_no_jsonl_ends_in_error(service):
    file = upload(service, content=b"{}\nnot json\n").json()
    shown = until(
        lambda: (
            (f := service.get(f"{BASE}/files/{file['id']}", headers=service.data).json())["status"] == "error"
            and f
        )
    )

    assert "line 2" in shown["status_details"]


def test_lists_page_with_after(service, file):
    for _ in range(2):
        create(service, training_file=file["id"])
    first = service.get(f"{BASE}/fine_tuning/jobs?limit=1", headers=service.data).json()
    rest = service.get(
        f"{BASE}/fine_tuning/jobs?limit=100&after={first['data'][0]['id']}", headers=service.data
    ).json()

    assert first["has_more"] is True
    assert first["data"][0]["id"] not in [job["id"] for job in rest["data"]]
    assert service.get(f"{BASE}/fine_tuning/jobs?limit=0", headers=service.data).status_code == 400


@pytest.mark.parametrize("path", ["/files", "/fine_tuning/jobs", "/models"])
def test_both_prefixes_list_the_same(service, file, path):
    create(service, training_file=file["id"])
    answers = [
        service.get(f"{prefix}{path}", headers=service.data).json()["data"] for prefix in (BASE, "/openai/v1")
    ]
    ids = [[row["id"] for row in rows] for rows in answers]

    assert ids[0]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    "path", [f"{BASE}/files", "/openai/v1/models", f"{ACCOUNT}/deployments", "/operations/x"]
)
def test_every_route_asks_for_a_token_of_its_own(service, path):
    wrong = service.arm if path.startswith(("/api", "/openai")) else service.data

    assert service.get(path).status_code == 401
    assert service.get(path, headers=wrong).status_code == 401
    assert service.get("/msi/token", params={"resource": "x"}).status_code == 401
