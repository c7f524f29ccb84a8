"""What has to be asked of Azure before each deployment, because the template cannot know it and nothing stored can be trusted.

Fresh runners have no memory, installations of former releases have older budgets, and after `azd down` what was stored is wrong.
The answers are variables that `main.bicepparam` reads; an empty one means the default.  Asking changes nothing.
"""

from __future__ import annotations

import fnmatch
import json
import os
from datetime import UTC, datetime
from typing import Any, Final

from infra.hooks.cloud import ARM, ROOT, Stop, az, say
from infra.hooks.names import Names

#: Azure keeps at most so many settings that send the activity log of a subscription somewhere.
_SETTINGS_MAX: Final = 5
#: So many missing rights are named.
_NAMED_MAX: Final = 8
_UNREGISTERED: Final = "MissingSubscriptionRegistration"


def is_set(name: str, word: str = "true") -> bool:
    """Whether a variable says this word, in any letters."""
    return os.environ.get(name, "").strip().lower() == word


def look(now: datetime | None = None) -> dict[str, str]:
    """The variables that this deployment needs.

    Raises:
        Stop: if the deployment would be refused; the message says what to do.
    """
    names = Names.of_environment()
    check_existing_foundry()
    check_watching(names)
    there = _resources(names)
    topic, principal = _system_topic(names) if names.data_account in there else ("", "")
    return {
        "BUDGET_START": _budget_start(names, now or datetime.now(UTC), is_there=bool(there)),
        "EXISTING_SYSTEM_TOPIC": topic,
        "EXISTING_SYSTEM_TOPIC_PRINCIPAL": principal,
        "RESTORE_FOUNDRY": "true" if _is_deleted(names, there) else "",
    }


def check_existing_foundry() -> None:
    """An account of others must be as ours would be: a key would open what the roles close."""
    account = os.environ.get("EXISTING_FOUNDRY_ACCOUNT", "").strip()
    if not account:
        return
    group = os.environ.get("EXISTING_FOUNDRY_RESOURCE_GROUP", "").strip()
    if not group or not os.environ.get("EXISTING_FOUNDRY_PROJECT", "").strip():
        raise Stop(
            "EXISTING_FOUNDRY_ACCOUNT needs EXISTING_FOUNDRY_RESOURCE_GROUP and EXISTING_FOUNDRY_PROJECT."
        )
    shown = "{closed: properties.disableLocalAuth, domain: properties.customSubDomainName, id: id}"
    command = ("cognitiveservices", "account", "show", "--name", account, "--resource-group", group)
    found = az(*command, "--query", shown)
    if not found["closed"]:
        command = (
            "az",
            "resource",
            "update",
            "--ids",
            found["id"],
            "--set",
            "properties.disableLocalAuth=true",
        )
        raise Stop(
            f"The Foundry account {account} takes keys: whoever has one needs no role. Close it, once nobody uses them: "
            + " ".join(command)
        )
    if not found["domain"]:
        raise Stop(f"The Foundry account {account} has no subdomain, without which it takes no Entra tokens.")


def check_rights() -> None:
    """Whoever deploys may do what the template does.

    Raises:
        Stop: before anything is sent, with what is missing.
    """
    names = Names.of_environment()
    url = f"{ARM}/subscriptions/{names.subscription}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    held = az("rest", "--method", "get", "--url", url, "--query", "value") or []
    kinds = dict(json.loads((ROOT / "infra" / "written.json").read_text(encoding="utf-8")))
    if is_set("MONTHLY_BUDGET", "0"):
        kinds.pop("budget")
    if os.environ.get("EXISTING_FOUNDRY_ACCOUNT", "").strip():
        kinds.pop("foundry")
    if not is_set("PRIVATE_NETWORK"):
        kinds.pop("private")
    needed = [
        "Microsoft.Resources/deployments/write",
        "Microsoft.Resources/subscriptions/resourceGroups/write",
    ]
    needed += [f"{kind}/write" for group in kinds.values() for kind in group]
    roles = ("EXISTING_DEPLOYMENT_ROLE_ID", "EXISTING_QUOTA_ROLE_ID", "EXISTING_INFERENCE_ROLE_ID")
    if not all(os.environ.get(name, "").strip() for name in roles):
        needed.append("Microsoft.Authorization/roleDefinitions/write")
    missing = [action for action in needed if not is_allowed(held, action)]
    if missing:
        named = ", ".join(missing[:_NAMED_MAX])
        more = f" and {len(missing) - _NAMED_MAX} more" if len(missing) > _NAMED_MAX else ""
        raise Stop(
            f"You may not {named}{more} in the subscription. docs/permissions.md#who-deploys says which roles do, and how to "
            f"go on without defining roles ({', '.join(roles)})."
        )


