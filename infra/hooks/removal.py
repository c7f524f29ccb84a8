"""Before `azd down`: what would die, and what would stay behind and cost."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from infra.hooks.cloud import Stop, az, need, remember, run, say

#: Azure/azure-dev#2916: older ones delete the resource group of an account that is not ours.
_AZD_AT_LEAST: Final = (1, 24, 1)


def predown() -> None:
    """Name the deployments that die with the group, and those that stay and cost.

    Raises:
        Stop: unless CONFIRM_DOWN names the environment, if deployments would die; if azd would delete what is not ours.
    """
    if os.environ.get("AUTH_OBJECT_ID"):
        say(f"The Entra application stays; it costs nothing: az ad app delete --id {need('AUTH_CLIENT_ID')}")
    if not os.environ.get("FOUNDRY_ACCOUNT_NAME", "").strip():
        return  # nothing was ever provisioned
    account, group = need("FOUNDRY_ACCOUNT_NAME"), need("FOUNDRY_RESOURCE_GROUP")
    is_ours = os.environ.get("FOUNDRY_IS_OURS", "true").lower() == "true"
    if not is_ours:
        check_azd()
    deployments = _deployments(account, group)
    if is_ours or group.lower() == os.environ.get("AZURE_RESOURCE_GROUP", "").lower():
        _confirm(deployments)
    else:
        _name_what_stays(deployments, account, group)


def check_azd() -> None:
    """Azd may be run with the check of azure.yaml switched off; what is at stake is somebody else's."""
    said = run("azd", "version", "--output", "json")
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", json.loads(said)["azd"]["version"])
    if not found or tuple(int(part) for part in found.groups()) < _AZD_AT_LEAST:
        raise Stop(
            f"This azd would delete the resource group {need('FOUNDRY_RESOURCE_GROUP')}, which is not ours. "
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
