"""Where a deployment answers: a second route for tuned open models, and for no other."""

import json
import shlex

import pytest

from shared.core.models import FAMILIES
from shared.core.serving import AUDIENCES, Route, call_of, example, path_of, route_of, routes_of

OPEN = {name for name, facts in FAMILIES.items() if facts.is_open}


def test_the_open_families_are_those_that_are_documented_so():
    assert {
        "Llama-3.3-70B-Instruct",
        "Qwen3-32B",
        "Ministral-3B",
        "gpt-oss-20b",
        "gpt-oss-120b",
        "Qwen3.6-35B-A3B",
        "Qwen3.8-27B",
        "Muse-Glimmer-30B",
    } == OPEN


@pytest.mark.parametrize("family", FAMILIES)
def test_only_what_was_tuned_from_an_open_model_has_a_second_route(family):
    assert routes_of(family) == (Route.PROJECT,)
    expected = (Route.PROJECT, Route.ACCOUNT) if family in OPEN else (Route.PROJECT,)
    assert routes_of(f"{family}.ft-0a1b-support") == expected
    assert routes_of("a-model-of-tomorrow.ft-0a1b") == (Route.PROJECT,)


def test_clients_take_the_route_that_answered_or_else_the_documented_one():
    assert route_of("Qwen3-32B.ft-1", None) is Route.ACCOUNT
    assert route_of("Qwen3-32B.ft-1", "project") is Route.PROJECT
    assert route_of("gpt-4.1.ft-1", None) is Route.PROJECT
    assert route_of("gpt-4.1.ft-1", "account") is Route.ACCOUNT
    assert route_of("gpt-4.1.ft-1", "a route of a later release") is Route.PROJECT


def test_each_route_has_its_path_and_its_audience():
    assert path_of(Route.PROJECT, "d") == "/openai/v1/chat/completions"
    assert path_of(Route.ACCOUNT, "d") == (
        "/openai/deployments/d/chat/completions?api-version=2025-04-01-preview"
    )
    assert AUDIENCES.keys() == set(Route)


ENDPOINT = "https://name.services.ai.azure.com/api/projects/p"


def test_a_client_is_told_the_whole_address_of_the_project_or_of_its_account():
    project = call_of("d", "gpt-4.1.ft-1", None, ENDPOINT)
    account = call_of("d", "Qwen3-32B.ft-1", None, f"{ENDPOINT}/")

    assert project.url == f"{ENDPOINT}/openai/v1/chat/completions" == project.base_url + project.path
    assert account.base_url == "https://name.services.ai.azure.com"
    assert account.url == account.base_url + path_of(Route.ACCOUNT, "d")
    assert (project.model, account.model) == ("d", "d"), "the deployment, not the model"
    assert project.scope == "https://ai.azure.com/.default"
    assert account.scope == "https://cognitiveservices.azure.com/.default"


def test_the_example_is_one_command_with_the_readers_own_sign_in():
    call = call_of("d", "Qwen3-32B.ft-1", None, ENDPOINT)

    shown = example(call.url, call.audience, call.model)

    words = shlex.split(shown.replace("\\\n", " "))
    assert words[:2] == ["curl", call.url], "the & and ? of a query stay in one word"
    assert f"az account get-access-token --resource {call.audience} " in shown
    assert json.loads(words[-1])["model"] == "d"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_at_the_local_cloud_the_example_takes_a_token_of_that(host):
    call = call_of("d", "gpt-4.1.ft-1", None, f"https://{host}:4000/api/projects/p")

    shown = example(call.url, call.audience, call.model)

    assert f"python -m local token {call.audience}" in shown
    assert "--cacert .local/cloud/foundry/ca.pem" in shown
    assert "az account" not in shown
