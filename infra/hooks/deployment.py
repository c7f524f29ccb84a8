"""Makes a deployed app an app that works."""

from __future__ import annotations

import os
import re
from typing import Final

from infra.hooks.cloud import ARM, ROOT, Stop, az, eventually, need, say
from infra.hooks.outside import look_from_outside

API: Final = "api-version=2024-04-01"


def postdeploy() -> None:
    """Tell the app about uploads, make the platform know its functions, and look at it from outside."""
    group, app = need("AZURE_RESOURCE_GROUP"), need("FUNCTION_APP_NAME")
    subscription = need("AZURE_SUBSCRIPTION_ID")
    site = f"{ARM}/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/{app}"

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
            f"hasDeadLetters={'true' if has_dead_letters() else 'false'}",
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


def has_dead_letters() -> bool:
    """Whether the topic has an identity that writes them: ours has, somebody else's may have."""
    is_ours = not os.environ.get("EXISTING_SYSTEM_TOPIC", "").strip()
    return is_ours or bool(os.environ.get("EXISTING_SYSTEM_TOPIC_PRINCIPAL", "").strip())
