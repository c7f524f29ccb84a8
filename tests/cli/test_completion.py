"""Completion: bash is asked itself; the other shells' texts are held to the parsers."""

import re
import shutil
import subprocess

import pytest

from cli.main import COMMANDS
from cli.options import IDENTITIES
from local.host.easyauth import ROLES
from shared.core.spec import MethodType

APP_OPTIONS = {"--app", "--client-id", "--storage", "--local", "--state", "--as"}


def completed(run, words):
    """What bash offers after some words, of which the last one is completed."""
    text = run("completion", "bash")[1]
    listed = " ".join(f"'{word}'" for word in words)
    script = f"""{text}
COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}
_foundry_finetune
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr == ""
    return set(filter(None, done.stdout.splitlines()))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("",), {*COMMANDS, "-h", "--help", "--version"}),
        (("wa",), {"watch", "waiting"}),
        (("runs", "--pipe"), {"--pipeline"}),
        (("runs", "--json", "--l"), {"--limit", "--local"}),
        (("validate", "--method", ""), set(MethodType)),
        (("validate", "--pipeline", ""), set()),
        (("validate", "--rep"), {"--repair"}),
        (("runs", "--status", "aw"), {"awaiting_approval", "awaiting_spend_approval"}),
        (("runs", "--as", ""), set(IDENTITIES)),
        (("watch", ""), {"-h", "--help", *APP_OPTIONS, "--json"}),
        (("pipelines", ""), {"list", "show", "check", "put", "get", "-h", "--help"}),
        (("pipelines", "put", "--over"), {"--overwrite"}),
        (("evidence", ""), {"pull", "-h", "--help"}),
        (("evidence", "pull", "abc", "--as"), {"--as"}),
        (("completion", ""), {"bash", "zsh", "fish", "-h", "--help"}),
        (("runs", "--pipeline", "runs", "--lim"), {"--limit"}),
        (("nothing", "x"), set()),
    ],
)
def test_bash_offers_what_may_follow(run, words, offered):
    assert completed(run, ("foundry-finetune", *words)) == offered


@pytest.mark.parametrize(
    "words",
    [
        *(("validate",), ("init",), ("pipelines", "check"), ("pipelines", "put"), ("drop", "support")),
        *(("evidence", "pull", "abc"), ("validate", "--method", "dpo")),
    ],
)
def test_bash_offers_files_where_a_command_is_about_them(run, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    for name in ("training.jsonl", "my rows.jsonl"):
        (tmp_path / name).touch()

    assert completed(run, ("foundry-finetune", *words, "")) == {"training.jsonl", "my rows.jsonl"}
    assert completed(run, ("foundry-finetune", *words, "my")) == {"my rows.jsonl"}


def test_who_there_is_in_a_local_cloud_is_known():
    assert set(IDENTITIES) == set(ROLES)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_each_command_and_option(run, shell):
    code, text, err = run("completion", shell)
    assert (code, err) == (0, "")
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text)
    for option in ("overwrite", "response-format", "no-wait", "digest"):
        assert option in text
    assert "depth" not in text  # an option of earlier releases, which help does not show


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_that_is_here_reads_it(run, shell):
    if shutil.which(shell) is None:
        lines = run("completion", shell)[1].splitlines()
        assert shell == "zsh" or all(line.startswith("complete -c foundry-finetune ") for line in lines)
        assert shell == "fish" or lines[0] == "autoload -U +X bashcompinit && bashcompinit"
        return
    text = run("completion", shell)[1]
    done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_a_wrong_call(run):
    assert run("completion", "tcsh")[0] == 2
