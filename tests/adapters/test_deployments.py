"""The real ARM client under faults: nothing waits, nothing is lost in silence, every outcome is one of our errors."""

import json

import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from shared.adapters.deployments import ArmDeployer
from shared.core.errors import (
    Busy,
    QuotaExhausted,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from tests.adapters.fault_server import arm, as_json, fault_server

WHERE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/deployments/d"


class Nobody:
    def get_token(self, *_scopes, **_options):
        raise AssertionError("no token may travel over http")


def a_deployer(url):
    """A deployer over http: the policy that demands https with tokens is left out, and with it the token."""
    client = CognitiveServicesManagementClient(
        Nobody(),
        "s",
        base_url=url,
        authentication_policy=SansIOHTTPPolicy(),
        retry_total=0,
        connection_timeout=0.5,
        read_timeout=0.5,
    )
    return ArmDeployer(client, "rg", "a")


@pytest.fixture(scope="module")
def server():
    with fault_server(arm) as made:
        yield made


@pytest.fixture(scope="module")
def deployer(server):
    return a_deployer(server.url)


CALLS = {
    "get": lambda deployer: deployer.deployment("d"),
    "put": lambda deployer: deployer.put(
        "d", model="m", model_format="OpenAI", sku="GlobalStandard", capacity=5
    ),
    "delete": lambda deployer: deployer.delete("d"),
}


def test_a_deployment_is_read_in_full(server, deployer):
    server.reset()
    view = deployer.deployment("d")

    assert (view.name, view.model, view.state) == ("d", "gpt-4.1.ft-1", "Succeeded")
    assert (view.sku, view.capacity) == ("GlobalStandard", 50)
    assert server.requests[0][0] == f"GET {WHERE}"


def test_a_put_says_everything_and_does_not_wait(server, deployer):
    server.reset()
    marks = {"finetune-run": "r", "finetune-purpose": "candidate"}
    deployer.put("d", model="m", model_format="OpenAI", sku="GlobalStandard", capacity=5, tags=marks)

    ((request, body),) = server.requests
    assert request == f"PUT {WHERE}"
    assert json.loads(body) == {
        "tags": marks,
        "sku": {"name": "GlobalStandard", "capacity": 5},
        "properties": {"model": {"format": "OpenAI", "name": "m", "version": "1"}},
    }
    server.reset()
    CALLS["delete"](deployer)
    assert [request for request, _ in server.requests] == [f"DELETE {WHERE}"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("409_busy", Busy),
        ("429_odd_retry_after", Throttled),
        ("401", Unauthorized),
        ("403", Unauthorized),
        ("quota", QuotaExhausted),
        ("400", Refused),
    ],
)
def test_every_fault_is_one_of_our_errors_after_one_request(server, deployer, call, fault, expected):
    server.reset(fault)

    with pytest.raises(expected):
        CALLS[call](deployer)
    assert len(server.requests) == 1


def test_a_busy_account_is_a_reason_to_wait(server, deployer):
    server.reset("409_busy")

    with pytest.raises(Unavailable) as raised:
        CALLS["put"](deployer)
    assert raised.value.retry_after_s == 20
    server.reset("429_retry_after")
    with pytest.raises(Throttled) as raised:
        CALLS["put"](deployer)
    assert raised.value.retry_after_s == 9


def test_what_is_not_there_is_none_and_deleted(server, deployer):
    server.reset("404", "404")

    assert deployer.deployment("d") is None
    deployer.delete("d")


@pytest.mark.parametrize("code", ["ResourceGroupNotFound", "ParentResourceNotFound"])
@pytest.mark.parametrize("call", CALLS)
def test_an_account_that_is_not_there_is_a_refusal(code, call):
    """A wrong setting must not look like a deployment that is missing."""

    def refuse(*_request):
        return as_json({"error": {"code": code, "message": "not found"}}, 404)

    with fault_server(refuse) as server, pytest.raises(Refused, match=code):
        CALLS[call](a_deployer(server.url))
