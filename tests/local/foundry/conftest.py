"""Azure's own clients, made as the documentation says, for the stand-in."""

import json
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from azure.ai.projects import AIProjectClient
from azure.identity import ManagedIdentityCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from starlette.testclient import TestClient

from local.foundry.app import create_app
from local.foundry.common.clock import Timings
from tests.local.foundry.inside import Inside
from tests.support.boxes import boxes as make_boxes
from tests.support.signing_in import sign_in


@pytest.fixture(scope="module")
def environment(stand_in):
    """The variables by which the clients find the stand-in and trust it."""
    with pytest.MonkeyPatch.context() as patch:
        sign_in(patch, stand_in)
        yield stand_in


@pytest.fixture(scope="module")
def credential(environment):
    """The managed identity; `environment` must be set before it is made."""
    assert environment
    with ManagedIdentityCredential() as made:
        yield made


@pytest.fixture(scope="module")
def project(environment, credential):
    """AIProjectClient."""
    with AIProjectClient(environment["project_endpoint"], credential) as made:
        yield made


@pytest.fixture(scope="module")
def client(project):
    """The openai client of the project, which retries nothing."""
    with project.get_openai_client(max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def management(environment, credential):
    """Resource Manager; long-running operations are looked at ten times a second."""
    scopes = ["https://management.azure.com/.default"]
    with CognitiveServicesManagementClient(
        credential, "s", base_url=environment["endpoint"], credential_scopes=scopes, polling_interval=0.1,
        retry_total=0,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture(scope="module")
def arm(management):
    """Deployments in Resource Manager."""
    return management.deployments


@pytest.fixture
def offer(environment):
    """Says what the subscription is offered, until the end of a test; see `local.foundry.common.offer`."""
    path = Path(environment["ca_bundle"]).parent / "offer.json"
    assert (path.parent / "foundry.sqlite").exists(), "the stand-in's state lies beside its certificates"
    yield lambda **terms: path.write_text(json.dumps(terms))
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def start_inside(tmp_path_factory):
    """Starts stand-ins in this process, which a test can look into and whose time it can change."""
    with ExitStack() as stack:

        def start(**timings):
            state = tmp_path_factory.mktemp("state")
            app = create_app(state, replace(Timings().at_speed(50), **timings))
            return Inside(stack.enter_context(TestClient(app, base_url="https://testserver")), state)

        yield start


@pytest.fixture(scope="session")
def until():
    """Look until there is something to see."""

    def look_until(look, timeout_s=20):
        stop_at = time.monotonic() + timeout_s
        while not (seen := look()):
            assert time.monotonic() < stop_at, "it did not happen in time"
            time.sleep(0.03)
        return seen

    return look_until


@pytest.fixture
def step_until(control, until):
    """Look until there is something to see, by a clock that only goes on between two looks: a busy machine skips nothing."""
    control.set_rate(0)

    def looked(look):
        seen = look()
        if not seen:
            control.advance(0.02)
        return seen

    return lambda look: until(lambda: looked(look), timeout_s=60)


@pytest.fixture(scope="session")
def boxes():
    """A dataset of so many rows."""
    return make_boxes


@pytest.fixture(scope="module")
def upload(client):
    """Upload rows and wait until they are processed."""

    def uploaded(content, name="boxes.jsonl"):
        file = client.files.create(file=(name, content, "application/jsonl"), purpose="fine-tune")
        return client.files.wait_for_processing(file.id, poll_interval=0.05, max_wait_seconds=10)

    return uploaded


@pytest.fixture
def clients(controlled, monkeypatch):
    """The project, its openai client and Resource Manager, of the stand-in whose faults are open."""
    sign_in(monkeypatch, controlled)
    scopes = ["https://management.azure.com/.default"]
    with (
        ManagedIdentityCredential() as credential,
        AIProjectClient(controlled["project_endpoint"], credential) as project,
        project.get_openai_client(max_retries=0) as client,
        CognitiveServicesManagementClient(
            credential,
            "s",
            base_url=controlled["endpoint"],
            credential_scopes=scopes,
            polling_interval=0.05,
            retry_total=0,
        ) as arm,
    ):
        yield project, client, arm
