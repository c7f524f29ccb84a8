"""`doctor`: what is missing is named with what to do, and only what is needed fails."""

import json

import msgspec
import pytest

import cli.checks
from cli.azure import Failed
from cli.sending import Reply, Unreachable
from shared.core import served
from tests.cli.deployed import Deployed

WELL = Reply(200, b'{"ok": true, "checks": [{"name": "settings", "ok": true, "code": null, "remedy": null}]}')
ILL = Reply(
    503,
    b'{"ok": false, "checks": [{"name": "foundry project", "ok": false, "code": "unauthorized", "remedy": "Grant the role."}]}',
)
RUNS = Reply(200, b'{"runs": [], "next": null}')
USAGES = [{"name": {"value": "OpenAI.FineTuned.Deployments"}, "currentValue": 3.0, "limit": 10.0}]


@pytest.fixture(autouse=True)
def app(monkeypatch):
    made = Deployed(monkeypatch)
    monkeypatch.setenv("AZURE_RESOURCE_GROUP", "rg-dev")
    monkeypatch.setenv("SYSTEM_TOPIC_NAME", "evgt-1")
    monkeypatch.setenv("FOUNDRY_RESOURCE_GROUP", "rg-dev")
    monkeypatch.setenv("FOUNDRY_ACCOUNT_NAME", "aif-1")
    monkeypatch.setattr(cli.checks.shutil, "which", lambda *_, **__: None)
    monkeypatch.delenv("BICEP", raising=False)
    made.azure = {
        "node --version": "v22.1.0\n",
        "az version": '{"azure-cli": "2.80.0"}',
        "azd version": "azd version 1.25.0 (commit x)",
        "az account show": '{"name": "Dev", "user": {"name": "ada@example.com"}}',
        "az storage blob list": "1",
        "az eventgrid system-topic": '"Succeeded"',
        "az cognitiveservices account show": '"swedencentral"',
        "az cognitiveservices usage list": json.dumps(USAGES),
    }
    made.answers = [WELL, RUNS]
    return made


def lines(out):
    """Mark and text by name."""
    marked = [line for line in out.splitlines() if line[:1] in {"✓", "✗", "?", "-"} and line[1:2] == " "]
    return {line[2:24].strip(): (line[0], line[24:].strip()) for line in marked}


def test_where_all_is_there_it_says_so(run):
    code, out, err = run("doctor")
    found = lines(out)

    assert (code, err) == (0, "")
    assert {name for name, (mark, _) in found.items() if mark == "✓"} >= {
        *(
            "Python",
            "Node",
            "az",
            "azd",
            "sign-in",
            "app: settings",
            "app role",
            "storage",
            "Event Grid",
            "quota",
        ),
    }
    assert found["Bicep"] == ("-", "not found")
    assert found["quota"][1] == "3 of 10 in use in swedencentral"
    assert out.endswith("All that is needed is there.\n")


@pytest.mark.parametrize(
    ("command", "answer", "name", "says", "code"),
    [
        ("az version", Failed("az is not installed"), "az", "az is not installed", 1),
        ("az version", '{"azure-cli": "1.9.0"}', "az", "1.9.0", 1),
        ("az account show", Failed("run `az login`"), "sign-in", "az login", 1),
        ("az account show", "[]", "sign-in", "otherwise than expected", 1),
        ("azd version", "azd version 1.2.0", "azd", "1.2.0", 0),
        ("node --version", Failed("node is not installed"), "Node", "node is not installed", 0),
        ("az storage blob list", Failed("AuthorizationPermissionMismatch"), "storage", "Mismatch", 0),
        (
            "az eventgrid system-topic",
            Failed("(ResourceNotFound) not there"),
            "Event Grid",
            "no subscription",
            1,
        ),
        ("az eventgrid system-topic", '"Failed"', "Event Grid", "Failed", 1),
        (
            "az eventgrid system-topic",
            Failed("(AuthorizationFailed) no"),
            "Event Grid",
            "AuthorizationFailed",
            0,
        ),
        ("az cognitiveservices usage list", "[]", "quota", "names no limit", 0),
        ("az cognitiveservices usage list", '[{"name": 1}]', "quota", "otherwise than expected", 0),
        ("az cognitiveservices usage list", json.dumps([USAGES[0] | {"limit": 3}]), "quota", "3 of 3", 0),
    ],
)
def test_what_is_missing_is_named_and_only_what_is_needed_fails(app, run, command, answer, name, says, code):
    app.azure = {command: answer} | {key: value for key, value in app.azure.items() if key != command}
    ended, out, _ = run("doctor")
    mark, said = lines(out)[name]

    assert ended == code
    assert mark != "✓"
    assert says in said
    assert (mark == "✗") == (code == 1)


@pytest.mark.parametrize(
    ("answers", "name", "says"),
    [
        ([ILL, RUNS], "app: foundry project", "unauthorized"),
        ([Unreachable("no route")] * 4, "app", "no route"),
        ([Reply(200, b"<html>")], "app", "is this program of its release?"),
        ([Reply(503, b"<html>")] * 4, "app", "503"),
        ([WELL, Reply(403, b"")], "app role", "403"),
        ([WELL, Reply(401, b"")], "app role", "401"),
        ([WELL, *[Reply(429, b"")] * 4], "app", "429"),
    ],
)
def test_an_app_that_is_not_well_fails(app, run, answers, name, says):
    app.answers = list(answers)
    code, out, _ = run("doctor")
    mark, said = lines(out)[name]

    assert (code, mark) == (1, "✗")
    assert says in said


def test_what_the_names_are_missing_for_is_not_known(run, monkeypatch):
    for name in ("AZURE_RESOURCE_GROUP", "FOUNDRY_ACCOUNT_NAME"):
        monkeypatch.delenv(name)
    code, out, _ = run("doctor")

    assert code == 0
    assert lines(out)["Event Grid"][0] == lines(out)["quota"][0] == "?"
    assert "AZURE_RESOURCE_GROUP" in out


def test_without_an_app_only_this_machine_is_asked(app, run, monkeypatch, tmp_path):
    monkeypatch.delenv("FUNCTION_APP_URL")
    monkeypatch.chdir(tmp_path)
    app.azure = {"az": Failed("az is not installed"), **app.azure}
    code, out, _ = run("doctor")

    assert code == 0
    assert lines(out)["az"][0] == "-"
    assert app.sent == []
    app.azure["node --version"] = "v18.0.0"
    assert run("doctor")[0] == 1


def test_a_local_cloud_is_asked_too(run, tmp_path):
    assert run("doctor", "--state", tmp_path)[0] == 1
    identity = {"token": "t", "oid": "o", "roles": ["FineTune.Approver"]}
    info = {"url": "http://127.0.0.1:1", "storage": "s", "pid": 1, "identities": {"approver": identity}}
    (tmp_path / "cloud.json").write_text(json.dumps(info))
    code, out, _ = run("doctor", "--state", tmp_path)

    assert code == 0
    assert lines(out)["app role"] == ("✓", "FineTune.Approver")


def test_programs_get_the_answer_that_the_api_gives_about_its_health(app, run):
    app.answers = [ILL, RUNS]
    code, out, _ = run("doctor", "--json")
    health = msgspec.json.decode(out, type=served.Health)

    assert (code, health.ok) == (1, False)
    (check,) = (check for check in health.checks if check.name == "app: foundry project")
    assert (check.ok, check.code) == (False, "missing")
    assert check.remedy.endswith("Grant the role.")
