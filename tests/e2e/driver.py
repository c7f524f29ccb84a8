"""A local cloud, and a person in front of it."""

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
from azure.ai.projects import AIProjectClient
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient

from local.cloud import Cloud
from local.stand_in import client_environment
from shared.core.status import FINISHED
from tests.e2e.client import Client
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
        self.api.close()
        self.blobs.close()
        self.tables.close()

    def drop(self, pipeline, *paths, **options):
        return drop(self.cloud.info, pipeline, paths, **options)

    def store_pipeline(self, name, text):
        self.blobs.get_blob_client("pipelines", f"{name}.yaml").upload_blob(text, overwrite=True)

    def wait(self, run_id, *statuses, timeout_s=90):
        """The run, once it is in one of the statuses or has ended.

        What is looked at again and again is its row: the whole answer takes the app many reads.
        """
        ends, stop_at, status = {*statuses, *FINISHED}, time.monotonic() + timeout_s, None
        while time.monotonic() < stop_at:
            self.cloud.check()
            status = self.status(run_id)
            if status in ends:
                run = self.api.run(run_id)
                if run["status"] in ends:
                    return run
            time.sleep(0.2)
        told = status and json.dumps(self.api.run(run_id)["history"][-5:], indent=1)
        raise AssertionError(f"run {run_id} is {status}: {told}")

    def status(self, run_id):
        """Where a run is; None before it is recorded."""
        try:
            return self.table("runs").get_entity(run_id, "run", select=["Status"])["Status"]
        except ResourceNotFoundError:
            return None

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
    """A cloud with a person in front of it, where what a dead process began is soon begun again."""
    with Cloud(state_dir, speed=SPEED, settings={"EFFECT_LEASE_SECONDS": "10"} | settings) as cloud:
        driver = Driver(cloud)
        try:
            yield driver
        finally:
            driver.close()
