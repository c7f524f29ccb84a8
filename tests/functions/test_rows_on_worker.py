"""Who may see rows, as Microsoft's worker library answers them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SETTINGS = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]
ROWS = {
    "evaluation/answers/candidate-0000.json",
    "evaluation/comparison.csv",
    "evaluation/superseded-1/comparison.csv",
    "evaluation/of-a-later-release.json",
    "quarantine/training.jsonl",
    "repairs/training.jsonl",
}
SHOWN_WITHOUT = {"report.json", "report.md", "the run"}


@pytest.fixture(scope="module")
def answers():
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | SETTINGS
    command = [sys.executable, str(ROOT / "tests" / "functions" / "rows_probe.py"), str(ROOT)]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_with_the_role_everything_is_shown_but_what_is_prepared(answers):
    for name, (status, text) in answers["may"].items():
        assert status == (404 if name.startswith("prepared/") else 200), name
        assert ("canary" in text) is (name in ROWS | SHOWN_WITHOUT), name


@pytest.mark.parametrize("who", ["approver", "nobody special"])
def test_without_it_rows_are_refused_with_its_name_and_pages_have_none(answers, who):
    assert answers[who].keys() == answers["may"].keys() >= ROWS | SHOWN_WITHOUT
    for name, (status, text) in answers[who].items():
        assert "canary" not in text, name
        if name in ROWS:
            assert status == 403, name
            assert "does not have the app role FineTune.Operator" in json.loads(text)["error"]["message"]
        else:
            assert status == (404 if name.startswith("prepared/") else 200), name
    assert "DS080" in answers[who]["report.md"][1]
    assert json.loads(answers[who]["the run"][1])["findings"][0]["excerpt"] is None
