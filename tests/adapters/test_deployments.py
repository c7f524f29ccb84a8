"""The real ARM client under faults: nothing waits, nothing is lost in silence, every outcome is one of our errors."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from shared.adapters.account import ArmAccount
from shared.adapters.deployments import ArmDeployer
from shared.core.errors import (
    Busy,
    QuotaExhausted,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from shared.core.offered import OfferedModel, Usage
from tests.adapters.fault_server import arm, as_json, fault_server

ROOT = Path(__file__).parents[2]
WHERE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/deployments/d"


class Nobody:
    def get_token(self, *_scopes, **_options):
        raise AssertionError("no token may travel over http")


def a_client(url):
    """A client over http: the policy that demands https with tokens is left out, and with it the token."""
    return CognitiveServicesManagementClient(
        Nobody(),
        "s",
        base_url=url,
        authentication_policy=SansIOHTTPPolicy(),
        retry_total=0,
        connection_timeout=0.5,
        read_timeout=0.5,
    )


def a_deployer(url):
    return ArmDeployer(a_client(url), "rg", "a")


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


SUBSCRIPTION = "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/swedencentral"
OFFERED = OfferedModel(
    name="gpt-4.1",
    version="2025-04-14",
    format="OpenAI",
    lifecycle="Legacy",
    training_ends_at=datetime(2027, 4, 14, tzinfo=UTC),
    inference_ends_at=datetime(2027, 4, 14, tzinfo=UTC),
    capabilities={"fineTune": "true", "globalFineTune": "true", "chatCompletion": "true"},
    sku_ends_at={"GlobalStandard": datetime(2027, 4, 14, tzinfo=UTC), "Standard": None},
)
#: question -> its answer, and what is sent.
QUESTIONS = {
    "region": (lambda account: account.region(), "swedencentral", WHERE.removesuffix("/deployments/d")),
    "models": (lambda account: account.models(), (OFFERED,), WHERE.replace("/deployments/d", "/models")),
    "deployments": (lambda account: account.deployments(), {"d": "gpt-4.1.ft-1"}, WHERE.removesuffix("/d")),
    "usages": (
        lambda account: account.usages("swedencentral"),
        {"OpenAI.GlobalStandard.gpt4.1-finetune": Usage(used=50, limit=250)},
        f"{SUBSCRIPTION}/usages",
    ),
    "capacities": (
        lambda account: account.capacities("swedencentral", OFFERED),
        {"GlobalStandard": 200},
        f"{SUBSCRIPTION}/modelCapacities",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_about_the_account_is_one_request(server, question):
    server.reset()
    ask, answer, path = QUESTIONS[question]

    assert ask(ArmAccount(a_client(server.url), "rg", "a")) == answer
    assert [request.partition("?")[0] for request, _ in server.requests] == [f"GET {path}"]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [("401", Unauthorized), ("403", Unauthorized), ("404", Refused), ("500", Unavailable)],
)
def test_a_question_that_is_not_answered_is_one_of_our_errors(server, question, fault, expected):
    server.reset(fault)

    with pytest.raises(expected):
        QUESTIONS[question][0](ArmAccount(a_client(server.url), "rg", "a"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"value": [{"name": "gpt-4.1"}]}, (OfferedModel(name="gpt-4.1"),)),
        ({"value": [{"format": "OpenAI"}]}, ()),
        (
            {"value": [{"name": "m", "deprecation": {"fineTune": "soon"}, "skus": None}]},
            (OfferedModel(name="m"),),
        ),
        ({"value": []}, ()),
    ],
)
def test_of_a_model_anything_but_the_name_may_be_missing(answer, expected):
    with fault_server(lambda *_request: as_json(answer)) as server:
        assert ArmAccount(a_client(server.url), "rg", "a").models() == expected


def test_an_account_without_a_region_is_no_answer():
    with fault_server(lambda *_request: as_json({"name": "a"})) as server, pytest.raises(Unavailable):
        ArmAccount(a_client(server.url), "rg", "a").region()


def test_what_the_deployer_sends_is_what_its_roles_allow(server):
    """A missing right must fail here, not on a subscription.  A right is named after the path of what it is about."""
    server.reset()
    account, deployer = ArmAccount(a_client(server.url), "rg", "a"), a_deployer(server.url)
    for ask, _, _ in QUESTIONS.values():
        ask(account)
    for call in CALLS.values():
        call(deployer)
    roles = json.loads((ROOT / "infra/custom-roles.json").read_text())
    allowed = {*roles["deployments"]["actions"], *roles["quota"]["actions"]}
    asked = {action_of(*request.partition("?")[0].split(" ", 1)) for request, _ in server.requests}

    assert len(asked) == 7
    assert asked - allowed == set()
    page = (ROOT / "docs/permissions.md").read_text()
    assert [action for action in asked if f"`{action}`" not in page] == []


def action_of(method, path):
    """The action of a request to Resource Manager: the types in its path, and what is done."""
    _, _, below = path.partition("/providers/Microsoft.CognitiveServices/")
    verb = {"GET": "read", "PUT": "write", "DELETE": "delete"}[method]
    return "/".join(("Microsoft.CognitiveServices", *below.split("/")[::2], verb))
