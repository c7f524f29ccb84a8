"""What each adapter calls is allowed by the roles that the templates give: a missing right fails here, not on a subscription."""

import json
from contextlib import suppress
from datetime import date

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from local.foundry.actions import needed_by
from local.rights import INFRA, Rights, built_in, custom
from shared import wiring
from tests.adapters import cases
from tests.adapters.cases import CASES, CONTENT, arm_adapters, foundry_adapters, storage_adapters
from tests.adapters.fault_server import arm, fault_server, forward, foundry
from tests.adapters.network import port_of, through
from tests.adapters.storage_actions import NotWrittenDown, needed
from tests.infra.deployed import ROLES
from tests.infra.snapshots import load

DEPLOYMENTS = ("first", "existing_foundry", "private_network", "everything")
#: Ids of the parameter files -> roles of ours that somebody else defined.
DEFINED = {
    f"00000000-0000-0000-0000-00000000001{last}": role
    for last, role in zip(
        "abcd", [*(custom()[name] for name in ("deployments", "quota", "inference")), built_in()[ROLES["foundryUser"]]],
        strict=True,
    )
}  # fmt: skip
#: Who may not define roles may leave these out: the app then does not know the quota, and asks open models in vain.
LEFT_OUT = {
    action
    for name in ("quota", "inference")
    for action in (*custom()[name].actions, *custom()[name].data_actions)
}
#: Which identity each service is called with, as `shared/wiring.py` and the settings in the templates say.
IDENTITIES = {"tables": "host", "blobs": "host", "foundry": "host", "arm": "deployer"}
CONTAINERS = {wiring.DATASETS_CONTAINER, wiring.PIPELINES_CONTAINER, wiring.ARTIFACTS_CONTAINER}


def recording(answer, calls):
    """Note each request, and let it be answered."""

    def noted(method, path, headers, body):
        calls.append((method, path, body))
        return answer(method, path, headers, body)

    return noted


def recorded(case, adapters):
    """The requests of one case, with those that prepare it."""
    case.call(adapters, case.prepare(adapters))


@pytest.fixture(scope="module")
def storage_calls(azurite):
    """Name of a case -> [(service, method, path, body)], of all adapters of storage; "wiring" is what making them asks."""
    found = {}
    with BlobServiceClient.from_connection_string(azurite) as service:
        for name in CONTAINERS - {wiring.ARTIFACTS_CONTAINER}:
            with suppress(ResourceExistsError):
                service.create_container(f"matrix-{name}")
        service.get_blob_client("matrix-datasets", "p/a.jsonl").upload_blob(CONTENT, overwrite=True)
        service.get_blob_client("matrix-pipelines", "p.yaml").upload_blob("model: a\n", overwrite=True)
    for kind, endpoint in (("tables", "Table"), ("blobs", "Blob")):
        calls = []
        with fault_server(recording(forward(port_of(azurite, endpoint)), calls)) as network:
            adapters, client = storage_adapters(
                through(azurite, endpoint, network), kind, cases.patience(10.0, 10.0)
            )
            with client:
                found[f"making of {kind}"] = [(kind, *call) for call in calls]
                for name, case in CASES.items():
                    if case.service == kind:
                        calls.clear()
                        recorded(case, adapters)
                        found[name] = [(kind, *call) for call in calls]
    return found


@pytest.fixture(scope="module")
def foundry_calls():
    """Name of a case -> [(service, method, path)], of all adapters of Foundry and Resource Manager."""
    found = {}
    for kind, answer, make in (("foundry", foundry, foundry_adapters), ("arm", arm, arm_adapters)):
        calls = []
        with fault_server(recording(answer, calls)) as network:
            adapters, client = make(network.url, 10.0)
            with client:
                for name, case in CASES.items():
                    if case.service == kind:
                        calls.clear()
                        recorded(case, adapters)
                        found[name] = [(kind, method, path.partition("?")[0]) for method, path, _ in calls]
    return found


def rights_and_data(deployment):
    """The roles of a deployment, and the id of its storage of the data."""
    sent = load(deployment)
    (data,) = (
        r["id"]
        for r in sent["predictedResources"]
        if r["type"] == "Microsoft.Storage/storageAccounts" and r["name"].startswith("stdata")
    )
    return Rights.of(sent, DEFINED), data


