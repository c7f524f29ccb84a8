"""Whatever is sent to whichever route, the answer has the documented form, and is no failure of the app."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functions.declared import API, FUNCTIONS

ROOT = Path(__file__).parents[2]
SETTINGS = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]
#: Routes with the name of something that may not be there.
NAMING = {name for name, declared in FUNCTIONS.items() if declared.route in API and "{" in declared.route}
ACTING = {"decide_gate", "cancel_run", "retry_run", "rejudge_run"}


def fuzzed(count, seed):
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | SETTINGS
    command = [sys.executable, str(ROOT / "tests" / "functions" / "fuzz_probe.py"), str(ROOT)]
    done = subprocess.run(
        [*command, str(count), str(seed)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(found, count):
    assert found["problems"] == []
    answers = {name: {int(status) for status in counted} for name, counted in found["answers"].items()}
    assert sum(sum(counted.values()) for counted in found["answers"].values()) == count
    assert not {status for seen in answers.values() for status in seen if status >= 500}
    for name, seen in answers.items():
        is_answered = seen & {200, 202} or name == "rejudge_run"  # which asks for a whole folder of evidence
        assert is_answered, f"{name} never answered what was asked"
        assert name == "health" or {401, 403} | ({404} if name in NAMING else set()) <= seen, name
        assert name not in ACTING or {400, 409} <= seen, name


@pytest.mark.slow
def test_no_request_is_too_odd():
    check(fuzzed(500, 1), 500)


@pytest.mark.soak
def test_no_request_is_too_odd_in_a_long_campaign():
    check(fuzzed(10_000, 2), 10_000)
