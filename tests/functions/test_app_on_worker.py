"""The app as Microsoft's worker library indexes and answers it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.messages import QUEUE
from tests.functions.declared import FUNCTIONS

ROOT = Path(__file__).parents[2]
SETTINGS = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]


@pytest.fixture(scope="module")
def probed():
    environ = (
        {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | SETTINGS | {"TRUST_LOCAL_PRINCIPAL": "false"}
    )
    command = [sys.executable, str(ROOT / "tests" / "functions" / "worker_probe.py"), str(ROOT)]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_function_that_is_declared_is_registered(probed):
    missing = [
        f"{declared.module} declares {name}: function_app.py does not register its blueprint"
        for name, declared in FUNCTIONS.items()
        if name not in probed["bindings"]
    ]
    assert missing == []
    assert set(probed["bindings"]) == set(FUNCTIONS)


def test_exactly_these_functions_wake_without_a_request(probed):
    assert {name for name in probed["bindings"] if not FUNCTIONS[name].route} == {
        "advance_poisoned",
        "advance_run",
        "dataset_poisoned",
        "dataset_uploaded",
        "poll_runs",
    }


def test_the_blob_trigger_watches_the_datasets_with_a_client_binding(probed):
    trigger = next(b for b in probed["bindings"]["dataset_uploaded"] if b["type"] == "blobTrigger")

    assert (trigger["path"], trigger["connection"]) == ("datasets/{name}", "DATASETS")
    assert trigger["source"] == "LogsAndContainerScan"
    properties = trigger["properties"]
    assert (
        str(properties.get("SupportsDeferredBinding") or properties.get("supportsDeferredBinding")).lower()
        == "true"
    )


def test_timer_and_queues_have_the_names_of_the_design(probed):
    bindings = probed["bindings"]
    timer = next(b for b in bindings["poll_runs"] if b["type"] == "timerTrigger")
    queues = {
        name: next(b["queueName"] for b in bindings[name] if b["type"] == "queueTrigger")
        for name in ("advance_run", "advance_poisoned", "dataset_poisoned")
    }

    assert (timer["schedule"], timer["runOnStartup"]) == ("%POLL_SCHEDULE%", False)
    assert queues == {
        "advance_run": QUEUE,
        "advance_poisoned": f"{QUEUE}-poison",
        "dataset_poisoned": "webjobs-blobtrigger-poison",
    }


def test_no_route_trusts_a_function_key(probed):
    """App Service authentication and our own check decide; a key is no person."""
    http = [b for all_of in probed["bindings"].values() for b in all_of if b["type"] == "httpTrigger"]

    assert len(http) == sum(1 for declared in FUNCTIONS.values() if declared.route)
    assert {str(b["authLevel"]).lower() for b in http} == {"anonymous"}


@pytest.mark.parametrize("name", [n for n, d in FUNCTIONS.items() if d.route and n != "health"])
def test_without_platform_authentication_nobody_is_anybody(probed, name):
    said = "page" if FUNCTIONS[name].is_page else "unauthenticated"
    assert probed["answers"][name] == [401, said]
