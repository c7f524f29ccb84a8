"""Before `azd down`: what would die, and what would stay behind and cost."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from infra.hooks.cloud import Stop, az, need, remember, run, say
from infra.hooks.names import Names

#: Azure/azure-dev#2916: older ones delete the resource group of an account that is not ours.
_AZD_AT_LEAST: Final = (1, 24, 1)


def predown() -> None:
    """Name the deployments that die with the group, and those that stay and cost.

    Raises:
        Stop: unless CONFIRM_DOWN names the environment, if deployments would die; if azd would delete what is not ours.
    """
    if os.environ.get("AUTH_OBJECT_ID"):
        say(f"The Entra application stays; it costs nothing: az ad app delete --id {need('AUTH_CLIENT_ID')}")
    # What was deployed last counts; another machine has stored nothing, and its `azd down` removes the same.
    names = Names.of_environment()
    account = os.environ.get("FOUNDRY_ACCOUNT_NAME", "").strip() or names.foundry_account
    group = (
        os.environ.get("FOUNDRY_RESOURCE_GROUP", "").strip()
        or os.environ.get("EXISTING_FOUNDRY_RESOURCE_GROUP", "").strip()
        or names.resource_group
    )
    if group.lower() == names.resource_group.lower():
        _confirm(_deployments(account, group))
    else:
        check_azd(group)
        _name_what_stays(_deployments(account, group), account, group)


def check_azd(group: str) -> None:
    """Azd may be run with the check of azure.yaml switched off; what is at stake is somebody else's."""
    said = run("azd", "version", "--output", "json")
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", json.loads(said)["azd"]["version"])
    if not found or tuple(int(part) for part in found.groups()) < _AZD_AT_LEAST:
        raise Stop(
            f"This azd would delete the resource group {group}, which is not ours. "
            f"Update it to {'.'.join(map(str, _AZD_AT_LEAST))} or later: azd update"
        )


def _deployments(account: str, group: str) -> list[dict[str, Any]]:
    """Name, model and purpose of all deployments of an account; none if the account is gone."""
    shown = '[].{name: name, model: properties.model.name, purpose: tags."finetune-purpose"}'
    where = ("--name", account, "--resource-group", group)
    try:
        return list(az("cognitiveservices", "account", "deployment", "list", *where, "--query", shown) or [])
    except Stop as problem:
        if "NotFound" in str(problem) or "could not be found" in str(problem):
            return []
        raise


def _confirm(deployments: list[dict[str, Any]]) -> None:
    environment = need("AZURE_ENV_NAME")
    for each in deployments:
        purpose = f", {each['purpose']}" if each.get("purpose") else ""
        say(f"Dies: {each['name']} ({each['model']}{purpose}). Clients that ask it get errors.")
    if deployments and os.environ.get("CONFIRM_DOWN", "").strip() != environment:
        raise Stop(
            f"Deployments would die. If that is meant: azd env set CONFIRM_DOWN {environment}, then `azd down` again."
        )
    if deployments:
        remember("CONFIRM_DOWN", "")


def _name_what_stays(deployments: list[dict[str, Any]], account: str, group: str) -> None:
    command = "az cognitiveservices account deployment delete"
    for each in deployments:
        if ".ft-" in (each["model"] or "") or each.get("purpose"):
            say(f"Stays and costs: {each['name']} ({each['model']}). If nobody uses it:")
            say(f"  {command} --name {account} --resource-group {group} --deployment-name {each['name']}")
