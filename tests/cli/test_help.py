"""The help is read by people: every change of it is seen in a diff."""

import pytest

from tests.cli.help_texts import FOLDER, NAME, texts

RENEW = "if the change is meant: .venv/bin/python -m tests.cli.help_texts"


def test_every_command_has_its_file_and_no_file_is_left_over():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(texts()), RENEW


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_the_help_is_as_it_was(name):
    assert texts()[name] == (FOLDER / name).read_text(), RENEW


@pytest.mark.parametrize("columns", ["40", "80", "250"])
def test_the_width_of_the_terminal_changes_no_file(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    assert texts()[f"{NAME}.txt"] == (FOLDER / f"{NAME}.txt").read_text()


@pytest.mark.parametrize("command", [(), ("validate",), ("explain",)])
def test_help_is_shown_for_the_program_as_it_was_called(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = run(*command, "--help")

    assert (code, out) == (0, (FOLDER / f"{'-'.join([NAME, *command])}.txt").read_text())
