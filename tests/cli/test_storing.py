"""Commands that work with storage, through `main`: on containers in memory, and on servers that refuse."""

import http.server
import json
import shlex
import threading
from pathlib import Path

import msgspec
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)

import cli.app
import cli.storage
from cli.azure import Failed
from cli.sending import Reply, Unreachable, send_by_http
from shared.core import served
from shared.core.identity import run_id
from shared.core.status import Status
from tests.cli.containers import Blob, Containers, answer
from tests.cli.deployed import AT, Deployed
from tests.core.dataset.rows import many

GATE = AT[Status.AWAITING_APPROVAL]
SAMPLE = Path(__file__).parents[2] / "samples" / "pipelines" / "gsm8k.yaml"


@pytest.fixture(autouse=True)
def app(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return Deployed(monkeypatch)


@pytest.fixture
def containers(monkeypatch):
    made = Containers()
    monkeypatch.setattr(cli.storage, "_service", made.service)
    return made


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "set"
    made.mkdir()
    for name in ("training.jsonl", "validation.jsonl", "other.jsonl", "other.evaluation.jsonl"):
        (made / name).write_bytes(many(3))
    (made / "README.md").write_text("not a dataset")
    return made


# --- drop


def test_companions_are_dropped_first_and_runs_are_named(containers, run, folder):
    code, out, err = run("drop", "summaries", folder, "--no-wait")
    names = [name for _, name in containers.blobs]

    assert (code, err) == (0, "")
    assert [name.rpartition("/")[2] for name in names] == [
        "other.evaluation.jsonl",
        "validation.jsonl",
        "other.jsonl",
        "training.jsonl",
    ]
    assert len({name.rpartition("/")[0] for name in names}) == 1
    assert names[0].startswith("summaries/")
    started = [run_id("datasets", name, containers.blobs["datasets", name].etag) for name in names[2:]]
    assert f"runs: {', '.join(started)}" in out
    assert set(map(json.dumps, containers.metadata.values())) == {'{"uploaded_by": "oid-1"}'}
    assert json.loads(run("drop", "summaries", folder, "--no-wait", "--json")[1])[1].keys() == {"id"}


@pytest.mark.usefixtures("containers")
def test_a_drop_is_followed_to_the_gate(app, run, folder):
    waiting = app.app.ask(f"GET /api/runs/{GATE}")[1]
    seen = Reply(200, msgspec.json.encode(waiting))
    app.answers = [pipeline(app), unknown(app), seen, seen]
    (folder / "other.jsonl").unlink()
    (folder / "other.evaluation.jsonl").unlink()
    code, out, _ = run("drop", "summaries", folder)

    assert code == 0
    assert f"decide with: foundry-finetune approve {GATE}" in out
    assert waiting["gate"]["digest"] in out
    app.answers = [pipeline(app), seen]
    assert (
        msgspec.json.decode(run("drop", "summaries", folder, "--json")[1], type=list[served.Run])[0].id
        == GATE
    )


def pipeline(app):
    """What the app answers of the pipeline, which is asked for before anything is sent."""
    return Reply(200, msgspec.json.encode(app.app.ask("GET /api/pipelines/summaries")[1]))


def unknown(app):
    """What the app answers until it has seen the file."""
    return Reply(404, msgspec.json.encode(app.app.ask("GET /api/runs/" + "f" * 20)[1]))


@pytest.mark.parametrize(
    ("status", "code"), [(Status.INVALID, 1), (Status.DUPLICATE, 0), (Status.DEPLOYED, 0)]
)
@pytest.mark.usefixtures("containers")
def test_the_exit_code_is_that_of_the_run(app, run, folder, status, code):
    app.answers = [
        pipeline(app),
        Reply(200, msgspec.json.encode(app.app.ask(f"GET /api/runs/{AT[status]}")[1])),
    ]

    assert run("drop", "summaries", folder / "training.jsonl")[0] == code
    assert run("watch", AT[status])[0] == code


def test_what_is_no_dataset_is_not_dropped(containers, run, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "training.jsonl").write_bytes(many(1))
    (tmp_path / "a\x1b.jsonl").write_bytes(many(1))
    for paths in (
        [folder / "README.md"],
        [folder / "nothing.jsonl"],
        [tmp_path / "empty"],
        [folder, tmp_path / "training.jsonl"],
        [tmp_path / "a\x1b.jsonl"],
    ):
        assert run("drop", "summaries", *paths)[0] == 2
    assert run("drop", "Summaries", folder)[0] == 2
    assert containers.blobs == {}


def test_a_dataset_of_a_pipeline_that_is_not_there_is_not_dropped(containers, run, folder):
    code, out, err = run("drop", "sumaries", folder)

    assert (code, out, containers.blobs) == (1, "", {})
    assert "there is no pipeline sumaries; nothing was dropped" in err


@pytest.mark.parametrize("answer", [Reply(403, b"<html>"), Reply(404, b"<html>"), Unreachable("restarting")])
def test_who_may_not_ask_the_app_drops_all_the_same(app, containers, run, folder, answer):
    app.answers = [answer] * (4 if isinstance(answer, Unreachable) else 1)

    assert run("drop", "summaries", folder, "--no-wait")[0] == 0
    assert containers.blobs


@pytest.mark.parametrize("name", ["", "A b", "../x"])
def test_what_is_not_a_name_is_asked_for_nothing(app, run, name):
    for act in ("show", "get"):
        code, _, err = run("pipelines", act, name)
        assert (code, app.sent) == (2, [])
        assert "is not the name of a pipeline" in err


def test_what_a_pipeline_file_is_told_to_do_is_a_command(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "support.yaml"
    file.write_text("model: gpt-4.1-2025-04-14\nnotify: {}\n")
    assert "`foundry-finetune runs` shows how runs are" in run("pipelines", "check", file)[1]
    monkeypatch.delenv("FUNCTION_APP_URL")
    (tmp_path / ".local/cloud").mkdir(parents=True)
    (tmp_path / ".local/cloud/cloud.json").touch()  # a local cloud was started here, and no app is named
    assert "`foundry-finetune runs --local` shows how runs are" in run("pipelines", "check", file)[1]
    assert "/api/" not in run("validate", file, "--pipeline", file)[2]


@pytest.mark.usefixtures("containers")
def test_a_drop_that_ends_at_a_gate_says_what_speaks_against_it(app, run, folder):
    shown = msgspec.convert(app.app.ask(f"GET /api/runs/{GATE}")[1], served.Run)
    doubtful = msgspec.structs.replace(
        shown, evaluation=msgspec.structs.replace(shown.evaluation, doubts=("few groups",))
    )
    app.answers = [pipeline(app), Reply(200, msgspec.json.encode(doubtful)), Reply(404, b"")]
    out = run("drop", "summaries", folder / "training.jsonl")[1]

    assert out.count("automatic would ask a person: few groups") == 1
    assert "Before you approve:" in out
    assert "asked for " in out


@pytest.mark.usefixtures("containers")
def test_a_name_that_no_pipeline_may_have_gets_one_with_which_it_is_stored(run, tmp_path):
    file = tmp_path / "My pipe.yaml"
    file.write_text("model: gpt-4.1-2025-04-14\n")
    hint = run("pipelines", "check", file)[1].partition("store it with: foundry-finetune ")[2]

    assert run(*shlex.split(hint))[0] == 0
    assert run("pipelines", "get", "my-pipe")[1] == file.read_text()


@pytest.mark.usefixtures("containers")
def test_a_dataset_beside_a_pipeline_file_is_named_for_the_drop(run, tmp_path):
    file = tmp_path / "support.yaml"
    file.write_text("model: gpt-4.1-2025-04-14\n")
    for name in ("validation.jsonl", "my rows.jsonl"):
        (tmp_path / name).write_bytes(many(3))
    stored = json.loads(run("pipelines", "put", file, "--json")[1])

    assert stored == {"pipeline": "support", "stored": ["support.yaml"]}
    assert f"drop support '{tmp_path}/my rows.jsonl'" in run("pipelines", "put", file)[1]


# --- pipelines


def test_a_pipeline_file_is_stored_after_what_it_names_and_fetched_as_it_is(containers, run, tmp_path):
    file = tmp_path / "support.yaml"
    file.write_text(
        "model: gpt-4.1-2025-04-14\n"
        "evaluation:\n"
        "  baselines: [{deployment: gpt-4.1, system_prompt: prompts/long.txt}]\n"
        "  set: sets/x.jsonl\n"
    )
    assert run("pipelines", "put", file)[0] == 2
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/long.txt").write_text("Be brief.")
    assert run("pipelines", "put", file)[0] == 2
    assert containers.blobs == {}
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/x.jsonl").write_bytes(many(12))
    code, out, _ = run("pipelines", "put", file)

    assert code == 0
    assert out.splitlines()[0] == "stored in pipelines/: prompts/long.txt, sets/x.jsonl, support.yaml"
    assert out.splitlines()[1].endswith(": foundry-finetune drop support FILE.jsonl")
    assert run("pipelines", "get", "support")[1] == file.read_text()
    assert "nothing" in run("pipelines", "put", file)[1]
    file.write_text(file.read_text() + "suffix: x\n")
    assert run("pipelines", "put", file)[0] == 1
    assert run("pipelines", "put", file, "--overwrite")[0] == 0
    assert run("pipelines", "get", "support", "--out", tmp_path / "out.yaml")[0] == 0
    assert (tmp_path / "out.yaml").read_bytes() == file.read_bytes()
    code, _, err = run("pipelines", "get", "nothing")
    assert (code, "there is no pipeline nothing." in err) == (1, True)
    assert run("pipelines", "get", "../x")[0] == 2
    assert run("pipelines", "put", file, "--name", "A")[0] == 2


def test_a_stored_file_that_is_no_text_is_said(containers, run):
    containers.blobs["pipelines", "odd.yaml"] = Blob(b"\xff", "e")
    assert run("pipelines", "get", "odd")[0] == 1


def test_pipeline_files_are_checked_one_by_one(run, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("modle: gpt-4.1\n")
    assert run("pipelines", "check", SAMPLE)[0] == 0
    code, out, _ = run("pipelines", "check", bad, SAMPLE)
    assert code == 1
    assert f"{bad}:1:1" in out
    assert f"{SAMPLE}: can be used" in out
    code, out, _ = run("pipelines", "check", bad, SAMPLE, "--json")
    health = msgspec.json.decode(out, type=served.Health)
    assert (code, health.ok, [check.ok for check in health.checks]) == (1, False, [False, True])
    assert f"{bad}:1:1" in health.checks[0].remedy
    code, out, _ = run("pipelines", "check", tmp_path / "nothing.yaml", bad, SAMPLE)
    assert code == 2
    for said in ("nothing.yaml: No such file", f"{bad}:1:1", f"{SAMPLE}: can be used"):
        assert said in out


# --- what goes wrong


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (HttpResponseError(response=answer(403)), 1, "Storage Blob Data Contributor"),
        (HttpResponseError(response=answer(404)), 1, "no such blob or container"),
        (HttpResponseError(response=answer(409)), 1, "not overwritten"),
        (HttpResponseError(response=answer(429)), 2, "429"),
        (HttpResponseError(response=answer(503)), 2, "503"),
        (ClientAuthenticationError(response=answer(401)), 2, "az login"),
        (ServiceRequestError("no route to host"), 2, "cannot be reached: no route to host"),
    ],
)
def test_what_storage_refuses_is_said(containers, run, folder, error, code, says):
    containers.fails = error
    for command in (("drop", "summaries", folder), ("pipelines", "put", SAMPLE), ("pipelines", "get", "x")):
        ended, out, err = run(*command)
        assert (ended, out) == (code, "")
        assert says in err


def test_an_account_has_to_be_known(run, folder, monkeypatch):
    monkeypatch.delenv("DATA_STORAGE_NAME")
    code, _, err = run("drop", "summaries", folder)

    assert code == 2
    assert "--storage" in err


@pytest.mark.parametrize("name", ["evil.example/#", "a", "UPPER", "a" * 25, "a b", "a@b"])
def test_a_token_for_storage_goes_to_accounts_of_azure_only(app, run, folder, name):
    code, _, err = run("drop", "summaries", folder, "--storage", name)

    assert code == 2
    assert "is not the name of a storage account" in err
    assert "https://storage.azure.com" not in app.tokens


def test_bars_are_shown_to_somebody_at_a_terminal(containers, run, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "training.jsonl" in run("drop", "summaries", folder, "--no-wait")[2]
    assert "artifacts" in run("evidence", "pull", GATE, tmp_path / "evidence")[2]
    assert containers.blobs


def test_a_file_of_somebody_else_steers_no_terminal(containers, run, monkeypatch):
    text = "model: x  # \x1b[31mred\u202e\n"
    containers.blobs["pipelines", "odd.yaml"] = Blob(text.encode(), "e")
    assert run("pipelines", "get", "odd")[1] == text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = run("pipelines", "get", "odd")[1]
    assert "\x1b[31m" not in shown
    assert "\\x1b" in shown
    assert "\u202e" not in shown


def test_nothing_is_sent_without_a_sign_in(app, containers, run, folder):
    app.azure["az account"] = Failed("nobody is signed in, or not for this: run `az login`")
    for command in (("drop", "summaries", folder), ("runs",)):
        code, _, err = run(*command)
        assert code == 2
        assert "az login" in err
    assert containers.blobs == {}


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers as storage does to somebody without the role."""

    def do_GET(self):
        """And as an app that does not know them."""
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.send_header("x-ms-error-code", "AuthorizationPermissionMismatch")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_the_library_is_called_as_it_wants_to_be(run, tmp_path, folder, monkeypatch):
    """The real one, against a server that refuses."""
    monkeypatch.setattr(cli.app, "send_by_http", send_by_http)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        end = f"http://127.0.0.1:{server.server_address[1]}/dev"
        info = {
            "url": end,
            "pid": 1,
            "storage": f"DefaultEndpointsProtocol=http;AccountName=dev;AccountKey=a2V5;BlobEndpoint={end};",
            "identities": {"approver": {"token": "t", "oid": "o"}},
        }
        (tmp_path / "cloud.json").write_text(json.dumps(info))
        code, _, err = run("drop", "summaries", folder, "--state", tmp_path)
        server.shutdown()

    assert code == 1
    assert "AuthorizationPermissionMismatch" in err


# --- evidence


def test_evidence_is_pulled_and_pulled_again(run, tmp_path):
    folder = tmp_path / "evidence"
    code, _, err = run("evidence", "pull", GATE, folder)
    found = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())

    assert (code, err) == (0, "")
    assert found == ["evaluation/comparison.csv", "evaluation/scores.jsonl", "report.json", "run.json"]
    assert msgspec.json.decode((folder / "run.json").read_bytes(), type=served.Run).id == GATE
    assert run("evidence", "pull", GATE, folder)[0] == 0
    assert run("evidence", "pull", AT[Status.TRAINING], folder)[0] == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_text("x")
    assert run("evidence", "pull", GATE, tmp_path / "other")[0] == 2


def test_what_a_role_may_not_see_is_left_out_and_said(app, run, tmp_path):
    app.role = "FineTune.Reader"
    folder = tmp_path / "evidence"
    code, _, err = run("evidence", "pull", GATE, folder)

    assert code == 0
    assert "evaluation/comparison.csv" in err
    assert not (folder / "evaluation/comparison.csv").exists()
    assert (folder / "evaluation/scores.jsonl").exists()


def gone(code):
    old = served.OldError(code=code, message="m", remedy="r")
    return msgspec.json.encode(
        served.Problem(
            type="about:blank", title="t", status=409, detail="m", code=code, remedy="r", error=old
        )
    )


def test_evidence_that_was_changed_is_a_failure(app, run, tmp_path):
    shown = app.app.ask(f"GET /api/runs/{GATE}")[1]
    count = len(shown["artifacts"])
    app.answers = [Reply(200, msgspec.json.encode(shown)), *[Reply(409, gone("artifact_gone"))] * count]
    code, _, err = run("evidence", "pull", GATE, tmp_path / "evidence")

    assert code == 1
    assert err.count("is not there as the run stored it") == count


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x", "c:x", "run.json", "", "a\x00b"])
def test_no_name_leads_out_of_the_folder(app, run, tmp_path, name):
    shown = app.app.ask(f"GET /api/runs/{GATE}")[1] | {"artifacts": [name]}
    app.answers = [Reply(200, msgspec.json.encode(shown)), Reply(200, b"evil")]
    code, _, err = run("evidence", "pull", GATE, tmp_path / "deep" / "evidence")

    assert code == 2
    assert "leads elsewhere" in err
    assert [file for file in tmp_path.rglob("*") if file.is_file() and file.read_bytes() == b"evil"] == []


def test_no_other_refusal_is_taken_for_a_missing_file(app, run, tmp_path):
    shown = Reply(200, msgspec.json.encode(app.app.ask(f"GET /api/runs/{GATE}")[1]))
    app.answers = [shown, Reply(403, b"<html>")]
    assert run("evidence", "pull", GATE, tmp_path / "evidence")[0] == 1
