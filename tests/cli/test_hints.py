"""What people are told to call next can be copied exactly as it is printed."""

import ast
import itertools
import re
import shlex
import sys
from argparse import Namespace
from pathlib import Path

import msgspec
import pytest

import cli.storage
from cli.hints import program, typed, where
from cli.main import COMMANDS, call, parser
from cli.next_steps import may_be_judged_again, next_steps
from cli.remedies import in_commands
from cli.sending import Reply
from shared.core import endings, served
from shared.core.dataset.repair import REPAIRABLE
from shared.core.errors import NotFound
from shared.core.judgeable import may_be_judged
from shared.core.run import Failure
from shared.core.status import GATES, Status
from tests.cli.containers import Containers
from tests.cli.deployed import AT, CLIENT_ID, URL, Deployed
from tests.core.dataset.rows import many

GATE = AT[Status.AWAITING_APPROVAL]
#: How the program is called -> `sys.argv[0]`, `sys.orig_argv`, and what has to be typed.
CALLED = {
    "installed": ("foundry-finetune", ["python", "/usr/bin/foundry-finetune"], "foundry-finetune"),
    "by its path": ("/opt/my tools/foundry-finetune", ["python", "x"], "'/opt/my tools/foundry-finetune'"),
    "in a checkout": ("/x/cli/__main__.py", [".venv/bin/python", "-m", "cli"], ".venv/bin/python -m cli"),
    "by the local cloud": (
        "/x/local/__main__.py",
        [".venv/bin/python", "-m", "local"],
        ".venv/bin/python -m cli",
    ),
}


@pytest.fixture(params=CALLED)
def called(request, monkeypatch):
    """Each way to call the program; what has to be typed."""
    name, orig, typed_so = CALLED[request.param]
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.setattr(sys, "orig_argv", orig)
    return typed_so


@pytest.fixture
def app(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    made = Containers()
    monkeypatch.setattr(cli.storage, "_service", made.service)
    return Deployed(monkeypatch)


def hints_in(text):
    """The commands in a text: from the name of the program to the end of the line, or of the quotation."""
    return re.findall(rf"{re.escape(program())} ([^`\n]*)", text)


def parsed(hint):
    return parser("x").parse_args(shlex.split(hint))


def test_the_program_is_named_as_it_was_called(called):
    assert program() == called
    assert typed("runs") == f"{called} runs"


def test_what_is_on_the_path_needs_no_folder(monkeypatch, tmp_path):
    program_file = tmp_path / "foundry-finetune"
    program_file.write_text("#!/bin/sh\n")
    program_file.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program_file)])
    assert program() == str(program_file)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == "foundry-finetune"


@pytest.mark.parametrize("name", ["my file.jsonl", "it's.jsonl", "-x.jsonl", "$(rm).jsonl", "ä b.jsonl"])
def test_no_name_of_a_file_breaks_a_command(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune"])
    hint = typed("validate", Path(name), "--pipeline", Path(name)).removeprefix("foundry-finetune ")
    given = parsed(hint)

    assert (given.file, given.pipeline) == (Path(name), Path(name))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--local",),
        ("--local", "--as", "operator"),
        ("--state", "my state/cloud"),
        ("--app", "https://app.example", "--client-id", "x y"),
        ("--app", "https://app.example", "--client-id", "x", "--storage", "stdata"),
        ("--storage", "stdata"),
    ],
)
def test_an_app_is_named_as_it_was(options):
    given = parser("x").parse_args(["runs", *options])
    again = parser("x").parse_args(["runs", *shlex.split(where(given))])

    assert again == given


def test_a_client_id_that_was_found_is_said_where_the_app_is():
    given = parser("x").parse_args(["runs", "--app", URL])

    assert where(given, client_id="found") == f"--app {URL} --client-id found"
    assert where(parser("x").parse_args(["runs"]), client_id="found") == ""


def files(folder):
    """A dataset and a pipeline file, in a folder with a blank in its name."""
    here = folder / "my data"
    here.mkdir()
    (here / "training.jsonl").write_bytes(many(60))
    (here / "broken.jsonl").write_bytes(many(60) + b'{"messages": [{"role": " user", "content": "x"}]}\n{\n')
    (here / "support.yaml").write_text("model: gpt-4.1-2025-04-14\n")
    return here


