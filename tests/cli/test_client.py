"""The client of the API: it asks what the API describes, and decodes into the types that the app answers with."""

import http.server
import inspect
import json
import threading
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from cli.client import ApiError, Client, NewerRelease, pages
from shared.core import served
from shared.core.run import Status
from tests.functions.populated import APPROVER, READER, Asked, who, world_with_runs

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
#: What Python cannot call a parameter.
CALLED = {"from": "since", "to": "until"}
AT = {status: f"{number:020x}" for number, status in enumerate(Status)}
DIGEST = "sha256:" + "0" * 64


class Transport:
    """Sends to an app on twins, or answers what it was told to; and keeps what was sent."""

    def __init__(self, app=None, role=APPROVER):
        self.app, self.role, self.sent, self.answer = app, role, [], None

    def __call__(self, method, url, headers, body):
        self.sent.append((method, url, headers, body))
        if self.answer is not None:
            return self.answer
        parts = urlsplit(url)
        given = {name: value for name, value in headers.items() if name != "Authorization"}
        asked = f"{parts.path}?{parts.query}" if parts.query else parts.path
        response = self.app.request(method, asked, headers=who(self.role) | given, body=body or b"")
        return response.status_code, response.get_body()


@pytest.fixture
def transport(monkeypatch):
    return Transport(Asked(world_with_runs()[0], monkeypatch))


@pytest.fixture
def client(transport):
    return Client("https://app/", lambda: "token-1", send=transport)


def given_for(name):
    """Something for each parameter of a method, by its name in the API."""
    _, _, operation = OPERATIONS[name]
    values = {
        "run_id": "a/b",
        "gate": "spend",
        "name": "evaluation/x y.md" if name == "get_artifact" else "p",
        "limit": 7,
        "kind": "job",
    }
    given = {
        parameter["name"]: values.get(parameter["name"], "é&=1")
        for parameter in operation["parameters"]
        if parameter["in"] != "header"
    }
    return given | (
        {"decision": "hold", "digest": DIGEST, "comment": "é"} if "requestBody" in operation else {}
    )


def test_each_operation_is_a_method_with_its_parameters_and_there_is_no_other():
    methods = {
        name: set(inspect.signature(method).parameters) - {"self"}
        for name, method in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods == {name: {CALLED.get(one, one) for one in given_for(name)} for name in OPERATIONS}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_method_sends_what_the_api_describes_and_decodes_into_what_it_answers(name, client, transport):
    method, path, operation = OPERATIONS[name]
    given = given_for(name)
    transport.answer = (200, b"{}")
    schema = operation["responses"].get("200", operation["responses"].get("202"))["content"]
    shape = schema.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    call = getattr(client, name)
    arguments = {CALLED.get(one, one): value for one, value in given.items()}
    if shape:
        with pytest.raises(NewerRelease, match=r"missing required field"):
            call(**arguments)  # of all types, `{}` is none
        assert inspect.signature(getattr(Client, name)).return_annotation == f"served.{shape}"
    else:
        call(**arguments)
    (sent_method, url, headers, body) = transport.sent[0]

    wanted = path.replace("{run_id}", "a%2Fb").replace("{gate}", "spend")
    wanted = wanted.replace("{name}", "evaluation/x%20y.md" if name == "get_artifact" else "p")
    queried = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    assert (sent_method, urlsplit(url).path) == (method, wanted)
    assert {part.partition("=")[0] for part in urlsplit(url).query.split("&") if part} == queried
    assert headers["Authorization"] == "Bearer token-1"
    if "requestBody" in operation:
        asked = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert msgspec.json.decode(body, type=getattr(served, asked)).comment == "é"
    else:
        assert body == (None if method == "GET" else b"{}")


def test_it_reads_and_acts_on_the_app(client, transport):
    transport.role = READER
    rows = [run for page in pages(lambda after: client.list_runs(limit=5, after=after)) for run in page.runs]
    assert len(rows) == len(Status)
    run = client.get_run(AT[Status.AWAITING_APPROVAL])
    assert (run.status, run.gate.name) == (Status.AWAITING_APPROVAL, "deployment")
    assert client.get_artifact(run.id, "evaluation/scores.jsonl") == b"{}"
    assert client.get_openapi() == DOCUMENT
    assert [row.name for row in client.list_pipelines().pipelines] == ["summaries"]
    assert {row.id for row in client.list_waiting().waiting} >= {run.id}
    with pytest.raises(ApiError, match=r"403 forbidden: .*FineTune\.Approver") as refused:
        client.decide_gate(run.id, "deployment", decision="approve", digest=run.gate.digest)
    assert (refused.value.status, refused.value.problem.code) == (403, "forbidden")
    transport.role = APPROVER
    decided = client.decide_gate(run.id, "deployment", decision="approve", digest=run.gate.digest)
    assert (decided.is_new, decided.approvals_missing) == (True, 1)
    assert client.cancel_run(AT[Status.TRAINING]).status == Status.TRAINING
    every = pages(lambda after: client.list_decisions(since="2026-11-01", after=after))
    (decision,) = [row for page in every for row in page.decisions]
    assert decision.role == APPROVER
    assert client.get_history(run.id, kind="decision").history[0].after == "approve"
    assert client.health().ok is True


def test_what_is_missing_is_an_answer_although_it_is_503(client, transport):
    check = served.Check(name="x", ok=False, code="unavailable", remedy="r")
    transport.answer = (503, msgspec.json.encode(served.Health(ok=False, checks=(check,))))
    assert client.health().ok is False
    with pytest.raises(ApiError, match="503 Service Unavailable"):
        client.list_runs()


@pytest.mark.parametrize("raw", [b"", b"<html>sign in", b"\xff", b'{"error": {}}'])
def test_an_answer_of_what_stands_in_front_is_no_problem_of_the_app(client, transport, raw):
    transport.answer = (401, raw)
    with pytest.raises(ApiError, match="401 Unauthorized") as refused:
        client.list_runs()
    assert refused.value.problem is None


@pytest.mark.parametrize(
    "url", ["http://app.example", "ftp://app.example", "file:///etc/passwd", "app.example", ""]
)
def test_a_token_is_sent_to_https_addresses_only(url):
    with pytest.raises(ValueError, match="https"):
        Client(url, lambda: "token-1")


def test_a_token_is_not_carried_to_where_a_redirect_leads():
    asked = []

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(302 if self.path == "/api/runs" else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "27" if self.path == "/api/waiting" else "0")
            self.end_headers()
            if self.path == "/api/waiting":
                self.wfile.write(b'{"waiting":[],"next": null}')

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = Client(f"http://127.0.0.1:{server.server_address[1]}", lambda: "token-1")
        with pytest.raises(ApiError, match="302"):
            client.list_runs()
        assert client.list_waiting() == served.Waiting(waiting=(), next=None)
        server.shutdown()
    assert asked == [("/api/runs", "Bearer token-1"), ("/api/waiting", "Bearer token-1")]
