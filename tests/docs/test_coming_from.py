"""The pages for people who come from elsewhere, executed: their files are taken, their commands say what is shown."""

import json
import re
import shlex
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

import cli.client
from cli.client import Client
from cli.main import main
from cli.sending import Reply
from shared.core.pipeline.file import parse_pipeline

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples/datasets/pubmed-summarization/training.jsonl"
PAGES = ("from-openai", "from-a-notebook")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(name, kind):
    return [text for found, text in BLOCK.findall((ROOT / f"docs/{name}.md").read_text()) if found == kind]


def ran(command, monkeypatch, capsys):
    """Exit code and lines of a command."""
    monkeypatch.setattr(sys, "argv", ["foundry-finetune", *shlex.split(command)[1:]])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return ended.value.code, [line for line in (out + err).splitlines() if line]


def commands(name):
    return [text.strip() for text in blocks(name, "") if text.startswith("foundry-finetune ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_pipeline_files_are_taken(name):
    job, *rest = blocks(name, "yaml")
    # The second block of one page is what is put below its first.
    texts = [job] if not rest else [job, "model: gpt-4.1-mini-2025-04-14\n" + rest[0]]
    for text in texts:
        assert parse_pipeline(text, name="support").spec.model == "gpt-4.1-mini-2025-04-14"


@pytest.mark.slow
def test_a_job_of_openai_is_checked_with_its_data(folder, monkeypatch, capsys):
    (folder / "support.yaml").write_text(blocks("from-openai", "yaml")[0])
    [command], [shown] = commands("from-openai"), blocks("from-openai", "text")

    code, lines = ran(command, monkeypatch, capsys)

    assert code == 0
    assert [line for line in shown.splitlines() if line != "..." and line not in lines] == []


def test_rows_of_an_eval_become_an_evaluation_file(folder, monkeypatch, capsys):
    (folder / "eval.jsonl").write_text(blocks("from-openai", "jsonl")[0])
    exec(blocks("from-openai", "python")[0], {})
    rows = [json.loads(line) for line in (folder / "evaluation.jsonl").read_text().splitlines()]

    code, lines = ran("foundry-finetune validate training.jsonl", monkeypatch, capsys)

    assert rows[0]["messages"][1]["content"] == "Settings, Security, Reset."
    assert code == 0
    assert any(f"{len(rows)} held out" in line for line in lines)


@pytest.mark.usefixtures("folder")
def test_the_cells_of_a_notebook(monkeypatch, capsys):
    stays, last = blocks("from-a-notebook", "python")
    exec(stays, {})
    [command], [shown] = commands("from-a-notebook"), blocks("from-a-notebook", "text")

    code, lines = ran(command, monkeypatch, capsys)

    assert code == 0
    assert [line for line in shown.splitlines() if line not in lines] == []

    answer = json.dumps({"name": "times-seven", "champion": None, "previous": None}).encode()
    app = partial(Client, send=lambda *_: Reply(200, answer))
    monkeypatch.setattr(cli.client, "Client", app)
    found = {"token": "t"}
    exec(last, found)
    assert found["deployment"] == "gpt-4.1-mini"
