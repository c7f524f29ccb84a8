"""Through Microsoft's worker library: the trace of the host goes on in the app, although functions run in other threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functions.declared import FUNCTIONS

ROOT = Path(__file__).parents[2]
SETTINGS = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module", params=["true", "false"], ids=["worker attaches", "worker does not"])
def probed(request):
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | SETTINGS
    environ |= {"TRUST_LOCAL_PRINCIPAL": "false", "PYTHON_ENABLE_OPENTELEMETRY": request.param}
    command = [sys.executable, str(ROOT / "tests/telemetry/trace_probe.py"), str(ROOT)]
    done = subprocess.run(
        [*command, f"00-{TRACE}-{PARENT}-01"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_span_of_the_host_is_the_parent_of_the_invocation(probed):
    first = probed["spans"][0]

    assert first["name"] == "finetune.door list_runs"
    assert (first["trace"], first["parent"]) == (TRACE, PARENT)
    assert first["attributes"] == {
        "finetune.function": "list_runs",
        "error.type": "unauthenticated",
        "http.response.status_code": 401,
    }


def test_an_invocation_without_a_trace_begins_its_own(probed):
    second = probed["spans"][1]

    assert second["parent"] is None
    assert second["trace"] != TRACE


def test_every_function_is_still_there(probed):
    assert set(probed["functions"]) == set(FUNCTIONS)
