"""The live probe, against a fake Azure CLI and a small server: it passes what is right and fails what is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.probe import PROBES
from tests.hooks.fake_azure import App, Azure, provisioned

ROOT = Path(__file__).parents[2]


def probe(azure: Azure, app: App, *names: str, **environ: str) -> subprocess.CompletedProcess[str]:
    azure.write()
    given = provisioned(app) | {"AUTH_CLIENT_ID": "c", "PROBE_PAUSE_SECONDS": "0", "PROBE_WAIT_SECONDS": "5"}
    given |= {"PROBE_TOKEN_WITHOUT_ROLE": "roleless"}
    paths = {"PATH": f"{azure.home}:/usr/bin:/bin", "FAKE_HOME": str(azure.home), "HOME": os.environ["HOME"]}
    command = [sys.executable, "-m", "infra.probe", *names]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=paths | given | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def live(azure, app):
    """A deployment where all is well."""
    azure.answers("get-access-token", answer=["token"])
    azure.answers("storage account show", "allowSharedKeyAccess", answer=[False])
    azure.answers("storage account show", "defaultAction", answer=["Deny"])
    names = ["DATASETS__blobServiceUri", "STATE__tableServiceUri", "DEPLOYER_CLIENT_ID", "POLL_SCHEDULE"]
    azure.answers("appsettings list", answer=[names])
    azure.answers("workspace list", answer=[[{"customerId": "w"}]])
    azure.answers("log-analytics query", answer=[[{"Records": "30"}]])
    azure.answers("system-topic show", answer=["/topic"])

    def totals(delivered, dead):
        pairs = (("DeliverySuccessCount", delivered), ("DeadLetteredCount", dead))
        return {"value": [{"name": {"value": n}, "timeseries": [{"data": [{"total": v}]}]} for n, v in pairs]}

    azure.answers("monitor metrics list", answer=[totals(1.0, 0.0)])
    app.statuses |= {"/api/runs": [200], "/api/runs/probe/gates/deployment": [403], "/api/health": [200]}
    app.forged, app.anonymous = 403, 401
    app.health = {"ok": True, "checks": [{"name": "settings", "ok": True, "code": None, "remedy": None}]}
    azure.totals = totals
    return azure, app


QUICK = [p.name for p in PROBES if p.name != "blob-event"]


def test_all_is_well(live):
    done = probe(*live, *QUICK, PRIVATE_NETWORK="true")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASS") == len(QUICK)


def test_what_does_not_apply_is_skipped_and_reported(live):
    done = probe(*live, "private-names")

    assert done.returncode == 0
    assert "SKIP  private-names: PRIVATE_NETWORK is off" in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("signed-in", "got 401"),
        ("as-browser", "a browser got 200, expected a redirect to the sign-in"),
        ("as-client", "a client got 302, which leads to /sign-in, expected 401"),
        ("forged-principal", "the forged role was believed"),
        ("without-role", "somebody without a role got 200"),
        ("roles", "failing: state tables (unauthorized)"),
        ("shared-keys", "allowSharedKeyAccess is True"),
        ("function-settings", "missing: DATASETS__blobServiceUri"),
        ("telemetry", "no record of the app"),
        ("event-delivery", "DeadLetteredCount"),
        ("private-names", "defaultAction is Allow"),
        ("blob-event", "neither the event nor the timer"),
    ],
)
def test_what_is_not_as_hoped_fails(live, name, words):
    azure, app = live
    azure.script = [entry for entry in azure.script if entry[0] == ["get-access-token"]]
    azure.answers("storage account show", "allowSharedKeyAccess", answer=[True])
    azure.answers("storage account show", "defaultAction", answer=["Allow"])
    azure.answers("appsettings list", answer=[["POLL_SCHEDULE"]])
    azure.answers("workspace list", answer=[[{"customerId": "w"}]])
    azure.answers("log-analytics query", answer=[[]])
    azure.answers("system-topic show", answer=["/topic"])
    azure.answers("monitor metrics list", answer=[azure.totals(1.0, 1.0)])
    app.statuses |= {"/api/runs": [401], "/api/health": [503]}
    app.forged, app.roleless = 404, 200
    app.browser, app.anonymous = 200, 302
    check = {"name": "state tables", "ok": False, "code": "unauthorized", "remedy": ""}
    app.health = {"ok": False, "checks": [check]}

    done = probe(azure, app, name, PRIVATE_NETWORK="true", PROBE_WAIT_SECONDS="0")

    assert done.returncode == 1
    assert f"FAIL  {name}: " in done.stdout
    assert words in done.stdout


def test_a_role_of_others_that_lacks_an_action_is_named(live):
    azure, app = live
    given = {"actions": ["Microsoft.CognitiveServices/accounts/*"], "dataActions": []}
    azure.answers("role definition list", answer=[[given]])

    enough = probe(azure, app, "roles", EXISTING_DEPLOYMENT_ROLE_ID="r", EXISTING_QUOTA_ROLE_ID="none")
    too_little = probe(azure, app, "roles", EXISTING_INFERENCE_ROLE_ID="r")

    assert enough.returncode == 0, enough.stdout
    assert too_little.returncode == 1
    assert (
        "EXISTING_INFERENCE_ROLE_ID lacks Microsoft.CognitiveServices/accounts/OpenAI/dep"
        in too_little.stdout
    )


def test_an_upload_that_became_a_run_is_seen(live):
    azure, app = live
    app.upload_of = azure

    done = probe(azure, app, "blob-event")

    assert done.returncode == 0, done.stdout
    upload = next(call for call in azure.calls if "upload" in call)
    assert upload[upload.index("--auth-mode") + 1] == "login"


def test_without_a_token_without_role_there_is_nothing_to_try(live):
    done = probe(*live, "without-role", PROBE_TOKEN_WITHOUT_ROLE="")

    assert done.returncode == 0
    assert "SKIP  without-role: PROBE_TOKEN_WITHOUT_ROLE" in done.stdout


def test_an_unknown_probe_is_refused(live):
    done = probe(*live, "everything")

    assert done.returncode == 2
    assert "blob-event" in done.stdout


def test_the_checklist_has_every_probe():
    page = (ROOT / "docs/limits.md").read_text()

    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == [p.name for p in PROBES]
