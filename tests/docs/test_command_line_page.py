"""The examples of the page about the command line, executed: what it shows is what comes out."""

import re
import shlex
import sys
from pathlib import Path

import msgspec
import pytest

from cli.main import main
from cli.scores import read_exam
from shared.core.evaluation.evidence import Basis, judge_by, score_lines
from shared.core.evaluation.looks import Look
from shared.core.evaluation.summary import summary_of
from shared.core.spec import PromoteRule

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
FILES = dict(re.findall(r"`([\w.]+)`:\n\n```jsonl\n(.+?)```", PAGE.read_text(), re.DOTALL))
EXAMPLES = re.findall(
    r"```\nfoundry-finetune (compare [^\n]+)\n```\n\n```text\n(.*?)```", PAGE.read_text(), re.DOTALL
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the reader of the page is: with its files, and the evidence of a run that compared them."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
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


def test_there_are_examples_of_scores_of_answers_and_of_evidence():
    assert set(FILES) == {"tuned.jsonl", "base.jsonl", "rows.jsonl", "ours.jsonl", "theirs.jsonl"}
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
@pytest.mark.usefixtures("folder")
def test_an_example_shows_what_comes_out(monkeypatch, capsys, command, shown):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune", *shlex.split(command)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()

    assert err == ""
    assert out == shown
    assert ended.value.code == (0 if shown.startswith(("better", "as_good")) else 1)
