"""What a client sends wrong is a 400 in Azure's shape: a 500 would look as if it were worth another try."""

import json
import sqlite3
import time

import pytest
from starlette.testclient import TestClient

from local.foundry.app import create_app
from local.foundry.common.clock import Timings

BASE = "/openai/v1"
ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a"
JSON = {"Content-Type": "application/json"}
QUESTION = [{"role": "user", "content": "hello"}]
DEPLOYMENT = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4.1", "version": "2025-04-14"}},
}
KEYS = {"code", "message", "param", "type", "inner_error"}


def row(number):
    messages = [
        {"role": "user", "content": f"box {number}"},
        {"role": "assistant", "content": f"code {number}"},
    ]
    return json.dumps({"messages": messages}).encode() + b"\n"


class Service:
    """The app in this process, with a token for each part."""

    def __init__(self, client, state_dir):
        self.client, self.state_dir = client, state_dir
        self.data, self.arm = (self._token(f"https://{host}.azure.com") for host in ("ai", "management"))

    def _token(self, resource):
        answer = self.client.get(
            "/msi/token", params={"resource": resource}, headers={"X-IDENTITY-HEADER": "local-cloud"}
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"} | JSON

    def post(self, path, body):
        return self.client.post(BASE + path, headers=self.data, content=json.dumps(body))

    def put(self, name, body):
        return self.client.put(
            f"{ACCOUNT}/deployments/{name}", headers=self.arm, content=body if isinstance(body, str) else json.dumps(body)
        )  # fmt: skip

    def upload(self):
        files = {"file": ("a.jsonl", b"".join(row(number) for number in range(12)), "application/jsonl")}
        auth = {"Authorization": self.data["Authorization"]}
        answer = self.client.post(f"{BASE}/files", headers=auth, data={"purpose": "fine-tune"}, files=files)
        stop_at = time.monotonic() + 10
        while (
            self.client.get(f"{BASE}/files/{answer.json()['id']}", headers=auth).json()["status"]
            != "processed"
        ):
            assert time.monotonic() < stop_at
            time.sleep(0.02)
        return answer.json()["id"]


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """Makes services that show their failures as answers."""
    open_ones = []

    def start():
        state = tmp_path_factory.mktemp("state")
        app = create_app(state, Timings().at_speed(20))
        client = TestClient(app, base_url="https://testserver", raise_server_exceptions=False)
        open_ones.append(client.__enter__())
        return Service(client, state)

    yield start
    for client in open_ones:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def service(started):
    return started()


@pytest.fixture(scope="module")
def job(service):
    return {"model": "gpt-4.1", "trainingType": "Standard", "training_file": service.upload()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "supervised"},
        {"method": {"type": ["supervised"]}},
        {"method": {"type": "supervised", "supervised": "x"}},
        {"hyperparameters": "auto"},
        {"hyperparameters": [3]},
        {"hyperparameters": {"n_epochs": True}},
        {"hyperparameters": {"learning_rate_multiplier": float("nan")}},
        {"seed": "7"},
        {"seed": -1},
        {"seed": 2**31},
        {"metadata": "x"},
        {"metadata": {"key": 1}},
        {"metadata": {str(number): "x" for number in range(17)}},
        {"suffix": "\ud800"},
    ],
    ids=repr,
)
def test_a_wrong_job_is_refused_and_none_is_made(service, job, wrong):
    refused = service.post("/fine_tuning/jobs", job | wrong)

    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["code"] == "invalidPayload"
    assert refused.json()["error"].keys() == KEYS
    assert service.client.get(f"{BASE}/fine_tuning/jobs", headers=service.data).json()["data"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [*QUESTION, {"role": "assistant", "tool_calls": "x"}]},
        {"messages": [*QUESTION, {"role": "assistant", "tool_calls": ["x"]}]},
        {"messages": [*QUESTION, {"role": "assistant", "tool_calls": [{"function": None}]}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"max_tokens": 0},
        {"max_completion_tokens": -3},
        {"max_tokens": "3"},
    ],
    ids=repr,
)
def test_a_wrong_question_is_refused(service, wrong):
    refused = service.post("/chat/completions", {"model": "gpt-4.1", "messages": QUESTION} | wrong)

    assert refused.status_code == 400, refused.text
    assert refused.json()["error"].keys() == KEYS
    assert service.post("/chat/completions", {"model": "gpt-4.1", "messages": QUESTION}).status_code == 200


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("one", "{", "InvalidRequestContent"),
        ("one", "[]", "InvalidRequestContent"),
        ("one", DEPLOYMENT | {"sku": "Standard"}, "InvalidRequestContent"),
        ("one", DEPLOYMENT | {"properties": "x"}, "InvalidRequestContent"),
        ("one", DEPLOYMENT | {"properties": {"model": "gpt-4.1"}}, "InvalidRequestContent"),
        ("one", DEPLOYMENT | {"sku": {"name": ["Standard"], "capacity": 1}}, "InvalidResourceProperties"),
        ("one", DEPLOYMENT | {"sku": {"name": "Standard", "capacity": True}}, "InvalidCapacity"),
        ("a b$", DEPLOYMENT, "InvalidResourceName"),
        ("n" * 65, DEPLOYMENT, "InvalidResourceName"),
    ],
    ids=repr,
)
def test_a_wrong_deployment_is_refused_in_resource_managers_shape(service, name, body, code):
    refused = service.put(name, body)

    assert refused.status_code == 400, refused.text
    assert refused.json()["error"].keys() == {"code", "message"}
    assert refused.json()["error"]["code"] == code
    assert service.client.get(f"{ACCOUNT}/deployments/{name}", headers=service.arm).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": ' + b"[" * 100_000], ids=["empty", "cut off", "deep"])
def test_a_body_that_is_no_json_is_refused(service, body):
    refused = service.client.post(f"{BASE}/fine_tuning/jobs", headers=service.data, content=body)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalidPayload")


def test_a_form_that_is_none_is_refused_for_what_it_is(service):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    refused = service.client.post(f"{BASE}/files", headers=service.data | kind, content=b"zzz")

    assert refused.status_code == 400
    assert "multipart" in refused.json()["error"]["message"]


def test_a_page_of_any_length_is_refused(service):
    path = f"{BASE}/files?limit={'9' * 6000}"

    assert service.client.get(path, headers=service.data).status_code == 400


def test_a_token_is_for_something(service):
    refused = service.client.get("/msi/token", headers={"X-IDENTITY-HEADER": "local-cloud"})

    assert refused.status_code == 400


def test_the_model_of_a_cancelled_job_cannot_be_deployed(started):
    service = started()
    job = service.post(
        "/fine_tuning/jobs",
        {"model": "gpt-4.1", "trainingType": "Standard", "training_file": service.upload()},
    ).json()
    name = f"gpt-4.1-2025-04-14.ft-{job['id'].removeprefix('ftjob-')}"
    assert service.post(f"/fine_tuning/jobs/{job['id']}/cancel", {}).json()["status"] == "cancelled"
    # What a fit leaves behind that had just stored its model when the cancellation came:
    service.client.app.state.foundry.store.add_model(name, job["id"], {"rows": [["q", {"content": "a"}]]})
    model = {"format": "OpenAI", "name": name, "version": "1"}
    refused = service.put("one", DEPLOYMENT | {"properties": {"model": model}})

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "DeploymentModelNotSupported")


def test_a_failure_of_the_service_has_azures_shape_and_an_id(started):
    service = started()
    with sqlite3.connect(service.state_dir / "foundry.sqlite") as other:
        other.execute("DROP TABLE files")
    other.close()
    failed = service.client.get(f"{BASE}/files", headers=service.data)

    assert failed.status_code == 500
    assert failed.json()["error"].keys() == KEYS
    assert failed.json()["error"]["code"] == "internalFailure"
    assert failed.headers["apim-request-id"]
