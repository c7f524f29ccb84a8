"""The Entra application that people sign in to: no secret, three roles, and it trusts the app's identity."""

from __future__ import annotations

import os
import uuid
from typing import Any, Final

from infra.hooks.cloud import Stop, eventually, graph, need, remember, say

#: The Azure CLI; the same in every tenant.
AZURE_CLI: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#: Ids inside of the application; fixed, so that a repetition changes nothing.
NAMESPACE: Final = uuid.UUID("7b1d3c52-6f0e-4b8e-9a39-6d3f5f0f8a11")
#: Role -> what it is for, and who may hold it: an application reads at most.
APP_ROLES: Final = {
    "FineTune.Reader": ("Reads runs and their evidence.", ["User", "Application"]),
    "FineTune.Approver": ("Decides gates; cancels, retries and judges runs again.", ["User"]),
    "FineTune.Operator": ("Cancels, retries and judges runs again.", ["User"]),
}
#: Tokens say whether a person or an application signed in.
IDTYP: Final = {"name": "idtyp", "essential": False, "additionalProperties": ["include_user_token"]}
#: Browsers sign in by the hybrid flow, which asks for one.
_ID_TOKENS: Final = {"implicitGrantSettings": {"enableIdTokenIssuance": True}}
_ROLE_KEYS: Final = ("id", "value", "displayName", "description", "isEnabled", "allowedMemberTypes")


def ensure_application() -> None:
    """Make the Entra application unless there is one; one that a hook made before gets what this release asks for."""
    if os.environ.get("AUTH_CLIENT_ID", "").strip():
        object_id = os.environ.get("AUTH_OBJECT_ID", "").strip()
        if object_id and not os.environ.get("CI"):
            update_application(object_id)
        else:
            say(
                "Entra application: given by AUTH_CLIENT_ID. Whoever owns it sees to the app roles "
                f"{', '.join(APP_ROLES)} and the optional claim idtyp: docs/azure.md#sign-in"
            )
        return
    if os.environ.get("CI"):
        raise Stop(
            "AUTH_CLIENT_ID is not set. A pipeline does not register applications: docs/azure.md#sign-in"
        )
    object_id, client_id = make_application(need("AZURE_ENV_NAME"))
    if not client_id:
        raise Stop("Entra made an application without a client id. Run `azd provision` again.")
    remember("AUTH_CLIENT_ID", client_id)
    remember("AUTH_OBJECT_ID", object_id)
    say(f"Entra application: {client_id}")


def make_application(environment: str) -> tuple[str, str]:
    """Make or update the application, with its roles and a scope that the Azure CLI may ask for; return object and client id."""
    name = f"foundry-finetune-{environment}"
    key = f"applications(uniqueName='{name}')"
    scope = str(uuid.uuid5(NAMESPACE, "user_impersonation"))
    claims = {"accessToken": [IDTYP]}
    body = {
        "displayName": name,
        "signInAudience": "AzureADMyOrg",
        "appRoles": _roles(),
        "optionalClaims": claims,
    }
    graph("patch", key, body, upsert=True)
    application = _when_settled("the application is there", "get", f"{key}?$select=id,appId")
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
    mine = f"applications/{application['id']}"
    address = {"identifierUris": [f"api://{client_id}"], "api": api, "web": _ID_TOKENS}
    _when_settled("it has an address and a scope", "patch", mine, address)
    # A scope can be named only once it is there.
    api["preAuthorizedApplications"] = [{"appId": AZURE_CLI, "delegatedPermissionIds": [scope]}]
    _when_settled("the Azure CLI may ask for it", "patch", mine, {"api": api})
    # Only people who were given a role get in at all: evidence quotes rows of datasets.
    closed = {"appRoleAssignmentRequired": True}
    _when_settled(
        "roles are required", "patch", f"servicePrincipals(appId='{client_id}')", closed, upsert=True
    )
    return application["id"], client_id


def _roles() -> list[dict[str, Any]]:
    return [
        {
            "id": str(uuid.uuid5(NAMESPACE, role)),
            "value": role,
            "displayName": role,
            "description": about,
            "isEnabled": True,
            "allowedMemberTypes": members,
        }
        for role, (about, members) in APP_ROLES.items()
    ]


def update_application(object_id: str) -> None:
    """Give the application that an earlier release made what this one asks for; roles and claims of others stay."""
    path = f"applications/{object_id}"
    present = graph("get", f"{path}?$select=appRoles,optionalClaims")
    held = [{key: role[key] for key in _ROLE_KEYS if key in role} for role in present.get("appRoles") or ()]
    roles = _roles()
    wanted = {role["id"]: role for role in roles}
    others = [role for role in held if role["id"] not in wanted]
    narrowed = [
        role
        for role in held
        if role["id"] in wanted and role["allowedMemberTypes"] != wanted[role["id"]]["allowedMemberTypes"]
    ]
    if narrowed:  # what a role is for can be changed only while it is off; who holds it keeps it
        off = [role | {"isEnabled": False} if role in narrowed else role for role in held]
        graph("patch", path, {"appRoles": off})
    claims = present.get("optionalClaims") or {}
    tokens = [claim for claim in claims.get("accessToken", ()) if claim["name"] != IDTYP["name"]]
    body = {"appRoles": others + roles, "optionalClaims": claims | {"accessToken": [*tokens, IDTYP]}}
    graph("patch", path, body)
    say(
        f"Entra application: has the app roles {', '.join(APP_ROLES)}. Who reads without a role needs one: "
        "python3 -m infra.hooks grant FineTune.Reader ID"
    )


def _when_settled(
    what: str, method: str, path: str, body: dict[str, Any] | None = None, *, upsert: bool = False
) -> Any:
    """Ask Graph until it knows what was just made: its replicas lag by seconds."""
    answers: list[Any] = []

    def asked() -> bool:
        answers.append(graph(method, path, body, upsert=upsert))
        return True

    eventually(what, asked)
    return answers[-1]


def trust_app() -> None:
    """Let the application trust the app's identity, and come back to the app's address."""
    callback = f"{need('FUNCTION_APP_URL')}/.auth/login/aad/callback"
    issuer = f"https://login.microsoftonline.com/{need('AZURE_TENANT_ID')}/v2.0"
    subject = need("HOST_PRINCIPAL_ID")
    object_id = os.environ.get("AUTH_OBJECT_ID", "")
    if not object_id:
        say(
            f"The application {need('AUTH_CLIENT_ID')} is not ours. Whoever owns it adds, once:\n"
            f"  redirect URI          {callback}\n"
            "  ID tokens             on, for implicit and hybrid flows: browsers sign in with them\n"
            f"  federated credential  issuer {issuer}\n"
            f"                        subject {subject}, audience api://AzureADTokenExchange\n"
            f"  app roles             {', '.join(APP_ROLES)}\n"
            "  optional claim        idtyp in access tokens, with include_user_token"
        )
        return
    present = (graph("get", f"applications/{object_id}?$select=web") or {}).get("web") or {}
    addresses = [
        known for known in present.get("redirectUris") or () if known != callback
    ]  # of their own domain
    graph(
        "patch", f"applications/{object_id}", {"web": {"redirectUris": [*addresses, callback]} | _ID_TOKENS}
    )
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