#: Command -> what has to be advised after it, in this order; `{here}` is a folder with a blank in its name.
LEADS = {
    ("init", "{here}/training.jsonl", "--out", "{here}/new.yaml"): ["validate", "pipelines put", "drop"],
    ("init", "{here}/broken.jsonl"): ["validate"],
    ("validate", "{here}/broken.jsonl"): ["validate"],
    ("validate", "{here}/support.yaml"): ["pipelines check"],
    ("explain", "DS999"): ["explain"],
    ("explain", min(REPAIRABLE)): ["validate"],
    ("pipelines", "check", "{here}/support.yaml"): ["pipelines put"],
    ("drop", "summaries", "{here}", "--no-wait", "--json"): ["watch", "watch"],
    ("runs",): [],
    ("pipelines", "list"): [],
    ("pipelines", "put", "{here}/support.yaml"): ["drop"],
    ("drop", "summaries", "{here}/training.jsonl", "--no-wait"): ["watch"],
    ("drop", "nothing", "{here}"): ["pipelines list", "pipelines put"],
    ("show", GATE): ["approve", "reject", "evidence pull"],
    ("show", AT[Status.TRAINING]): ["watch", "evidence pull"],
    ("show", AT[Status.NOT_PROMOTED]): ["retry", "evidence pull"],
    ("show", AT[Status.FAILED]): ["retry", "evidence pull"],
    ("watch", GATE): ["approve", "reject", "evidence pull"],
    ("watch", AT[Status.DEPLOYED]): ["pipelines show", "evidence pull"],
    ("waiting",): ["approve", "approve"],
    ("approve", GATE): ["approve"],
    ("approve", AT[Status.TRAINING]): ["show"],
    ("approve", AT[Status.AWAITING_SPEND_APPROVAL], "--no-wait"): ["watch"],
    ("reject", GATE, "--no-wait"): ["rejudge", "watch"],
    ("hold", GATE, "--comment", "why?"): ["show"],
    ("withdraw", GATE): ["watch"],
    ("cancel", AT[Status.TRAINING]): ["watch"],
    ("retry", AT[Status.FAILED]): ["watch"],
    ("evidence", "pull", GATE, "{here}/evidence"): ["compare"],
    ("show", "f" * 20): ["runs"],
    ("pipelines", "show", "nothing"): ["pipelines put"],
    ("pipelines", "get", "nothing"): ["pipelines list"],
}


@pytest.mark.parametrize("command", LEADS, ids=" ".join)
def test_each_step_leads_to_the_next_in_a_form_that_can_be_copied(
    app, monkeypatch, capsys, tmp_path, command
):
    monkeypatch.setattr(sys, "argv", ["/x/cli/__main__.py"])
    monkeypatch.setattr(sys, "orig_argv", [".venv/bin/python", "-m", "cli"])
    app.role = "FineTune.Operator" if command[0] in {"cancel", "retry"} else app.role
    if command[0] == "withdraw":
        call(["approve", GATE, "--no-wait"])
        capsys.readouterr()
    here = files(tmp_path)
    asks = hasattr(parser("x").parse_args(command), "app")
    options = ["--app", URL, "--client-id", CLIENT_ID, "--storage", "stdata"] if asks else []
    call([*(word.replace("{here}", str(here)) for word in command), *options])
    out, err = capsys.readouterr()
    hints = hints_in(out + err)

    assert [
        next(lead for lead in (*LEADS[command], hint) if hint.startswith(lead)) for hint in hints
    ] == LEADS[command]
    for hint in hints:
        given = parsed(hint)
        if asks and hasattr(given, "app"):
            assert (given.app, given.client_id, given.storage) == (URL, CLIENT_ID, "stdata")
        for name in ("file", "pipeline"):
            path = getattr(given, name, None)
            assert not isinstance(path, Path) or path.parent in {here, Path()}, hint


@pytest.mark.parametrize("status", Status)
def test_a_run_in_every_status_says_what_comes_next(app, monkeypatch, status):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune"])
    run = msgspec.convert(app.app.ask(f"GET /api/runs/{AT[status]}")[1], served.Run)
    steps = [command for _, command in next_steps(run, cli.hints.At())]

    assert all(parsed(hint) for hint in hints_in("\n".join(steps)))
    assert len(hints_in("\n".join(steps))) == len(steps)
    verbs = {step.split()[1] for step in steps}
    assert ("approve" in verbs) == (status in GATES.values())
    assert ("watch" in verbs) == (not run.is_finished and status not in GATES.values())


STEPS = (Status.TRAINING, Status.EVALUATING, *GATES.values())
ENDS = tuple(itertools.product(STEPS, ("x", endings.SMOKE_TEST_FAILED.code), ("summaries", "summaries-1")))


