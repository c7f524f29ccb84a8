"""From a folder of rows to a deployed model with the command line alone, as a new user would: no curl, no token, no page."""

import csv
import io
import sys

import msgspec
import pytest

from cli.main import main
from shared.core import served
from tests.e2e.driver import SAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

#: Enough to be better, and soon trained on.
ROWS = 100


@pytest.fixture
def call(driver, monkeypatch, capsys):
    """Runs a command against the cloud; its exit code, output and errors."""

    def run(*words, state=driver.cloud.state_dir):
        options = ("--state", str(state)) if state else ()
        monkeypatch.setattr(sys, "argv", ["foundry-finetune", *map(str, words), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_a_dataset_is_deployed_with_commands_alone(call, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    file, dataset = tmp_path / "summaries.yaml", tmp_path / "training.jsonl"
    lines = (SAMPLES / "pubmed-summarization" / "training.jsonl").read_text().splitlines(keepends=True)
    dataset.write_text("".join(lines[:ROWS]))
    assert call("init", dataset, "--out", file, state=None)[0] == 0
    # Somebody is asked about the money, too, so that there are two gates.
    file.write_text(file.read_text().replace("approve_above_usd: 20", "approve_above_usd: 0"))
    assert call("pipelines", "put", file)[0] == 0
    assert "summaries" in call("pipelines", "list")[1]

    code, out, err = call("drop", "summaries", dataset)
    assert (code, err) == (0, "")
    run_id = out.partition("runs: ")[2].split()[0]
    assert f"decide with: foundry-finetune approve {run_id} --state " in out
    assert run_id in call("waiting")[1]
    assert all(len(line) <= 80 for line in call("runs")[1].splitlines())

    assert call("hold", run_id, "--comment", "why so dear?", "--as", "approver-2")[0] == 0
    code, out, _ = call("approve", run_id, "--comment", "it is worth it")
    assert code == 0
    assert "why so dear?" in out
    assert "awaiting_approval" in out  # it stops at the next open gate
    assert call("approve", run_id, "--as", "reader", "--no-wait")[0] == 1

    folder = tmp_path / "evidence"
    assert call("evidence", "pull", run_id, folder)[0] == 0
    assert call("compare", "--evidence", folder, state=None)[1].startswith("better: ")
    assert call("evidence", "pull", run_id, tmp_path / "without-rows", "--as", "reader")[0] == 0
    assert call("compare", "--evidence", tmp_path / "without-rows", state=None)[0] == 0
    assert not (tmp_path / "without-rows" / "evaluation" / "answers").exists()

    code, out, _ = call("approve", run_id, "--comment", "read the losses")
    assert code == 0
    assert f"deployed: summaries-{run_id[:8]}" in out.splitlines()
    run = msgspec.json.decode(call("show", run_id, "--json")[1], type=served.Run)
    assert run.status == "deployed"
    assert run_id in call("pipelines", "show", "summaries")[1]
    rows = list(csv.DictReader(io.StringIO(call("decisions", "--csv")[1])))
    said = [(row["gate"], row["decision"], row["comment"]) for row in rows if row["run"] == run_id]
    assert said == [
        ("spend", "hold", "why so dear?"),
        ("spend", "approve", "it is worth it"),
        ("deployment", "approve", "read the losses"),
    ]
    assert call("watch", run_id)[0] == 0
    assert call("cancel", run_id, "--as", "operator")[0] == 1
    assert call("doctor")[0] == 0
