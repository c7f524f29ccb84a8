"""The client of the API: it asks what the API describes, and decodes into the types that the app answers with."""

import http.server
import inspect
import json
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from cli.client import ApiError, Client, NewerRelease, pages
from cli.sending import Reply, Unreachable, send_by_http
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
        self.app, self.role, self.sent, self.answer, self.answers = app, role, [], None, []
        self.paused = []

    def __call__(self, method, url, headers, body):
        self.sent.append((method, url, headers, body))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if self.answer is not None:
            return Reply(*self.answer)
        parts = urlsplit(url)
        given = {name: value for name, value in headers.items() if name != "Authorization"}
        asked = f"{parts.path}?{parts.query}" if parts.query else parts.path
        response = self.app.request(method, asked, headers=who(self.role) | given, body=body or b"")
        return Reply(response.status_code, response.get_body())


@pytest.fixture
def transport(monkeypatch):
    return Transport(Asked(world_with_runs()[0], monkeypatch))


@pytest.fixture
def client(transport):
    return Client("https://app/", lambda: "token-1", send=transport, pause=transport.paused.append)


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
    said = {"decision": "hold", "digest": DIGEST, "comment": "é"}
    asked = msgspec.structs.fields(shape) if (shape := body_of(operation)) else ()
    return given | {field.name: said[field.name] for field in asked}


def body_of(operation):
    """Type of what is sent."""
    if "requestBody" not in operation:
        return None
    asked = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return getattr(served, asked)


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
    if said := body_of(operation):
        assert msgspec.json.decode(body, type=said).comment == "é"
    else:
        assert body is None


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
    rows = {row.decision: row for page in every for row in page.decisions}
    assert rows.keys() == {"approve", "cancel"}
    assert rows["approve"].role == APPROVER
    assert client.get_history(run.id, kind="decision").history[0].after == "approve"
    assert client.health().ok is True


def test_what_is_missing_is_an_answer_although_it_is_503(client, transport):
    check = served.Check(name="x", ok=False, code="unavailable", remedy="r")
    transport.answer = (503, msgspec.json.encode(served.Health(ok=False, checks=(check,))))
    assert client.health().ok is False
    with pytest.raises(ApiError, match="503 Service Unavailable"):
        client.list_runs()


BUSY = Reply(503, b"", 7.0)
EMPTY = Reply(200, b'{"waiting": [], "next": null}')


@pytest.mark.parametrize(
    ("answers", "paused"),
    [
        ([BUSY, EMPTY], [7.0]),
        ([Reply(429, b"", 3600.0), EMPTY], [60.0]),
        ([Reply(429, b""), Reply(504, b"<html>"), EMPTY], [1.0, 2.0]),
        ([Reply(502, b"<html>bad gateway"), EMPTY], [1.0]),
        ([Unreachable("reset"), Unreachable("reset"), Unreachable("reset"), EMPTY], [1.0, 2.0, 4.0]),
    ],
)
def test_what_passes_is_waited_for_as_long_as_the_app_asks(client, transport, answers, paused):
    transport.answers = list(answers)

    assert client.list_waiting().waiting == ()
    assert transport.paused == paused


@pytest.mark.parametrize("status", [429, 503, 504])
def test_it_is_asked_four_times_and_no_more(client, transport, status):
    transport.answer = (status, b"")

    with pytest.raises(ApiError, match=str(status)):
        client.list_waiting()
    assert len(transport.sent) == 4


def test_an_app_that_is_not_there_is_asked_four_times_too(client, transport):
    transport.answers = [Unreachable("no route")] * 4

    with pytest.raises(Unreachable, match="no route"):
        client.list_waiting()
    assert len(transport.sent) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500, 999])
def test_what_does_not_pass_is_asked_once(client, transport, status):
    transport.answer = (status, b"<html>")

    with pytest.raises(ApiError, match=str(status)):
        client.list_waiting()
    assert (len(transport.sent), transport.paused) == (1, [])


def problem(status, code):
    error = served.OldError(code=code, message="m", remedy="r")
    return msgspec.json.encode(
        served.Problem(
            type="about:blank", title="t", status=status, detail="m", code=code, remedy="r", error=error
        )
    )


def test_a_newer_row_is_no_bad_gateway(client, transport):
    transport.answer = (502, problem(502, "refused"))

    with pytest.raises(ApiError, match="refused"):
        client.list_waiting()
    assert len(transport.sent) == 1


def test_what_is_sent_again_bears_the_same_key_and_each_request_another(client, transport):
    done = Reply(202, b'{"run": "r", "status": "training"}')
    transport.answers = [Unreachable("reset"), Reply(409, problem(409, "still_running")), done, done]
    client.cancel_run("r")
    client.cancel_run("r")
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in transport.sent]

    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert len(transport.sent) == 4


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


@pytest.mark.parametrize("sent", [b"", b"no http\n\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_an_answer_that_is_cut_off_is_none(sent):
    """Nor is a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer():
            taken, _ = server.accept()
            taken.recv(65536)
            taken.sendall(sent)
            taken.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(Unreachable):
            send_by_http("GET", f"http://127.0.0.1:{port}/", {}, None)
    with pytest.raises(Unreachable, match="refused"):
        send_by_http("GET", f"http://127.0.0.1:{port}/", {}, None)


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