def test_what_the_app_would_judge_again_is_advised(app):
    """At a gate, nothing: it is open, and is decided."""
    for status in Status:
        stored, _ = app.world.runs.load(AT[status])
        shown = msgspec.convert(app.app.ask(f"GET /api/runs/{AT[status]}")[1], served.Run)
        job = served.Job(id="j", status="succeeded", model="m", trained_tokens=None)
        for step, code, production in ENDS:
            why = {"step": step, "code": code, "message": "m", "remedy": "r", "can_retry": False}
            one = stored.evolve(model="m", job_id="j", production=production, failure=Failure(**why))
            deployment = msgspec.structs.replace(shown.deployment, production=production)
            seen = msgspec.structs.replace(
                shown, job=job, deployment=deployment, failure=served.Failure(**why)
            )
            wanted = may_be_judged(one) and status not in GATES.values()

            assert may_be_judged_again(seen) == wanted, (status, step, code, production)
            steps = [command for _, command in next_steps(seen, cli.hints.At())]
            assert any(" rejudge " in command for command in steps) == wanted


def test_who_dropped_as_somebody_is_told_who_may_decide():
    """The uploader may not approve: the command that is advised names somebody who may."""
    given = Namespace(app=None, client_id=None, storage=None, local=True, state=None, identity=None)
    for identity, deciders, others in (
        (None, "--local", "--local --as approver-2"),
        ("approver", "--local --as approver-2", "--local --as approver-2"),
        ("operator", "--local", "--local"),
    ):
        given.identity = identity
        at = cli.app._at_local(given)
        assert (at.deciders, at.others) == (deciders, others)


# --- what the app advises


REMEDIES = sorted({one.remedy for one in vars(endings).values() if isinstance(one, endings.Ending)})


@pytest.mark.parametrize("remedy", [*REMEDIES, NotFound.default_remedy])
def test_no_route_of_the_api_is_left_in_what_an_end_advises(monkeypatch, remedy):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune"])
    said = in_commands(remedy, "0" * 20)

    assert not re.search(r"\b(GET|POST)\b|/api/", said)
    for hint in hints_in(said):
        parsed(hint)
    assert said.count("foundry-finetune ") >= len(re.findall(r"\b(?:GET|POST)\b", remedy))


@pytest.mark.parametrize(
    ("remedy", "command"),
    [
        ("Correct it, then POST .../retry.", "retry r"),
        ("POST /api/runs/abc/rejudge opens another gate.", "rejudge r"),
        ("It did not fail on the way to a verdict; read `failure.remedy`.", "show r"),
        ("GET /api/runs/{run_id} lists the artifacts.", "show r"),
        ("Check the name; GET /api/runs lists the runs.", "runs"),
        ("Check the name: the list of runs has every run.", "runs"),
        ("Store its file as pipelines/support.yaml.", "pipelines put support.yaml"),
    ],
)
def test_what_the_app_advises_is_a_command_here(monkeypatch, remedy, command):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune"])

    assert f"`foundry-finetune {command} --local`" in in_commands(remedy, "r", cli.hints.At("--local"))


@pytest.mark.parametrize("remedy", ["Read the current state and try again.", "GET /api/other does it.", ""])
def test_what_names_nothing_that_has_a_command_stays_as_it_is(remedy):
    assert in_commands(remedy, "r") == remedy


def test_what_needs_a_run_stays_where_none_was_named():
    assert in_commands("POST .../retry", None) == "POST .../retry"


def test_a_refusal_advises_commands(app, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["foundry-finetune"])
    old = served.OldError(code="gate_closed", message="m", remedy="r")
    problem = served.Problem(
        type="about:blank",
        title="t",
        status=409,
        detail="it has a problem.",
        code="gate_closed",
        remedy="Then POST .../retry.",
        error=old,
    )
    app.answers = [Reply(409, msgspec.json.encode(problem))]

    assert call(["rejudge", GATE]) == 1
    assert capsys.readouterr().err == (
        f"error: 409 gate_closed: it has a problem. Then `foundry-finetune retry {GATE}`.\n"
    )


# --- nothing is advised around the function


#: A command of ours in a sentence, without the program before it.
WORDS = "|".join(set(COMMANDS) - {"pipelines", "evidence"}) + "|pipelines [a-z]+|evidence [a-z]+"
BARE = re.compile(rf"`(?:{WORDS})[ `]|(?:with|it|again): (?:{WORDS})\b")
#: Modules whose texts are help, where commands are named and not advised.
ARE_HELP = {"main.py", "options.py", "completion.py"}


@pytest.mark.parametrize(
    "text",
    [
        "decide with: approve ",
        "; `watch ",
        "`doctor` says",
        "get them with: evidence pull ",
        "It can be tried again: retry ",
    ],
)
def test_what_was_advised_without_the_program_would_be_noticed(text):
    assert BARE.search(text)


@pytest.mark.parametrize("path", sorted(Path(cli.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_no_command_is_advised_without_the_program(path):
    tree = ast.parse(path.read_text())
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs
    ]

    assert path.name in ARE_HELP or [text for text in texts if BARE.search(text)] == []
