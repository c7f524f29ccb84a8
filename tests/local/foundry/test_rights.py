"""The stand-in refuses what the roles of an identity do not allow, as Azure does."""

import json
from types import SimpleNamespace

import pytest
from starlette.routing import Mount, Route

from local.foundry.actions import NEEDED, calls_of, check_written_down, needed_by
from local.rights import FIRST, OWNER, Rights, Role, client_id
from tests.local.foundry.inside import ACCOUNT, BASE

PROJECT = "/api/projects/local/openai/v1"
LOCATION = "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/here"


@pytest.fixture(scope="module")
def inside(start_inside):
    return start_inside()


@pytest.fixture(scope="module")
def ask(inside):
    """Ask as one of the identities; the answer's status and error."""

    def asked(who, method, path):
        resource = "https://management.azure.com" if path.startswith("/sub") else "https://ai.azure.com"
        token = inside.client.get(
            "/msi/token",
            params={"resource": resource, "client_id": client_id(who)},
            headers={"X-IDENTITY-HEADER": "local-cloud"},
        ).json()["access_token"]
        answer = inside.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json={})
        error = answer.json().get("error", {}) if answer.content else {}
        return SimpleNamespace(status=answer.status_code, code=error.get("code"), words=error.get("message"))

    return asked


REFUSED = {401: "PermissionDenied", 403: "AuthorizationFailed"}


@pytest.mark.parametrize(
    ("who", "method", "path", "may"),
    [
        ("host", "GET", f"{PROJECT}/files", True),
        ("host", "POST", f"{PROJECT}/fine_tuning/jobs", True),
        ("host", "POST", f"{PROJECT}/chat/completions", True),
        ("host", "GET", f"{BASE}/files", False),  # its role is on the project, not on the account
        ("host", "GET", ACCOUNT, False),
        ("host", "PUT", f"{ACCOUNT}/deployments/d", False),
        ("host", "GET", f"{LOCATION}/usages", False),
        ("deployer", "GET", f"{PROJECT}/files", False),
        ("deployer", "POST", f"{PROJECT}/chat/completions", False),
        ("deployer", "GET", ACCOUNT, True),
        ("deployer", "GET", f"{ACCOUNT}/models", True),
        ("deployer", "GET", f"{ACCOUNT}/usages", True),
        ("deployer", "GET", f"{ACCOUNT}/skus", False),
        ("deployer", "PUT", f"{ACCOUNT}/deployments/d", True),
        ("deployer", "DELETE", f"{ACCOUNT}/deployments/d", True),
        ("deployer", "GET", f"{LOCATION}/usages", True),
        ("deployer", "GET", f"{LOCATION}/models", True),
        ("deployer", "GET", "/subscriptions/s/providers/Microsoft.CognitiveServices/modelCapacities", True),
        ("deployer", "GET", "/subscriptions/s/providers/Microsoft.CognitiveServices/skus", False),
        ("publisher", "GET", f"{PROJECT}/files", False),
        (OWNER, "GET", f"{BASE}/files", True),
        (OWNER, "PUT", f"{ACCOUNT}/deployments/d", True),
    ],
)
def test_an_identity_may_do_what_its_roles_allow_and_nothing_else(ask, who, method, path, may):
    answer = ask(who, method, path)

    assert (answer.code not in REFUSED.values()) == may
    assert may or answer.code == REFUSED[answer.status]


def test_a_refusal_names_the_action_as_azure_does(ask):
    data, arm = (
        ask("deployer", "POST", f"{PROJECT}/chat/completions"),
        ask("host", "PUT", f"{ACCOUNT}/deployments/d"),
    )

    assert (data.status, arm.status) == (401, 403)
    assert (
        "lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/"
        "completions/action`" in data.words
    )
    assert "perform action 'Microsoft.CognitiveServices/accounts/deployments/write' over scope" in arm.words


def test_another_identity_may_do_what_its_file_gives(inside, ask):
    path = inside.state / "rights.json"
    role = {"scope": "account", "actions": ["Microsoft.CognitiveServices/accounts/read"]}
    path.write_text(json.dumps({client_id("visitor"): [role]}))
    seen = [ask("visitor", "GET", ACCOUNT), ask("visitor", "GET", f"{ACCOUNT}/models")]
    path.unlink()

    assert [answer.status for answer in seen] == [200, 403]


def test_an_identity_that_nobody_made_gets_no_token(inside):
    answer = inside.client.get(
        "/msi/token",
        params={"resource": "https://ai.azure.com", "client_id": client_id("somebody")},
        headers={"X-IDENTITY-HEADER": "local-cloud"},
    )

    assert answer.status_code == 400


def test_what_is_no_route_is_not_found_rather_than_refused(ask):
    assert ask("host", "GET", f"{PROJECT}/no/such/thing").status == 404


def test_a_route_without_an_action_keeps_the_stand_in_from_starting(inside):
    routes = inside.client.app.routes
    check_written_down(routes)

    assert len(calls_of(routes)) > 50
    with pytest.raises(LookupError, match="which action these need: GET /openai/v1/batches"):
        check_written_down([*routes, Mount("/openai/v1", routes=[Route("/batches", lambda _: None)])])


def test_the_action_of_each_written_call_is_found_by_its_path():
    for call, needed in NEEDED.items():
        method, _, path = call.partition(" ")
        assert needed_by(method, path.replace("{", "").replace("}", "")) == needed


#: Takes the right away -> a call that is then refused.
TAKEN = {
    "accounts/deployments/write": ("deployer", "account", False),
    "locations/usages/read": ("deployer", "subscription", False),
    "accounts/OpenAI/deployments/chat/completions/action": ("host", "account", True),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_right_that_the_templates_no_longer_give_is_missed(name):
    who, on, is_data = TAKEN[name]
    text = FIRST.read_text()
    action = f"Microsoft.CognitiveServices/{name}"
    before, after = (
        Rights.of(json.loads(sent))
        for sent in (text, text.replace(f'"{action}"', '"Microsoft.Nothing/read"'))
    )

    assert before.may(who, getattr(before, on), action, is_data=is_data)
    assert not after.may(who, getattr(after, on), action, is_data=is_data)


def test_a_role_holds_below_its_scope_and_nowhere_else():
    rights = Rights.first()
    action = "Microsoft.CognitiveServices/accounts/OpenAI/files/read"

    assert rights.may("host", rights.project, action, is_data=True)
    assert rights.may("host", rights.project.upper() + "/x", action.upper(), is_data=True)
    assert not rights.may("host", rights.project + "2", action, is_data=True)
    assert not rights.may("host", rights.account, action, is_data=True)


def test_what_a_role_takes_away_again_is_not_allowed():
    role = Role(("A.B/*",), ("A.B/*/read",), not_actions=("A.B/c/delete",))

    assert role.allows("A.B/c/write", is_data=False)
    assert not role.allows("A.B/c/delete", is_data=False)
    assert role.allows("a.b/c/d/READ", is_data=True)
    assert not role.allows("A.B/c/write", is_data=True)
    assert not role.allows("AxB/c/write", is_data=False)
