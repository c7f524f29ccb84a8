"""A stand-in in this process: the way around the network for what no client can do, or not often enough."""

import json
import time
import uuid

ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a"
BASE = "/openai/v1"
ROWS = b"".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"box {number}"},
                {"role": "assistant", "content": f"code {number}"},
            ]
        }
    ).encode()
    + b"\n"
    for number in range(12)
)


class Inside:
    """The app, with a token for each part."""

    def __init__(self, client, state):
        self.client, self.state, self.foundry = client, state, client.app.state.foundry
        self.data, self.arm = (self._token(f"https://{host}.azure.com") for host in ("ai", "management"))

    def _token(self, resource):
        answer = self.client.get(
            "/msi/token", params={"resource": resource}, headers={"X-IDENTITY-HEADER": "local-cloud"}
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    @property
    def store(self):
        return self.foundry.store

    def offer(self, **terms):
        (self.state / "offer.json").write_text(json.dumps(terms))

    # Data plane

    def get(self, path):
        return self.client.get(BASE + path, headers=self.data)

    def post(self, path, **body):
        return self.client.post(BASE + path, headers=self.data, json=body)

    def upload(self, content=ROWS):
        files = {"file": ("a.jsonl", content, "application/jsonl")}
        return self.client.post(
            f"{BASE}/files", headers=self.data, data={"purpose": "fine-tune"}, files=files
        )

    def processed(self, content=ROWS):
        file = self.upload(content).json()["id"]
        self.until(lambda: self.get(f"/files/{file}").json()["status"] == "processed")
        return file

    def job(self, **body):
        wanted = {"model": "gpt-4.1-nano", "trainingType": "Standard"} | body
        return self.post("/fine_tuning/jobs", **wanted)

    def status(self, job):
        return self.get(f"/fine_tuning/jobs/{job}").json()["status"]

    def succeeded(self, job):
        self.until(lambda: self.status(job) == "succeeded")
        return self.get(f"/fine_tuning/jobs/{job}").json()

    def ask(self, model):
        return self.post("/chat/completions", model=model, messages=[{"role": "user", "content": "box 3"}])

    def a_tuned(self, base, **more):
        """The name of a model that some job is said to have tuned."""
        identity = uuid.uuid4().hex
        name = f"{base}.ft-{identity}"
        job = {
            "id": f"ftjob-{identity}", "at": time.time(), "status": "succeeded", "version": 1, "model": base,
            "finished_at": 1, "fine_tuned_model": name, "trainingType": "globalStandard",
        }  # fmt: skip
        self.store.put_job(job | more)
        self.store.add_model(name, job["id"], {"rows": [["box 3", {"content": "code 3"}]]})
        return name

    # Resource Manager

    def deployment(self, name, method="GET", body=None):
        return self.client.request(method, f"{ACCOUNT}/deployments/{name}", headers=self.arm, json=body)

    def put(self, name, model, *, sku="GlobalStandard", capacity=1, kind="OpenAI", version="1", **more):
        body = {
            "sku": {"name": sku, "capacity": capacity},
            "properties": {"model": {"format": kind, "name": model, "version": version}},
        }
        return self.deployment(name, "PUT", body | more)

    def deploy(self, name, model, **given):
        """Put a deployment and wait until its write is over; its state."""
        made = self.put(name, model, **given)
        assert made.status_code in {200, 201}, made.text
        return self.idle(name)

    def state_of(self, name):
        return self.deployment(name).json()["properties"]["provisioningState"]

    def idle(self, name):
        self.until(lambda: self.state_of(name) in {"Succeeded", "Failed"})
        return self.state_of(name)

    def delete(self, name):
        assert self.deployment(name, "DELETE").status_code == 202
        self.until(lambda: self.deployment(name).status_code == 404)

    @staticmethod
    def until(look, timeout_s=20):
        stop_at = time.monotonic() + timeout_s
        while not (seen := look()):
            assert time.monotonic() < stop_at, "it did not happen in time"
            time.sleep(0.01)
        return seen


def code(answer):
    return answer.json()["error"]["code"]


def words(answer):
    return answer.json()["error"]["message"]
