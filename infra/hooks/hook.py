"""What azd runs around `provision`, `deploy` and `down`.  Standard library and the Azure CLI only.

python infra/hooks/hook.py preprovision    is az signed in; the Entra application that people sign in to
python infra/hooks/hook.py postprovision   that application trusts the app's identity instead of a secret
python infra/hooks/hook.py postdeploy      event subscription, triggers, and a look from outside
python infra/hooks/hook.py predown         what would stay behind and cost
python infra/hooks/hook.py grant ROLE ID   give an app role to a person or group (object id)

azd passes its environment as variables.  Every step may be repeated.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
API = "api-version=2024-04-01"
GRAPH = "https://graph.microsoft.com/v1.0"
#: The Azure CLI; the same in every tenant.
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#: Ids inside of the application; fixed, so that a repetition changes nothing.
NAMESPACE = uuid.UUID("7b1d3c52-6f0e-4b8e-9a39-6d3f5f0f8a11")
APP_ROLES = {
    "FineTune.Approver": "Decides gates, cancels and retries runs.",
    "FineTune.Reader": "Reads runs and their evidence.",
}
FORGED = "eyJjbGFpbXMiOlt7InR5cCI6Im9pZCIsInZhbCI6Im1lIn0seyJ0eXAiOiJyb2xlcyIsInZhbCI6IkZpbmVUdW5lLkFwcHJvdmVyIn1dfQ=="


class Stop(Exception):
    """Something that a person has to do; the message says what."""


def say(text: str) -> None:
    """Print at once; azd shows it as it comes."""
    print(text, flush=True)


def need(name: str) -> str:
    """A value of the azd environment."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise Stop(f"{name} is not set. Run `azd provision` first, or `azd env set {name} ...`.")
    return value


