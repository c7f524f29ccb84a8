"""The command line in this process."""

import sys

import pytest

from cli.main import main
from tests.core.dataset.rows import many


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command; its exit code, output and errors."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["foundry-finetune", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


@pytest.fixture
def file(tmp_path):
    """A file without errors, of 30 rows."""
    path = tmp_path / "training.jsonl"
    path.write_bytes(many(30))
    return path
