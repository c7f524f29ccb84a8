"""Who asks may do what the templates give, and nothing else: the product's adapters at a stand-in that checks each call."""

import json
from pathlib import Path

import pytest

from local.foundry.common.rights import need
from local.foundry.control.client import ControlError
from shared.adapters.account import ArmAccount
from shared.adapters.clock import SystemClock
from shared.adapters.credentials import make_credential
from shared.adapters.deployments import ArmDeployer, create_arm_client
from shared.adapters.foundry import (
    FoundryFiles,
    FoundryInference,
    FoundryTrainer,
    create_account_client,
    create_openai_client,
)
from shared.core.errors import FinetuneError, Unauthorized
from shared.core.offered import OfferedModel
from shared.core.serving import Route
from tests.support.signing_in import sign_in

ROOT = Path(__file__).parents[4]
ROLES = json.loads((ROOT / "infra/custom-roles.json").read_text())
#: Foundry User on the project: all data actions of the provider (Microsoft's list of built-in roles, 2026-11).
TRAINS = {"scope": "project", "dataActions": ["Microsoft.CognitiveServices/*"]}
GIVEN = {
    "host": [TRAINS, {"scope": "account", **ROLES["inference"]}],
    "deployer": [{"scope": "account", **ROLES["deployments"]}, {"scope": "subscription", **ROLES["quota"]}],
    "narrow deployer": [{"scope": "account", **ROLES["deployments"]}],
    "narrow host": [TRAINS],
}
MODEL = OfferedModel(name="gpt-4.1", version="2025-04-14", format="OpenAI")
QUESTIONS = {
    "region": lambda account, _deployer: account.region(),
    "models": lambda account, _deployer: account.models(),
    "deployments": lambda account, _deployer: account.deployments(),
    "deployment": lambda _account, deployer: deployer.deployment("gpt-4.1"),
    "delete": lambda _account, deployer: deployer.delete("nothing"),
}
QUOTA = {
    "usages": lambda account, _deployer: account.usages("northcentralus"),
    "capacities": lambda account, _deployer: account.capacities("northcentralus", MODEL),
}


@pytest.fixture
def checked(controlled, control, monkeypatch):
    """A stand-in that checks rights, for the identities above."""
    assert control
    sign_in(monkeypatch, controlled)
    path = Path(controlled["ca_bundle"]).parent / "rights.json"
    path.write_text(json.dumps(GIVEN))
    yield controlled
    path.unlink()


def arm_of(addresses, who):
    client = create_arm_client(
        make_credential("managed_identity", who),
        arm_endpoint=addresses["endpoint"],
        subscription_id="s",
        timeout_s=10,
    )
    return ArmAccount(client, "rg", "a"), ArmDeployer(client, "rg", "a")


def ask(addresses, who, routes):
    credential = make_credential("managed_identity", who)
    with (
        create_openai_client(addresses["project_endpoint"], credential, timeout_s=10) as client,
        create_account_client(addresses["project_endpoint"], credential, timeout_s=10) as account,
    ):
        return FoundryInference(client, account).answer(
            "gpt-4.1",
            [{"role": "user", "content": "hi"}],
            None,
            index=0,
            max_completion_tokens=9,
            routes=routes,
        )


@pytest.mark.stand_in
def test_each_identity_may_do_what_the_product_does_with_it(checked):
    at = arm_of(checked, "deployer")
    for question in (QUESTIONS | QUOTA).values():
        question(*at)
    credential = make_credential("managed_identity", "host")
    with create_openai_client(checked["project_endpoint"], credential, timeout_s=10) as client:
        assert FoundryFiles(client, SystemClock(), upload_timeout_s=10).count() >= 0
        assert FoundryTrainer(client, SystemClock()).job("ftjob-nothing") is None
    for route in Route:
        assert ask(checked, "host", (route,)).route == route


@pytest.mark.stand_in
def test_what_was_not_given_is_refused_and_named(checked):
    account, deployer = arm_of(checked, "narrow deployer")
    for name, question in QUOTA.items():
        with pytest.raises(
            Unauthorized, match="locations/" + {"usages": "usages"}.get(name, "modelCapacities")
        ):
            question(account, deployer)
    for question in QUESTIONS.values():
        question(account, deployer)  # the rest goes on
    with pytest.raises(Unauthorized, match="accounts/deployments/delete"):
        arm_of(checked, "host")[1].delete("nothing")
    with pytest.raises(Unauthorized):
        ask(checked, "deployer", (Route.PROJECT,))
    with pytest.raises(Unauthorized, match="accounts/OpenAI/deployments/chat/completions/action"):
        ask(checked, "narrow host", (Route.ACCOUNT,))
    assert ask(checked, "narrow host", tuple(Route)).route == Route.PROJECT


@pytest.mark.stand_in
def test_a_question_can_be_refused_and_a_model_retired_from_outside(controlled, control, monkeypatch):
    sign_in(monkeypatch, controlled)
    account, _ = arm_of(controlled, None)
    for status in (401, 403, 404):
        fault = control.refuse("*/usages", status)
        with pytest.raises(FinetuneError):
            account.usages("northcentralus")
        control.remove_fault(fault)
    assert account.usages("northcentralus")
    control.retire("gpt-4o", training="2026-01-01", base="2099-12-30")
    (model,) = [one for one in account.models() if one.name == "gpt-4o" and one.version == "2024-08-06"]
    assert f"{model.training_ends_at:%Y-%m-%d}" == "2026-01-01"
    control.retire("gpt-4o", training="2099-12-31")
    with pytest.raises(ControlError, match="400"):
        control.retire("gpt-4o", youth="2026-01-01")


def test_a_request_that_nobody_has_written_down_is_allowed_to_nobody():
    named = need("GET", "/operations/1")
    assert "nobody knows" in named.action
    assert not any(
        pattern == "*" for roles in GIVEN.values() for role in roles for pattern in role.get("actions", [])
    )
