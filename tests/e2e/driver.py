"""A local cloud, and a person in front of it."""

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
from azure.ai.projects import AIProjectClient
from azure.data.tables import TableServiceClient
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient

from local.cloud import Cloud
from local.stand_in import client_environment
from tests.e2e.client import ApiError, Client
from tests.e2e.dropping import drop

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "datasets"
PUBLIC = ROOT.parent / "shared" / "data"
SPEED = 4.0


class Driver:
    """A person in front of the cloud."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.api = Client(cloud.info)
        self.blobs = BlobServiceClient.from_connection_string(cloud.info.storage)
        self.tables = TableServiceClient.from_connection_string(cloud.info.storage)

    def close(self):
        self.api.__exit__(None, None, None)
        self.blobs.close()
        self.tables.close()

    def drop(self, pipeline, *paths, **options):
        return drop(self.cloud.info, pipeline, paths, **options)

    def store_pipeline(self, name, text):
        self.blobs.get_blob_client("pipelines", f"{name}.yaml").upload_blob(text, overwrite=True)

    def wait(self, run_id, *statuses, timeout_s=90):
        """The run, once it is in one of the statuses or has ended."""
        stop_at = time.monotonic() + timeout_s
        run = {}
        while time.monotonic() < stop_at:
            self.cloud.check()
            try:
                run = self.api.run(run_id)
            except ApiError as error:
                if error.status != 404:
                    raise
            except httpx2.TransportError:
                pass  # the host is being restarted
            if run and (run["status"] in statuses or run["is_finished"]):
                return run
            time.sleep(0.2)
        raise AssertionError(
            f"run {run_id} is {run.get('status')}: {json.dumps(run.get('history', [])[-5:], indent=1)}"
        )

    def approve(self, run_id):
        run = self.wait(run_id, "awaiting_approval")
        assert run["status"] == "awaiting_approval", run["failure"]
        return self.api.decide(run_id, "deployment", "approve", run["gate"]["digest"], "fine")

    def to_deployed(self, run_id):
        self.approve(run_id)
        return self.wait(run_id)

    def post(self, path, body, token=None, headers=None):
        """A raw request, to see status codes."""
        sent = ({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {})
        return httpx2.post(
            f"{self.cloud.info.url}/api{path}", json=body, headers=sent, timeout=30, trust_env=False
        )

    def get(self, path, token=None, headers=None):
        sent = ({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {})
        return httpx2.get(f"{self.cloud.info.url}/api{path}", headers=sent, timeout=30, trust_env=False)

    def table(self, name):
        return self.tables.get_table_client(name)

    @contextmanager
    def openai(self):
        """The official client on the stand-in."""
        info, before = self.cloud.info, dict(os.environ)
        os.environ |= client_environment(info.identity_endpoint, info.ca_bundle)
        try:
            with (
                AIProjectClient(
                    endpoint=info.project_endpoint, credential=ManagedIdentityCredential()
                ) as project,
                project.get_openai_client() as client,
            ):
                yield client
        finally:
            os.environ.clear()
            os.environ |= before

    def jobs(self):
        with self.openai() as client:
            return list(client.fine_tuning.jobs.list())

    def files(self):
        with self.openai() as client:
            return list(client.files.list(purpose="fine-tune"))


def roomy(state_dir):
    """Quota for all that will be deployed; with the usual ten, the eleventh waits for a person to delete one."""
    folder = state_dir / "foundry"
    folder.mkdir(parents=True)
    (folder / "offer.json").write_text(json.dumps({"quotas": {"OpenAI.FineTuned.Deployments": 30}}))


@contextmanager
def driven(state_dir, **settings):
    """A cloud with a person in front of it."""
    with Cloud(state_dir, speed=SPEED, settings=settings) as cloud:
        driver = Driver(cloud)
        try:
            yield driver
        finally:
            driver.close()
