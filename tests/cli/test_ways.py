"""Whatever the API lets people do can be done from the command line and on the page, or stands here with the reason why not."""

import re
from typing import get_args

import pytest

from cli.main import COMMANDS, parser
from functions.openapi import document
from shared.core import served
from shared.core.status import Status
from shared.views.offers import ACTS as ACTS_OF_THE_PAGE
from shared.views.offers import SAYS
from shared.views.pipeline_page import PipelineViews, Storage
from tests.cli.deployed import AT, Deployed
from tests.cli.help_texts import NAME, texts
from tests.functions.populated import world_with_runs

OPERATIONS = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
}
#: Operations that change something.
ACTS = {name for name, (method, _) in OPERATIONS.items() if method != "GET"}
GATE = AT[Status.AWAITING_APPROVAL]
#: Operation -> commands that call it, each with something that it takes.
BY_COMMAND = {
    "decide_gate": [(said, GATE, "--comment", "why") for said in get_args(served.Said)],
    "cancel_run": [("cancel", AT[Status.TRAINING])],
    "retry_run": [("retry", AT[Status.FAILED])],
    "rejudge_run": [("rejudge", AT[Status.NOT_PROMOTED])],
    "list_runs": [("runs",)],
    "get_run": [("show", GATE)],
    "get_artifact": [("evidence", "pull", GATE, "evidence")],
    "list_waiting": [("waiting",)],
    "list_decisions": [("decisions",)],
    "list_pipelines": [("pipelines", "list")],
    "get_pipeline": [("pipelines", "show", "summaries")],
    "health": [("doctor",)],
}
#: Operation -> why no command calls it.
WITHOUT_COMMAND = {
    "get_history": "`show --history` has all lines of a run, which come with the run",
    "get_openapi": "it is for programs, and the same as docs/openapi.json",
}
#: Operation that acts -> acts of the page whose forms do the same.
FORMS = {
    "decide_gate": SAYS,
    "cancel_run": ("cancel",),
    "retry_run": ("retry",),
    "rejudge_run": ("rejudge",),
}
#: Operation that acts -> why no form does the same.
WITHOUT_FORM: dict[str, str] = {}
#: Commands that ask the app for nothing that is an operation.
OF_THEIR_OWN = {
    *("init", "validate", "explain", "compare", "completion"),  # nothing is asked
    *("drop", "watch"),  # storage, and `get_run` again and again
}


def test_every_operation_has_a_command_or_a_reason():
    assert not set(BY_COMMAND) & set(WITHOUT_COMMAND)
    assert set(BY_COMMAND) | set(WITHOUT_COMMAND) == set(OPERATIONS)
    assert all(WITHOUT_COMMAND.values())


def test_what_acts_is_never_without_a_command():
    assert set(WITHOUT_COMMAND) & ACTS == set()


def test_what_acts_has_a_form_or_a_reason():
    assert not set(FORMS) & set(WITHOUT_FORM)
    assert set(FORMS) | set(WITHOUT_FORM) == ACTS
    assert all(WITHOUT_FORM.values())
    assert sorted(act for acts in FORMS.values() for act in acts) == sorted(ACTS_OF_THE_PAGE)


def test_commands_and_forms_bear_the_same_names():
    assert {act for acts in FORMS.values() for act in acts} == {
        command[0] for operation in FORMS for command in BY_COMMAND[operation]
    }


def test_every_command_is_accounted_for():
    assert {command[0] for commands in BY_COMMAND.values() for command in commands} | OF_THEIR_OWN == set(
        COMMANDS
    )


@pytest.mark.parametrize(
    ("operation", "command"),
    [(operation, command) for operation, commands in BY_COMMAND.items() for command in commands],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_command_calls_its_operation(run, monkeypatch, tmp_path, operation, command):
    """What comes of it matters elsewhere: here the app may refuse."""
    monkeypatch.chdir(tmp_path)
    app = Deployed(monkeypatch)
    for checks in ("here_checks", "cloud_checks"):  # of `doctor`: none of them asks the app
        monkeypatch.setattr(f"cli.doctor.{checks}", lambda *_, **__: [])
    if command[0] in {"approve", "reject"}:
        command = (*command, "--no-wait")
    run(*command)
    method, path = OPERATIONS[operation]
    pattern = re.sub(r"\\\{name\\\}", "[^?]+", re.escape(path))
    pattern = re.sub(r"\\\{\w+\\\}", "[^/?]+", pattern) + r"(\?.*)?"

    assert [asked for sent, asked, _ in app.sent if sent == method and re.fullmatch(pattern, asked)]


#: Commands whose result is a file, or text for a shell.
WITHOUT_JSON = {"completion", "pipelines-get"}
#: What has acts below it, and the program itself.
ABOVE = {"", "pipelines", "evidence"}


def test_what_shows_something_shows_it_to_programs_too():
    helps = {name.removesuffix(".txt").removeprefix(NAME).strip("-"): text for name, text in texts().items()}

    assert {name for name, text in helps.items() if "--json" not in text} == WITHOUT_JSON | ABOVE


@pytest.mark.parametrize("account", [None, "stdata"])
def test_what_pages_tell_people_to_call_can_be_called(account):
    """On the local cloud a command of ours; else what reaches the account."""
    world, _ = world_with_runs()
    views = PipelineViews(world, Storage(datasets=account, pipelines=account))
    drop, put = views.page("summaries").drop, views.listing().drop

    if account:
        assert all(
            f"--account-name {account} " in command and "--auth-mode login" in command
            for command in (drop, put)
        )
        assert ("uploaded_by" in drop, "uploaded_by" in put) == (True, False)
    for command in () if account else (drop, put):
        program, words = command.split(" -m cli ")
        assert program == ".venv/bin/python"
        assert parser("x").parse_args(words.split()).local