def is_allowed(held: list[dict[str, Any]], action: str, kind: str = "actions") -> bool:
    """Whether one of these permissions, as Azure lists those of a role or a person, allows an action; or a data action."""

    def fits(patterns: list[str] | None) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns or [])

    return any(
        fits(each.get(kind)) and not fits(each.get(f"not{kind[0].upper()}{kind[1:]}")) for each in held
    )


def check_watching(names: Names) -> None:
    """There is room for the setting that sends the activity log to the workspace."""
    if is_set("WATCH_DEPLOYMENTS", "false"):
        say("Deployments of models: nobody watches who makes them (WATCH_DEPLOYMENTS)")
        return
    given = az("monitor", "diagnostic-settings", "subscription", "list", "--query", "value[].name") or []
    if names.diagnostics not in given and len(given) >= _SETTINGS_MAX:
        raise Stop(
            f"The subscription has {len(given)} diagnostic settings, as many as Azure takes: remove one, or go on without "
            "the alert for deployments that the app did not make: azd env set WATCH_DEPLOYMENTS false"
        )


def _resources(names: Names) -> frozenset[str]:
    """Names of what is in our group; empty without one."""
    if not az("group", "exists", "--name", names.resource_group):
        return frozenset()
    where = ("--resource-group", names.resource_group)
    return frozenset(az("resource", "list", *where, "--query", "[].name") or [])


def _budget_start(names: Names, now: datetime, *, is_there: bool) -> str:
    """The first day of the budget, which may never change; a new one may not begin before this month."""
    if os.environ.get("MONTHLY_BUDGET", "").strip() == "0":
        say("Budget: none in this deployment (MONTHLY_BUDGET is 0); one that exists stays as it is")
        return ""
    this_month = f"{now:%Y-%m}-01T00:00:00Z"
    if not is_there:
        return this_month
    group = f"{ARM}/subscriptions/{names.subscription}/resourceGroups/{names.resource_group}"
    url = f"{group}/providers/Microsoft.Consumption/budgets?api-version=2023-11-01"
    shown = "value[].{name: name, start: properties.timePeriod.startDate}"
    found = az("rest", "--method", "get", "--url", url, "--query", shown) or []
    own = next((budget["start"] for budget in found if budget["name"] == names.budget), None)
    return f"{own[:10]}T00:00:00Z" if own else this_month


def _system_topic(names: Names) -> tuple[str, str]:
    """Name and principal of the topic that somebody else made for our storage; empty without one.

    Raises:
        Stop: if it is in another resource group.
    """
    account = (
        f"/subscriptions/{names.subscription}/resourceGroups/{names.resource_group}"
        f"/providers/Microsoft.Storage/storageAccounts/{names.data_account}"
    )
    shown = "[].{id: id, name: name, source: source, principal: identity.principalId}"
    for topic in az("eventgrid", "system-topic", "list", "--query", shown) or []:
        if topic["source"].lower() != account.lower() or topic["name"] == names.system_topic:
            continue
        if f"/resourcegroups/{names.resource_group}/".lower() not in topic["id"].lower():
            raise Stop(
                f"Somebody made a system topic for {names.data_account} in another resource group, and Azure allows one only: "
                f"{topic['id']}. Move it to {names.resource_group}, or ask its owner to delete it."
            )
        say(f"Event Grid: the system topic {topic['name']} is somebody else's; it is used and not changed")
        if not topic["principal"]:
            say(
                "  It has no identity: events that cannot be delivered are dropped. The timer finds their uploads."
            )
        return topic["name"], topic["principal"] or ""
    return "", ""


def _is_deleted(names: Names, there: frozenset[str]) -> bool:
    """Whether our Foundry account was deleted and still holds its name.

    Raises:
        Stop: if it was in another region, from which it cannot be brought back into this one.
    """
    if os.environ.get("EXISTING_FOUNDRY_ACCOUNT", "").strip() or names.foundry_account in there:
        return False
    try:
        deleted = az(
            "cognitiveservices", "account", "list-deleted", "--query", "[].{name: name, at: location}"
        )
    except Stop as problem:
        if _UNREGISTERED in str(problem):  # nobody has ever used Foundry in this subscription
            return False
        raise
    own = next((account for account in deleted or [] if account["name"] == names.foundry_account), None)
    if own is None:
        return False
    wanted = os.environ.get("FOUNDRY_LOCATION", "").strip() or "swedencentral"
    if _region(own["at"]) != _region(wanted):
        raise Stop(
            f"The deleted Foundry account {own['name']} still holds its name in {own['at']}, not in {wanted}. Go back there "
            f"(azd env set FOUNDRY_LOCATION {_region(own['at'])}), or give the name up for good: az cognitiveservices account "
            f"purge --location {_region(own['at'])} --resource-group {names.resource_group} --name {own['name']}"
        )
    say(f"Foundry: the deleted account {own['name']} still holds its name, and is brought back")
    return True


def _region(name: str) -> str:
    """`Sweden Central` is `swedencentral`."""
    return name.replace(" ", "").lower()
