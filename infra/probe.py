"""Tries on a live deployment what could not be tried without a subscription: `python -m infra.probe`, after `azd up`.

Each probe says what it asks, what it saw, and PASS, FAIL or SKIP.  It costs next to nothing: it drops one file that validation
refuses, and starts no job.  Who runs it is signed in to az, has the app role FineTune.Reader but *not* FineTune.Approver, may
write the container `datasets`, and may read the Log Analytics workspace.  The checklist is docs/limits.md: a row a probe.

    python -m infra.probe              all
    python -m infra.probe NAME ...     some
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.hooks.cloud import ROOT, Stop, az, need, say
from infra.hooks.outside import FORGED, Door, ask, health
from infra.hooks.questions import is_allowed

_WAIT_S = 240.0


class Skip(Exception):
    """The probe does not apply here; the message says why."""


@dataclass(frozen=True)
class Probe:
    """One question to a live deployment."""

    name: str
    asks: str
    ask: Callable[[], str]
    """Returns what was seen; raises `Stop` if it is not as hoped, `Skip` if it cannot be asked."""


def _token() -> str:
    resource = f"api://{need('AUTH_CLIENT_ID')}"
    return str(az("account", "get-access-token", "--resource", resource, "--query", "accessToken"))


def _call(
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    token: str = "",
) -> tuple[int, Any]:
    """Status and JSON of a signed-in request, of whoever runs the probe unless there is another token."""
    sent = {"Authorization": f"Bearer {token or _token()}", "Content-Type": "application/json"}
    sent |= headers or {}
    request = urllib.request.Request(
        f"{need('FUNCTION_APP_URL')}{path}", data=body, method=method, headers=sent
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status), json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refusal:
        text = refusal.read()
        return refusal.code, json.loads(text) if text[:1] == b"{" else None


def _logs(query: str) -> list[dict[str, Any]]:
    workspaces = az(
        "monitor", "log-analytics", "workspace", "list", "--resource-group", need("AZURE_RESOURCE_GROUP")
    )
    if not workspaces:
        raise Skip("no Log Analytics workspace in the resource group")
    arguments = ("--workspace", workspaces[0]["customerId"], "--analytics-query", query)
    return list(az("monitor", "log-analytics", "query", *arguments) or [])


def signed_in() -> str:
    """WEBSITE_AUTH_ENABLED is there on Flex Consumption, and the principal arrives: a signed-in reader reads."""
    status, _ = _call("GET", "/api/runs?limit=1")
    if status != 200:
        raise Stop(
            f"a signed-in reader got {status}; 401 means that the platform sets neither WEBSITE_AUTH_ENABLED nor the principal"
        )
    return "a signed-in reader got 200"


def as_browser() -> str:
    """A browser that did not sign in is led to the sign-in, and a principal of its own changes nothing."""
    url = need("FUNCTION_APP_URL")
    for is_forged in (False, True):
        answer = ask(url, Door("", "GET", "/api/ui", is_browser=True, is_forged=is_forged))
        if not answer.is_sign_in(url):
            sent = "a browser with a forged principal" if is_forged else "a browser"
            raise Stop(
                f"{sent} got {answer}, expected a redirect to the sign-in: people see an empty page, or all of it"
            )
    return f"{answer.status}: led to the sign-in"


def as_client() -> str:
    """A client that did not sign in, and is no browser, gets a plain 401."""
    answer = ask(need("FUNCTION_APP_URL"), Door("", "GET", "/api/runs"))
    if answer.status != 401:
        raise Stop(f"a client got {answer}, expected 401: it would take a sign-in page for an answer")
    return "401"


def forged_principal() -> str:
    """A signed-in person who sends a principal of their own does not get its roles."""
    body = json.dumps({"decision": "approve", "digest": "sha256:" + "0" * 64}).encode()
    status, _ = _call(
        "POST", "/api/runs/probe/gates/deployment", body=body, headers={"X-MS-CLIENT-PRINCIPAL": FORGED}
    )
    if status != 403:
        raise Stop(
            f"got {status}, expected 403: the forged role was believed, or you have FineTune.Approver yourself"
        )
    return "403: the forged role was not believed"


def without_role() -> str:
    """A token of this tenant without an app role reads nothing, whether or not Entra lets such people in."""
    token = os.environ.get("PROBE_TOKEN_WITHOUT_ROLE", "")
    if not token:
        raise Skip(
            "PROBE_TOKEN_WITHOUT_ROLE is not set: a token for the app of somebody who holds none of its roles"
        )
    status, _ = _call("GET", "/api/runs?limit=1", token=token)
    if status not in {401, 403}:
        raise Stop(f"somebody without a role got {status}, expected 401 or 403")
    return f"{status}: nothing without a role"


def roles() -> str:
    """The roles suffice: settings, tables, containers and Foundry answer the app; roles of others allow what it does."""
    lacking = [text for name in ("deployments", "quota", "inference") for text in _lacking(name)]
    if lacking:
        raise Stop("; ".join(lacking))
    failing = [
        f"{c['name']} ({c['code']})" for c in health(need("FUNCTION_APP_URL"))["checks"] if not c["ok"]
    ]
    if failing:
        raise Stop(f"failing: {', '.join(failing)}")
    return "health: all is well"


def _lacking(name: str) -> Iterator[str]:
    """What a custom role that somebody else defined does not allow."""
    variable = {"deployments": "EXISTING_DEPLOYMENT_ROLE_ID"}.get(name, f"EXISTING_{name.upper()}_ROLE_ID")
    role = os.environ.get(variable, "").strip()
    if not role or role == "none":
        return
    found = az("role", "definition", "list", "--name", role, "--query", "[].permissions[]") or []
    wanted = json.loads((ROOT / "infra/custom-roles.json").read_text(encoding="utf-8"))[name]
    for kind, needed in wanted.items():
        missing = [action for action in needed if not is_allowed(found, action, kind)]
        if missing:
            yield f"the role of {variable} lacks {', '.join(missing)}"


def blob_event() -> str:
    """An upload becomes a run through Event Grid, past App Service authentication, with Reader on the container."""
    name = f"probe/{int(time.time())}.jsonl"
    where = ("--account-name", need("DATA_STORAGE_NAME"), "--container-name", "datasets", "--name", name)
    az("storage", "blob", "upload", *where, "--data", "this is no dataset", "--auth-mode", "login")
    begun = time.monotonic()
    while time.monotonic() < begun + float(os.environ.get("PROBE_WAIT_SECONDS", _WAIT_S)):
        _, page = _call("GET", "/api/runs?limit=100")
        if any(run["dataset"] == name for run in (page or {}).get("runs", [])):
            seconds = time.monotonic() - begun
            return f"a run after {seconds:.0f} s; the probe event-delivery tells whether the event or the timer made it"
        time.sleep(float(os.environ.get("PROBE_PAUSE_SECONDS", "5")))
    raise Stop(f"no run for {name}: neither the event nor the timer arrived")


def event_delivery() -> str:
    """Event Grid has delivered events, and none was dead-lettered."""
    group, topic = need("AZURE_RESOURCE_GROUP"), need("SYSTEM_TOPIC_NAME")
    topic_id = az(
        "eventgrid", "system-topic", "show", "--resource-group", group, "--name", topic, "--query", "id"
    )
    names = "DeliverySuccessCount DeadLetteredCount"
    metrics = az(
        *("monitor", "metrics", "list", "--resource", topic_id, "--offset", "1h"),
        *("--aggregation", "Total", "--metrics", *names.split()),
    )
    totals = {
        metric["name"]["value"]: sum(
            point.get("total") or 0 for series in metric["timeseries"] for point in series["data"]
        )
        for metric in metrics["value"]
    }
    if not totals.get("DeliverySuccessCount") or totals.get("DeadLetteredCount"):
        raise Stop(f"{totals} in the last hour; metrics lag by minutes, so ask again once")
    return f"{totals} in the last hour"


def _data_storage(query: str) -> Any:
    """A property of the account that the datasets lie in."""
    where = ("--resource-group", need("AZURE_RESOURCE_GROUP"), "--name", need("DATA_STORAGE_NAME"))
    return az("storage", "account", "show", *where, "--query", query)


def shared_keys() -> str:
    """Storage takes no account key."""
    allowed = _data_storage("allowSharedKeyAccess")
    if allowed is not False:
        raise Stop(f"allowSharedKeyAccess is {allowed}")
    return "keys are off"


def function_settings() -> str:
    """Flex Consumption kept every app setting that the template gave it."""
    group, app = need("AZURE_RESOURCE_GROUP"), need("FUNCTION_APP_NAME")
    arguments = ("--resource-group", group, "--name", app, "--query", "[].name")
    kept = set(az("functionapp", "config", "appsettings", "list", *arguments))
    missing = {
        "DATASETS__blobServiceUri",
        "STATE__tableServiceUri",
        "DEPLOYER_CLIENT_ID",
        "POLL_SCHEDULE",
    } - kept
    if missing:
        raise Stop(f"missing: {', '.join(sorted(missing))}")
    return f"{len(kept)} settings"


def telemetry() -> str:
    """Telemetry arrives without a key: what the app sends is in the workspace."""
    rows = _logs(
        "union AppRequests, AppTraces | where TimeGenerated > ago(30m) | summarize Records = count()"
    )
    records = int(rows[0]["Records"]) if rows else 0
    if not records:
        raise Stop("no record of the app in half an hour; logs lag by up to ten minutes after a deployment")
    return f"{records} records in half an hour"


def private_names() -> str:
    """In a private network, storage is not reachable from outside of it and of the allowed ranges."""
    if os.environ.get("PRIVATE_NETWORK", "").lower() != "true":
        raise Skip("PRIVATE_NETWORK is off")
    action = _data_storage("networkRuleSet.defaultAction")
    if action != "Deny":
        raise Stop(f"defaultAction is {action}")
    return "defaultAction is Deny"


PROBES = (
    Probe("signed-in", "App Service authentication on Flex Consumption", signed_in),
    Probe("as-browser", "is a browser led to the sign-in", as_browser),
    Probe("as-client", "does another client get 401", as_client),
    Probe("forged-principal", "are forged principals stripped", forged_principal),
    Probe("without-role", "does nobody read without a role", without_role),
    Probe("roles", "do the roles suffice", roles),
    Probe("blob-event", "does an upload become a run", blob_event),
    Probe("event-delivery", "did Event Grid deliver it", event_delivery),
    Probe("shared-keys", "are account keys off", shared_keys),
    Probe("function-settings", "did Flex keep the app settings", function_settings),
    Probe("telemetry", "does telemetry arrive without a key", telemetry),
    Probe("private-names", "is the private network closed", private_names),
)


def main(names: list[str]) -> int:
    """Ask; 1 if anything is not as hoped."""
    chosen = [probe for probe in PROBES if not names or probe.name in names]
    if len(chosen) < len(set(names)):
        say(f"The probes are {', '.join(probe.name for probe in PROBES)}.")
        return 2
    failed = 0
    for probe in chosen:
        try:
            say(f"PASS  {probe.name}: {probe.ask()}")
        except Skip as reason:
            say(f"SKIP  {probe.name}: {reason}")
        except Stop as problem:
            failed += 1
            say(f"FAIL  {probe.name}: {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