def lacking_in_storage(calls, deployment, rights=None):
    """What `host` would need and does not have, for the calls of adapters to the storage of the data."""
    given, data = rights_and_data(deployment)
    lacks = set()
    for name, asked in calls.items():
        assert asked, f"{name} asked for nothing"
        for service, method, path, body in asked:
            below = path.partition("/devstoreaccount1/")[2]
            for place, action, is_data in needed(service, method, below, body):
                where = f"{data}/{place.replace('matrix-', '')}"
                if not (rights or given).may(IDENTITIES[service], where, action, is_data=is_data):
                    lacks.add(f"{name}: {action} on {place}")
    return lacks


def lacking_in_foundry(calls, rights):
    lacks = set()
    for name, asked in calls.items():
        assert asked, f"{name} asked for nothing"
        for service, method, path in asked:
            need = needed_by(method, path)
            assert need, f"{name}: local/foundry/actions.py does not know {method} {path}"
            if not rights.may(
                IDENTITIES[service], getattr(rights, need.on), need.action, is_data=need.is_data
            ):
                lacks.add(f"{name}: {need.action} on the {need.on}")
    return lacks


@pytest.mark.azurite
@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_storage_allows_what_the_adapters_ask(storage_calls, deployment):
    assert lacking_in_storage(storage_calls, deployment) == set()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_foundry_and_resource_manager_allow_what_the_adapters_ask(foundry_calls, deployment):
    lacks = lacking_in_foundry(foundry_calls, Rights.of(load(deployment), DEFINED))
    may_lack = LEFT_OUT if deployment == "existing_foundry" else set()

    assert {text for text in lacks if text.split()[1] not in may_lack} == set()


def without(deployment, role_id, place):
    """The roles of a deployment without one assignment."""
    sent = load(deployment)
    kept = [
        r
        for r in sent["predictedResources"]
        if not (r["type"].endswith("roleAssignments") and role_id in json.dumps(r) and place in json.dumps(r))
    ]
    assert len(kept) == len(sent["predictedResources"]) - 1
    return Rights.of(sent | {"predictedResources": kept})


READER, WRITER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
TABLES = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("role_id", "place", "missed"),
    [
        (
            READER,
            "containers/datasets",
            "BlobDatasetSource.chunks: *blobs/read on *containers/matrix-datasets",
        ),
        (
            READER,
            "containers/pipelines",
            "BlobPipelineFiles.names: *blobs/read on *containers/matrix-pipelines",
        ),
        (WRITER, "containers/artifacts", "BlobArtifacts.write: *blobs/write on *containers/matrix-artifacts"),
        (TABLES, "storageAccounts/stdata", "TableRunStore.replace: *entities/write on *tables/runs"),
    ],
)
def test_a_role_of_storage_that_is_not_given_is_missed(storage_calls, role_id, place, missed):
    lacks = lacking_in_storage(storage_calls, "first", without("first", role_id, place))
    first, *rest = missed.split("*")

    assert any(text.startswith(first) and all(part in text for part in rest) for text in lacks)


def test_a_role_of_the_deployer_that_is_not_given_is_missed(foundry_calls):
    sent = load("first")
    text = json.dumps(sent).replace("Microsoft.CognitiveServices/accounts/deployments/delete", "Nothing/read")

    assert lacking_in_foundry(foundry_calls, Rights.of(json.loads(text))) == {
        "ArmDeployer.delete: Microsoft.CognitiveServices/accounts/deployments/delete on the account"
    }


def test_each_adapter_is_called_as_one_of_the_identities():
    assert {case.service for case in CASES.values()} == IDENTITIES.keys()


def test_what_is_given_is_written_down_with_its_date():
    record = json.loads((INFRA / "built-in-roles.json").read_text())

    assert built_in().keys() == set(ROLES.values())
    assert date.fromisoformat(record["read"])
    assert all(source.startswith("https://learn.microsoft.com/") for source in record["sources"])


def test_a_request_that_nobody_wrote_down_is_an_error():
    for service, method, path in (
        ("blobs", "PUT", "c/b?comp=tier"),
        ("blobs", "GET", "c?comp=acl&restype=container"),
        ("blobs", "POST", "c/b"),
        ("queues", "DELETE", "q"),
        ("tables", "DELETE", "Tables"),
    ):
        with pytest.raises(NotWrittenDown):
            needed(service, method, path)


def test_the_writes_of_a_batch_are_looked_at_one_by_one():
    body = b"""
POST http://h:1/devstoreaccount1/runs HTTP/1.1
DELETE http://h/index(PartitionKey='a') HTTP/1.1
"""
    found = [
        (place, action) for place, action, is_data in needed("tables", "POST", "$batch", body) if is_data
    ]

    assert [(place.rpartition("/")[2], action.rpartition("/")[2]) for place, action in found] == [
        ("runs", "write"),
        ("index", "delete"),
    ]
