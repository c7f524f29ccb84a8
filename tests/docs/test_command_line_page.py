"""The examples of the page about the command line, executed: what it shows is what comes out."""

import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import cli.moments
from cli.main import main
from cli.scores import read_exam
from shared.core import artifacts
from shared.core.evaluation.evidence import Basis, judge_by, score_lines
from shared.core.evaluation.looks import Look
from shared.core.evaluation.summary import summary_of
from shared.core.spec import PromoteRule
from shared.core.status import Status
from shared.run_folder import RunFolder
from tests.cli.deployed import AT, Deployed

SAMPLE = Path(__file__).parents[2] / "samples/datasets/pubmed-summarization/training.jsonl"
PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
FILES = dict(re.findall(r"`([\w.]+)`:\n\n```jsonl\n(.+?)```", PAGE.read_text(), re.DOTALL))
EXAMPLES = re.findall(
    r"```\nfoundry-finetune ([^\n]+)\n```\n\n```text\n(.*?)```", PAGE.read_text(), re.DOTALL
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the reader of the page is: with its files, and the evidence of a run that compared them."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "training.jsonl").write_bytes(SAMPLE.read_bytes())
    (tmp_path / "support.yaml").write_text("model: gpt-4.1-2025-04-14\n")
    monkeypatch.chdir(tmp_path)
    labels = {"candidate": "support-0123", "baseline-1": "gpt-4.1"}
    exam = msgspec.structs.replace(read_exam(Path("tuned.jsonl"), [Path("base.jsonl")]), labels=labels)
    basis = Basis(
        metric="similarity",
        is_similarity=True,
        labels=labels,
        skipped=(),
        rule=PromoteRule(),
        look=Look(set=1, pipeline=3),
        app_version="0.3.0",
    )
    summary = summary_of(exam, basis, judge_by(exam, basis), digest="sha256:0")
    evidence = tmp_path / "evaluation"
    evidence.mkdir()
    (evidence / "scores.jsonl").write_bytes(b"\n".join(score_lines(exam)))
    (evidence / "rule.json").write_bytes(msgspec.json.encode(basis))
    (evidence / "summary.json").write_bytes(msgspec.json.encode(summary))


@pytest.fixture
def app(monkeypatch):
    """What stands behind the address of the reader: an app with a run in each status, at noon of a day."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(cli.moments, "now", lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))
    made = Deployed(monkeypatch)
    pinned = b'{"spec": {"name": "summaries", "model": "gpt-4.1", "method": {"hyperparameters": {}}}}'
    RunFolder(made.world.artifacts, AT[Status.AWAITING_APPROVAL]).write(artifacts.PINNED, pinned)
    return made


def test_there_are_examples_of_scores_of_answers_and_of_evidence():
    assert set(FILES) == {"tuned.jsonl", "base.jsonl", "rows.jsonl", "ours.jsonl", "theirs.jsonl"}
    commands = [command.split()[0] for command, _ in EXAMPLES]
    assert commands.count("compare") == 4
    assert {"init", "runs", "waiting", "approve", "evidence", "pipelines"} <= set(commands)


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
@pytest.mark.usefixtures("folder", "app")
def test_an_example_shows_what_comes_out(monkeypatch, capsys, command, shown):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune", *shlex.split(command)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()

    assert err == ""
    assert "\n".join(map(str.rstrip, out.splitlines())) == shown.rstrip("\n")
    assert ended.value.code == (1 if shown.startswith(("not_better", "unproven")) else 0)
