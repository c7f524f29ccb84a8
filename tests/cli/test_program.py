"""The command line in a process of its own: how it is called, interrupted, and read by others."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.version import VERSION
from tests.core.dataset.rows import many

ROOT = Path(__file__).parents[2]


def call(*command, **options):
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_it_runs_as_a_module_of_a_checkout():
    done = call("cli", "explain", "DS001")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("DS001")


def test_help_names_the_module_when_that_was_called():
    assert call("cli", "validate", "--help").stdout.startswith(f"usage: {sys.executable} -m cli validate ")


def test_it_knows_its_version():
    assert call("cli", "--version").stdout == f"foundry-finetune {VERSION}\n"


def test_without_a_command_it_says_how_it_is_used():
    done = call("cli")

    assert done.returncode == 2
    assert "required: COMMAND" in done.stderr


def test_the_name_of_earlier_releases_says_what_to_call_now():
    done = call("shared", "validate", "my file.jsonl")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"The command line is no longer `python -m shared`. Say: {sys.executable} -m cli validate 'my file.jsonl'\n"
    )


def test_the_name_of_earlier_releases_loads_nothing():
    loaded = call("shared", env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}).stderr

    assert "shared" in loaded
    assert not any(name in loaded for name in ("shared.core", "rich", "msgspec", "argparse"))


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.slow
def test_nothing_is_written_to_a_reader_who_has_left(tmp_path, form):
    file = tmp_path / "training.jsonl"
    file.write_bytes(b"{\n" * 30_000)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "cli", "validate", file, "--format", form],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.slow
def test_an_interruption_ends_it_with_one_word(tmp_path):
    """A pipe stands for a file that takes long to read; the signal is heard even if it was ignored when the tests began."""
    file = tmp_path / "training.jsonl"
    os.mkfifo(file)
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "validate", str(file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with file.open("wb") as rows:  # returns when the process has opened it, too
        rows.write(many(3))
        rows.flush()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (130, "", "interrupted\n")


@pytest.mark.slow
def test_progress_is_shown_to_people_only(tmp_path):
    file = tmp_path / "training[b].jsonl"
    file.write_bytes(many(30))
    reading, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "cli", "validate", file],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=False,
        timeout=60,
    )
    shown = os.read(reading, 65536)
    os.close(terminal)
    os.close(reading)

    assert done.returncode == 0
    assert b"training[b].jsonl" in shown
    assert b"\x1b" not in done.stdout
    assert call("cli", "validate", file).stderr == ""
