"""`python -m local drop|status|approve` and the make targets: commands of `cli` on the local cloud."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import cli as local_cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def called(monkeypatch):
    """What `cli` is called with."""
    calls = []

    def call(arguments, **more):
        calls.append((list(arguments), more))
        return 0

    monkeypatch.setattr(local_cli, "call", call)
    monkeypatch.setattr(local_cli, "_running", lambda _: SimpleNamespace())
    # `main` handles interrupts in its own way; the tests' process keeps its own.
    monkeypatch.setattr(local_cli.signal, "signal", lambda *_: None)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["local", *words])
        with pytest.raises(SystemExit) as ended:
            local_cli.main()
        assert ended.value.code == 0
        return calls[-1]

    return run


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("status",), ["runs"]),
        (("drop", "--pipeline", "p", "a", "b"), ["drop", "p", "a", "b"]),
        (("drop", "--pipeline", "p", "--no-wait", "a"), ["drop", "p", "a", "--no-wait"]),
        (("approve", "r"), ["approve", "r", "--comment", "", "--as", "approver"]),
        (
            ("approve", "r", "--as", "approver-2", "--comment", "why", "--no-wait", "--yes"),
            ["approve", "r", "--comment", "why", "--as", "approver-2", "--no-wait", "--yes"],
        ),
        (("approve", "r", "--reject"), ["reject", "r", "--comment", "", "--as", "approver"]),
        (("approve", "r", "--withdraw", "--no-wait"), ["withdraw", "r", "--comment", "", "--as", "approver"]),
        (("approve", "r", "--hold", "--comment", "?"), ["hold", "r", "--comment", "?", "--as", "approver"]),
    ],
)
def test_a_command_of_the_local_cloud_is_one_of_the_command_line(called, words, command):
    arguments, more = called(*words, "--state", "/tmp/x")

    assert arguments == [*command, "--state", "/tmp/x"]
    assert more == {"hint": "make approve RUN={run} STATE=/tmp/x"}


def ask_make(*arguments, environ=None, **more):
    """What make prints, the same when the tests themselves were started by make."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | (
        environ or {}
    )
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env=kept, **more
    ).stdout


def made(target, *variables, **environ):
    """The command that make would call."""
    return ask_make("-n", "-o", "setup", target, *variables, environ=environ).splitlines()[-1].split()


def test_make_passes_its_variables_on():
    python = [".venv/bin/python", "-m", "local"]
    assert made("status", "STATE=x") == [*python, "status", "--state", "x"]
    assert made("drop", "PIPELINE=p", "FILE=a b") == [
        *python,
        *("drop", "--state", ".local/cloud", "--pipeline", '"p"', "a", "b"),
    ]
    approve = [*python, "approve", "--state", ".local/cloud"]
    assert made("approve", "RUN=r") == [*approve, "--comment", '"$COMMENT"', "r"]
    with_all = made("approve", "RUN=r", "DECISION=reject", "AS=approver-2", "COMMENT=x")
    assert with_all == [*approve, "--reject", "--as", "approver-2", "--comment", '"$COMMENT"', "r"]
    assert "--hold" in made("approve", "RUN=r", "DECISION=hold")
    assert "--as" in made("approve", "RUN=r", AS="operator")


def test_a_comment_reaches_the_command_as_it_is_written():
    """It is a variable of the shell, so that no quote, dollar or semicolon of it is a command."""
    comment = """it's $5, $HOME, $(HOME); "worth" `it`"""
    makefile = 'include Makefile\nshow: ; @printf %s "$$COMMENT"\n'
    assert ask_make("-f", "-", "show", f"COMMENT={comment}", input=makefile) == comment
