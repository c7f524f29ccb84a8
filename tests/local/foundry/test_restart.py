"""State survives a kill: a job that was running is fitted anew and succeeds."""

import json
import os
import signal
import ssl
import time

import httpx2
import pytest

from local.stand_in import start_stand_in

pytestmark = pytest.mark.stand_in


def row(number):
    messages = [
        {"role": "user", "content": f"box {number}"},
        {"role": "assistant", "content": f"code {number}"},
    ]
    return json.dumps({"messages": messages}).encode() + b"\n"


ROWS = b"".join(row(number) for number in range(20))


class Service:
    def __init__(self, state):
        self.child, self.ready = start_stand_in(state, "--speed", "3")
        context = ssl.create_default_context(cafile=self.ready["ca_bundle"])
        self.http = httpx2.Client(
            base_url=self.ready["endpoint"], verify=context, timeout=20, trust_env=False
        )
        answer = self.http.get(
            "/msi/token",
            params={"resource": "https://ai.azure.com"},
            headers={"X-IDENTITY-HEADER": "local-cloud"},
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def job(self, job_id):
        return self.http.get(f"/openai/v1/fine_tuning/jobs/{job_id}").json()

    def until(self, job_id, status):
        stop_at = time.monotonic() + 30
        while (job := self.job(job_id))["status"] != status:
            assert time.monotonic() < stop_at, job
            time.sleep(0.05)
        return job

    def end(self, how):
        self.http.close()
        os.killpg(self.child.process.pid, how)
        self.child.process.wait(timeout=10)


@pytest.mark.thorough
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_running_job_goes_on_after_a_restart(tmp_path, how):
    service = Service(tmp_path)
    files = {"file": ("a.jsonl", ROWS, "application/jsonl")}
    file = service.http.post("/openai/v1/files", data={"purpose": "fine-tune"}, files=files).json()
    time.sleep(0.6)
    body = {"model": "gpt-4.1", "training_file": file["id"], "trainingType": "Standard"}
    job = service.http.post("/openai/v1/fine_tuning/jobs", json=body).json()
    service.until(job["id"], "running")
    path = f"/openai/v1/fine_tuning/jobs/{job['id']}"
    while "result_files" not in service.job(job["id"]):
        time.sleep(0.02)
    service.end(how)

    again = Service(tmp_path)
    try:
        done = again.until(job["id"], "succeeded")
        assert done["training_file"] == file["id"]
        assert len(again.http.get("/openai/v1/fine_tuning/jobs").json()["data"]) == 1
        assert (
            len(again.http.get("/openai/v1/files", params={"purpose": "fine-tune-results"}).json()["data"])
            == 1
        )
        assert len(again.http.get(f"{path}/checkpoints").json()["data"]) == 3
        result = again.http.get(f"/openai/v1/files/{done['result_files'][0]}/content").text.splitlines()
        assert result[0].startswith("step,train_loss")
        assert len(result) == 61
    finally:
        again.end(signal.SIGKILL)
