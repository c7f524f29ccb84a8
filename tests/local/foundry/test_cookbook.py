"""Microsoft's PubMed cookbook, call by call: only where the service is and who asks are settings of this test.

Source: Demos/SFT_PubMed_Summarization of microsoft-foundry/fine-tuning.  Its calls, with their arguments, stand in `cookbook`;
what differs from Azure is passed in.
"""

import json
import time
from pathlib import Path

import pytest
from azure.ai.projects import AIProjectClient
from azure.identity import ManagedIdentityCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku

from local.foundry.graders.similarity import gleu
from local.stand_in import start_stand_in
from tests.support.signing_in import sign_in

pytestmark = pytest.mark.stand_in
ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "datasets" / "pubmed-summarization" / "training.jsonl"
DONE = {"succeeded", "failed", "cancelled"}


@pytest.fixture
def fast(tmp_path, monkeypatch):
    """A stand-in that processes files at once: `wait_for_processing` looks every 5 seconds and takes no other pace here."""
    child, ready = start_stand_in(tmp_path, "--speed", "1000")
    sign_in(monkeypatch, ready)
    yield ready
    child.stop()


def cookbook(endpoint, credential, management, *, question, look_every_s):
    """The calls; returns the job, the deployment and the response."""
    with (
        AIProjectClient(endpoint=endpoint, credential=credential) as project,
        project.get_openai_client() as client,
    ):
        with Path("training.jsonl").open("rb") as file:
            training = client.files.create(file=file, purpose="fine-tune")
        with Path("validation.jsonl").open("rb") as file:
            validation = client.files.create(file=file, purpose="fine-tune")
        client.files.wait_for_processing(training.id)
        client.files.wait_for_processing(validation.id)
        job = client.fine_tuning.jobs.create(
            model="gpt-4.1",
            training_file=training.id,
            validation_file=validation.id,
            method={
                "type": "supervised",
                "supervised": {
                    "hyperparameters": {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0}
                },
            },
            extra_body={"trainingType": "GlobalStandard"},
            suffix="pubmed-summarization",
        )
        while (seen := client.fine_tuning.jobs.retrieve(job.id)).status not in DONE:
            time.sleep(look_every_s)
        name = f"pubmed-{job.id[-8:]}"
        with CognitiveServicesManagementClient(
            credential=credential, subscription_id="s", **management
        ) as arm:
            deployment = arm.deployments.begin_create_or_update(
                resource_group_name="rg",
                account_name="a",
                deployment_name=name,
                deployment=Deployment(
                    properties=DeploymentProperties(
                        model=DeploymentModel(format="OpenAI", name=seen.fine_tuned_model, version="1")
                    ),
                    sku=Sku(name="GlobalStandard", capacity=50),
                ),
            ).result()
        time.sleep(look_every_s)  # the cookbook's reader goes to the next cell
        response = client.responses.create(
            model=name,
            input=[
                {"role": "system", "content": "You are a medical research summarization assistant."},
                {"role": "user", "content": question},
            ],
        )
    return seen, deployment, response


def test_the_cookbook_runs_as_it_is(fast, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = SAMPLE.read_text().splitlines(keepends=True)
    Path("training.jsonl").write_text("".join(rows[:60]))
    Path("validation.jsonl").write_text("".join(rows[60:80]))
    question, abstract = (message["content"] for message in json.loads(rows[80])["messages"][-2:])
    management = {
        "base_url": fast["endpoint"],
        "credential_scopes": ["https://management.azure.com/.default"],
        "polling_interval": 0.1,
    }
    with ManagedIdentityCredential() as credential:
        job, deployment, response = cookbook(
            fast["project_endpoint"], credential, management, question=question, look_every_s=0.1
        )

    assert job.status == "succeeded"
    assert (
        job.fine_tuned_model == f"gpt-4.1-2025-04-14.ft-{job.id.removeprefix('ftjob-')}-pubmed-summarization"
    )
    assert deployment.properties.provisioning_state == "Succeeded"
    assert response.output_text.startswith("Objective:")
    assert gleu(response.output_text, abstract) > 0.6  # of an article that it never saw
    assert response.usage.output_tokens > 30
