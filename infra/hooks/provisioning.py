"""Before and after `azd provision`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Final

from infra.hooks import questions, sign_in
from infra.hooks.cloud import ROOT, Stop, az, need, remember, say

_ROLES: Final = json.loads((ROOT / "infra" / "roles.json").read_text(encoding="utf-8"))


def preprovision() -> None:
    """Ask Azure what the template cannot know, and make the Entra application unless there is one.

    azd has compiled the template once before this, and compiles it again after it (docs/azure.md#what-azd-does).
    """
    check_subscription()
    questions.check_rights()
    if questions.is_set("PRIVATE_NETWORK"):
        # For the subnet of the functions; no template of ours names a type of this provider.
        az("provider", "register", "--namespace", "Microsoft.App")
    answers = questions.look()
    sign_in.ensure_application()
    for name, value in answers.items():
        remember(name, value)
    say(
        "Should the deployment say that a role or principal does not exist: Azure is slow to tell itself. `azd provision` again."
    )


def check_subscription() -> None:
    """Az and azd speak of the same subscription."""
    account = az("account", "show")
    say(f"Azure CLI: signed in, subscription {account['id']}")
    subscription = os.environ.get("AZURE_SUBSCRIPTION_ID", "")
    if subscription and subscription != account["id"]:
        raise Stop(
            f"az is on subscription {account['id']}, azd on {subscription}. Run `az account set -s {subscription}`."
        )


def look_only() -> None:
    """Print what `preprovision` would set, as lines NAME=value; ask only."""
    with contextlib.redirect_stdout(sys.stderr):
        answers = questions.look()
    for name, value in answers.items():
        say(f"{name}={value}")


def postprovision() -> None:
    """The application trusts the app's identity; a role that this release no longer gives is taken away."""
    sign_in.trust_app()
    remove_former_role()
    if not os.environ.get("BUDGET_START", "").strip() and os.environ.get("MONTHLY_BUDGET", "").strip() != "0":
        say(
            "Budget: left out, because BUDGET_START is empty; the pre-provision hook has not run. `azd provision` again."
        )
    say("Roles that were given just now work after some minutes.")


def remove_former_role() -> None:
    """Releases up to 0.2.0 gave `host` Foundry User on the account, which deploys and lists keys; templates remove nothing."""
    account = (
        f"/subscriptions/{need('AZURE_SUBSCRIPTION_ID')}/resourceGroups/{need('FOUNDRY_RESOURCE_GROUP')}"
        f"/providers/Microsoft.CognitiveServices/accounts/{need('FOUNDRY_ACCOUNT_NAME')}"
    )
    shown = "[].{id: id, principal: principalId, role: roleDefinitionId, scope: scope}"
    for given in az("role", "assignment", "list", "--scope", account, "--query", shown) or []:
        if (
            given["principal"].lower() == need("HOST_PRINCIPAL_ID").lower()
            and given["role"].lower().endswith(f"/{_ROLES['foundryUser']}")
            and given["scope"].lower() == account.lower()
        ):
            az("role", "assignment", "delete", "--ids", given["id"])
            say("Roles: the app no longer holds Foundry User on the account; it has it on the project")