def run(program: str, *arguments: str) -> str:
    """Output of a program.

    Raises:
        Stop: if it is missing or fails, with what it said.
    """
    found = shutil.which(program)
    if found is None:
        raise Stop(f"{program} is missing. Install it: docs/azure.md says from where.")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stop(f"`{program} {' '.join(arguments[:3])} ...` failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def az(*arguments: str) -> Any:
    """What the Azure CLI answers, decoded."""
    output = run("az", *arguments, "--only-show-errors", "--output", "json")
    return json.loads(output) if output.strip() else None


def graph(method: str, path: str, body: dict[str, Any] | None = None, *, upsert: bool = False) -> Any:
    """Ask Microsoft Graph as the person who is signed in."""
    arguments = ["rest", "--method", method, "--url", f"{GRAPH}/{path}"]
    if body is None:
        return az(*arguments)
    headers = ["Content-Type=application/json", *(["Prefer=create-if-missing"] if upsert else [])]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(
            folder, "body.json"
        )  # on Windows az is a batch file, which eats the quotes of an argument
        file.write_text(json.dumps(body), encoding="utf-8")
        return az(*arguments, "--headers", *headers, "--body", f"@{file}")


def eventually(what: str, attempt: Callable[[], bool]) -> None:
    """Try until it is true, for at most HOOK_WAIT_SECONDS (300).

    Raises:
        Stop: with the last failure.
    """
    wait_s = float(os.environ.get("HOOK_WAIT_SECONDS", "300"))
    pause_s = float(os.environ.get("HOOK_PAUSE_SECONDS", "10"))
    give_up_at = time.monotonic() + wait_s
    last = "it did not happen"
    while True:
        try:
            if attempt():
                say(f"  {what}: yes")
                return
        except Stop as problem:
            last = str(problem)
        if time.monotonic() >= give_up_at:
            raise Stop(f"{what}: not within {wait_s:g} s. {last}")
        say(f"  {what}: not yet")
        time.sleep(pause_s)


# --- before provisioning ------------------------------------------------------------------------------------------------------


def preprovision() -> None:
    """Check the tools, and make the Entra application unless there is one."""
    account = az("account", "show")
    say(f"Azure CLI: signed in, subscription {account['id']}")
    subscription = os.environ.get("AZURE_SUBSCRIPTION_ID", "")
    if subscription and subscription != account["id"]:
        raise Stop(
            f"az is on subscription {account['id']}, azd on {subscription}. Run `az account set -s {subscription}`."
        )
    if os.environ.get("PRIVATE_NETWORK", "").lower() == "true":
        az(
            "provider", "register", "--namespace", "Microsoft.App"
        )  # its subnets; no template of ours names the provider
    if os.environ.get("AUTH_CLIENT_ID"):
        say("Entra application: given by AUTH_CLIENT_ID")
        return
    if os.environ.get("CI"):
        raise Stop(
            "AUTH_CLIENT_ID is not set. A pipeline does not register applications: docs/azure.md#sign-in"
        )
    object_id, client_id = make_application(need("AZURE_ENV_NAME"))
    run("azd", "env", "set", "AUTH_CLIENT_ID", client_id)
    run("azd", "env", "set", "AUTH_OBJECT_ID", object_id)
    say(f"Entra application: {client_id}")


def make_application(environment: str) -> tuple[str, str]:
    """Make or update the application, with its roles and a scope that the Azure CLI may ask for; return object and client id."""
    name = f"foundry-finetune-{environment}"
    key = f"applications(uniqueName='{name}')"
    scope = str(uuid.uuid5(NAMESPACE, "user_impersonation"))
    roles = [
        {
            "id": str(uuid.uuid5(NAMESPACE, role)),
            "value": role,
            "displayName": role,
            "description": about,
            "isEnabled": True,
            "allowedMemberTypes": ["User", "Application"],
        }
        for role, about in APP_ROLES.items()
    ]
    body = {"displayName": name, "signInAudience": "AzureADMyOrg", "appRoles": roles}
    graph("patch", key, body, upsert=True)
    application = graph("get", f"{key}?$select=id,appId")
    client_id = application["appId"]
    scopes = [
        {
            "id": scope,
            "value": "user_impersonation",
            "type": "User",
            "isEnabled": True,
            "adminConsentDisplayName": "Use the fine-tuning automation",
            "adminConsentDescription": "Read runs and decide gates as the signed-in person.",
            "userConsentDisplayName": "Use the fine-tuning automation",
            "userConsentDescription": "Read runs and decide gates as yourself.",
        }
    ]
    api: dict[str, Any] = {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": scopes}
    web = {"implicitGrantSettings": {"enableIdTokenIssuance": True}}
    graph(
        "patch",
        f"applications/{application['id']}",
        {"identifierUris": [f"api://{client_id}"], "api": api, "web": web},
    )
    api["preAuthorizedApplications"] = [{"appId": AZURE_CLI, "delegatedPermissionIds": [scope]}]
    graph(
        "patch", f"applications/{application['id']}", {"api": api}
    )  # a scope can be named only once it is there
    # Only people who were given a role get in at all: evidence quotes rows of datasets.
    graph(
        "patch", f"servicePrincipals(appId='{client_id}')", {"appRoleAssignmentRequired": True}, upsert=True
    )
    return application["id"], client_id


# --- after provisioning -------------------------------------------------------------------------------------------------------


def postprovision() -> None:
    """Let the application trust the app's identity, and come back to the app's address."""
    callback = f"{need('FUNCTION_APP_URL')}/.auth/login/aad/callback"
    issuer = f"https://login.microsoftonline.com/{need('AZURE_TENANT_ID')}/v2.0"
    subject = need("HOST_PRINCIPAL_ID")
    object_id = os.environ.get("AUTH_OBJECT_ID", "")
    if not object_id:
        say(
            f"The application {need('AUTH_CLIENT_ID')} is not ours. Whoever owns it adds, once:\n"
            f"  redirect URI          {callback}\n"
            f"  federated credential  issuer {issuer}\n"
            f"                        subject {subject}, audience api://AzureADTokenExchange"
        )
        return
    graph("patch", f"applications/{object_id}", {"web": {"redirectUris": [callback]}})
    credential = {
        "name": "app-identity",
        "issuer": issuer,
        "subject": subject,
        "audiences": ["api://AzureADTokenExchange"],
    }
    graph(
        "patch",
        f"applications/{object_id}/federatedIdentityCredentials(name='app-identity')",
        credential,
        upsert=True,
    )
    say("Entra application: trusts the app's identity")


# --- after deploying ----------------------------------------------------------------------------------------------------------


def postdeploy() -> None:
    """Tell the app about uploads, make the platform know its functions, and look at it from outside."""
    group, app = need("AZURE_RESOURCE_GROUP"), need("FUNCTION_APP_NAME")
    subscription = need("AZURE_SUBSCRIPTION_ID")
    site = f"https://management.azure.com/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/{app}"

    def sync() -> bool:
        az("rest", "--method", "post", "--url", f"{site}/syncfunctiontriggers?{API}")
        return True

    def all_there() -> bool:
        names = "value[].properties.name"
        listed = az("rest", "--method", "get", "--url", f"{site}/functions?{API}", "--query", names)
        missing = sorted(expected_functions() - set(listed or []))
        if missing:
            raise Stop(
                f"Missing: {', '.join(missing)}. An import error hides all functions: look into the log stream."
            )
        return True

    def has_key() -> bool:
        # Only whether it is there leaves the CLI; the key itself stays in Azure.
        query = "contains(keys(systemKeys || `{}`), 'blobs_extension')"
        url = f"{site}/host/default/listkeys?{API}"
        return bool(az("rest", "--method", "post", "--url", url, "--query", query))

    def subscribe() -> bool:
        where = ("--resource-group", group, "--name", "dataset-uploaded")
        template = ("--template-file", str(ROOT / "infra" / "event-subscription.bicep"))
        parameters = (
            f"functionAppName={app}",
            f"systemTopicName={need('SYSTEM_TOPIC_NAME')}",
            f"dataStorageName={need('DATA_STORAGE_NAME')}",
            f"deadLetterContainerName={need('DEAD_LETTER_CONTAINER')}",
        )
        shown = ("--query", "properties.provisioningState")
        az("deployment", "group", "create", *where, *template, *shown, "--parameters", *parameters)
        return True

    say("Triggers")
    eventually("triggers synced", sync)
    eventually("all functions listed", all_there)
    say("Event subscription")
    eventually("the host has made the key of the blob extension", has_key)
    eventually("the host has accepted the event subscription", subscribe)
    say("From outside")
    look_from_outside(need("FUNCTION_APP_URL"))
    say(f"Ready: {need('FUNCTION_APP_URL')}")


def expected_functions() -> set[str]:
    """Names of the functions in the source."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "functions").glob("*.py"))
    return {name for source in sources for name in re.findall(r'function_name\("(\w+)"\)', source)}


def look_from_outside(url: str) -> None:
    """Nobody who did not sign in gets anything done.

    Raises:
        Stop: naming the door that is open.
    """
    is_closed = (
        bool(os.environ.get("ALLOWED_ADDRESS_RANGES"))
        or os.environ.get("PRIVATE_NETWORK", "").lower() == "true"
    )
    decision = f"{url}/api/runs/smoke/gates/deployment"
    webhook = f"{url}/runtime/webhooks/blobs?functionName=Host.Functions.dataset_uploaded"
    body = b'{"decision": "approve", "digest": "sha256:' + b"0" * 64 + b'"}'
    doors: list[tuple[str, Callable[[], int], set[int]]] = [
        ("an anonymous decision", lambda: status("POST", decision, body), {401}),
        ("a decision with a forged principal", lambda: status("POST", decision, body, forged=True), {401}),
        ("an anonymous reader", lambda: status("GET", f"{url}/api/runs"), {401}),
        ("an event without the key", lambda: status("POST", webhook, b"[]"), {400, 401, 403}),
        ("the host's administration", lambda: status("GET", f"{url}/admin/host/status"), {401, 403, 404}),
    ]
    for who, knock, allowed in doors:
        check_door(who, knock, allowed | ({403} if is_closed else set()))
    if is_closed:
        say("  health: not asked, addresses are restricted")
        return
    eventually("health answers", lambda: status("GET", f"{url}/api/health") in {200, 503})
    report = health(url)
    failing = [
        f"{check['name']} ({check['code']}): {check['remedy']}"
        for check in report["checks"]
        if not check["ok"]
    ]
    say(
        "  health: all is well"
        if not failing
        else "  health: new roles take minutes; what still fails:\n    " + "\n    ".join(failing)
    )


def check_door(who: str, knock: Callable[[], int], expected: set[int]) -> None:
    """Knock until the app is up and answers; the answer must be a refusal.

    Raises:
        Stop: if it is anything else.
    """
    answers: list[int] = []

    def answered() -> bool:
        answers.append(knock())
        if answers[-1] >= 500:
            raise Stop(f"It answered {answers[-1]}.")
        return True

    eventually(f"{who} gets an answer", answered)
    if answers[-1] not in expected:
        raise Stop(
            f"{who} got {answers[-1]}, expected one of {sorted(expected)}. "
            "Close the app (`az functionapp stop`) and read docs/security.md."
        )
    say(f"  {who} is refused ({answers[-1]})")


def health(url: str) -> dict[str, Any]:
    """What the app says about itself."""
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=60) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as refusal:
        return dict(json.load(refusal))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirection to a sign-in page is an answer of its own."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        del arguments, named


def status(method: str, url: str, body: bytes | None = None, *, forged: bool = False) -> int:
    """Status of an anonymous request, or of one with a principal that a client made up."""
    headers = {"Content-Type": "application/json"} | ({"X-MS-CLIENT-PRINCIPAL": FORGED} if forged else {})
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError as problem:
        raise Stop(f"{url} cannot be reached: {problem}") from problem


# --- before removing, and people ----------------------------------------------------------------------------------------------


def predown() -> None:
    """Say what `azd down` leaves: deployments in an account that is not ours go on costing by the hour."""
    if os.environ.get("AUTH_OBJECT_ID"):
        say(f"The Entra application stays; it costs nothing: az ad app delete --id {need('AUTH_CLIENT_ID')}")
    if os.environ.get("FOUNDRY_IS_OURS", "true").lower() == "true":
        return
    account, group = need("FOUNDRY_ACCOUNT_NAME"), need("FOUNDRY_RESOURCE_GROUP")
    where = ("--name", account, "--resource-group", group)
    tuned = "[?contains(properties.model.name, '.ft-')].name"
    command = "cognitiveservices account deployment"
    for name in az(*command.split(), "list", *where, "--query", tuned) or []:
        say(f"Stays and costs: {name}. If nobody uses it:")
        say(f"  az {command} delete {' '.join(where)} --deployment-name {name}")


def grant(role: str, principal: str) -> None:
    """Give an app role to a person or a group."""
    if role not in APP_ROLES:
        raise Stop(f"There is no role {role}; the roles are {', '.join(APP_ROLES)}.")
    resource = graph("get", f"servicePrincipals(appId='{need('AUTH_CLIENT_ID')}')?$select=id,appRoles")
    role_id = next(r["id"] for r in resource["appRoles"] if r["value"] == role)
    held = graph("get", f"servicePrincipals/{resource['id']}/appRoleAssignedTo?$top=999")["value"]
    if any(h["principalId"] == principal and h["appRoleId"] == role_id for h in held):
        say(f"{principal} has {role} already")
        return
    body = {"principalId": principal, "resourceId": resource["id"], "appRoleId": role_id}
    graph("post", f"servicePrincipals/{resource['id']}/appRoleAssignedTo", body)
    say(f"{principal} has {role} now")


def main(arguments: list[str]) -> int:
    """Run one step; 1 if a person has to do something first."""
    steps: dict[str, Callable[..., None]] = {
        "preprovision": preprovision,
        "postprovision": postprovision,
        "postdeploy": postdeploy,
        "predown": predown,
        "grant": grant,
    }
    if not arguments or arguments[0] not in steps or len(arguments) != (3 if arguments[0] == "grant" else 1):
        say(__doc__ or "")
        return 2
    try:
        steps[arguments[0]](*arguments[1:])
    except Stop as problem:
        print(f"{arguments[0]}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
