"""The host delivers blobs, messages, ticks and requests as the real one does."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import ROOT
from local.host.http import starlette_path
from local.processes import start_and_wait

pytestmark = pytest.mark.azurite
APP = Path(__file__).parent / "apps" / "echo"
LEASE_S = 2


class Running:
    """A host on the echo app, and what the app told."""

    def __init__(self, state, azurite):
        self.state, self.log = state, state / "echo.log"
        self.environ = {
            "PATH": os.environ["PATH"],
            "DATA": azurite,
            "SCHEDULE": "* * * * * *",
            "ECHO_LOG": str(self.log),
        }
        self.start()

    def start(self):
        command = [sys.executable, "-m", "local.host", "--app", str(APP), "--state", str(self.state)]
        command += ["--lease-s", str(LEASE_S)]
        self.child, ready = start_and_wait(
            "host", command, self.state / "log", cwd=ROOT, environ=self.environ
        )
        self.url = ready["url"] + "/api"
        identities = json.loads((self.state / "identities.json").read_text())
        self.tokens = {name: identity["token"] for name, identity in identities.items()}

    def told(self, kind, timeout_s=0.0, count=1, **facts):
        stop_at = time.monotonic() + timeout_s
        while True:
            lines = (
                [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
            )
            found = [x for x in lines if x["kind"] == kind and facts.items() <= x.items()]
            if len(found) >= count or time.monotonic() > stop_at:
                return found
            time.sleep(0.05)

    def get(self, path, **options):
        return httpx2.request(
            options.pop("method", "GET"), self.url + path, timeout=20, trust_env=False, **options
        )


@pytest.fixture(scope="module")
def inbox(azurite):
    with BlobServiceClient.from_connection_string(azurite) as service:
        service.create_container("inbox")
        yield service.get_container_client("inbox")


@pytest.fixture(scope="module")
def queues(azurite):
    with QueueServiceClient.from_connection_string(azurite) as service:
        yield service


@pytest.fixture(scope="module")
def host(tmp_path_factory, azurite, inbox):  # noqa: ARG001
    running = Running(tmp_path_factory.mktemp("host"), azurite)
    yield running
    running.child.stop()


def test_a_blob_is_delivered_once_and_its_output_is_sent(host, inbox):
    inbox.upload_blob("folder/one.txt", b"hello")

    assert host.told("blob", 10, name="folder/one.txt")[0]["content"] == "hello"
    assert host.told("work", 10, text="from folder/one.txt")
    time.sleep(2.5)
    assert len(host.told("blob", name="folder/one.txt")) == 1
    inbox.upload_blob("folder/one.txt", b"again", overwrite=True)
    assert [x["content"] for x in host.told("blob", 10, 2, name="folder/one.txt")] == ["hello", "again"]


def test_a_blob_that_fails_five_times_becomes_a_poison_message(host, inbox):
    etag = inbox.upload_blob("bad.txt", b"x").get_blob_properties().etag
    (poison,) = host.told("poison", 20)

    assert poison["message"] == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.on_blob",
        "BlobType": "BlockBlob",
        "ContainerName": "inbox",
        "BlobName": "bad.txt",
        "ETag": etag,
    }
    assert len(host.told("blob", name="bad.txt")) == 5


def test_a_message_that_fails_five_times_goes_to_the_poison_queue(host):
    host.get("/say/it", params={"queue": "bad one"})

    assert host.told("work-poison", 20, text="bad one")
    assert [x["tries"] for x in host.told("work", text="bad one")] == [1, 2, 3, 4, 5]


def test_a_message_that_fails_in_the_poison_queue_comes_again_and_again(host, queues):
    host.get("/say/it", params={"queue": "bad and worse"})

    assert host.told("work-poison", 20, count=3, text="bad and worse")
    assert [x["tries"] for x in host.told("work-poison", text="bad and worse")][:3] == [1, 2, 3]
    assert "work-poison-poison" not in {queue.name for queue in queues.list_queues()}


def test_a_text_that_is_not_base64_is_moved_as_it_is_and_reaches_nobody(host, queues):
    queues.get_queue_client("work").send_message("hello world!")
    poison = queues.get_queue_client("work-poison")
    stop_at = time.monotonic() + 10
    while not (seen := [m for m in poison.peek_messages(32) if m.content == "hello world!"]):
        assert time.monotonic() < stop_at
        time.sleep(0.05)

    assert len(seen) == 1
    assert not [x for kind in ("work", "work-poison") for x in host.told(kind) if "hello" in x["text"]]


def test_what_was_taken_by_processes_that_died_is_not_run_a_sixth_time(host, queues, inbox):
    """A message and a blob, each taken five times before."""
    os.killpg(host.child.process.pid, signal.SIGKILL)
    host.child.process.wait()
    work = queues.get_queue_client("work")
    spent = work.send_message("c3BlbnQ=").id
    for _ in range(5):
        (taken,) = [m for m in work.receive_messages(visibility_timeout=60) if m.id == spent]
        work.update_message(taken, visibility_timeout=0)
    etag = inbox.upload_blob("deadly.txt", b"x").get_blob_properties().etag.strip('"')
    with (host.state / "tries-on_blob.txt").open("a") as tries:
        tries.write((json.dumps(["deadly.txt", etag]) + "\n") * 5)
    host.start()

    assert host.told("work-poison", 20, text="spent")
    poisoned = host.told("poison", 20, count=2)[-1]["message"]
    assert poisoned["BlobName"] == "deadly.txt"
    assert not host.told("work", text="spent")
    assert not host.told("blob", name="deadly.txt")


def test_a_list_is_sent_message_by_message(host):
    host.get("/say/it", params={"queue": "m1,m2,m3"})

    assert all(host.told("work", 10, text=text) for text in ("m1", "m2", "m3"))


def test_a_timer_never_runs_twice_at_once(host):
    """Of each process, since one of them is killed by another test."""
    assert len(host.told("time over", 20, 4)) >= 4
    told = [json.loads(line) for line in host.log.read_text().splitlines()]
    for process in {x["process"] for x in told if x["kind"] == "time"}:
        kinds = [x["kind"] for x in told if x.get("process") == process]
        assert kinds[0] == "time"
        assert all(a != b for a, b in itertools.pairwise(kinds))


def test_routes_have_prefix_parameters_methods_and_bodies(host):
    answer = host.get("/say/hello?x=1")
    assert (answer.status_code, answer.headers["X-Own"]) == (202, "1")
    assert answer.json() == {"what": "hello", "query": {"x": "1"}, "principal": None, "name": None}
    assert host.get("/files/a/b/c.txt").text == "GET a/b/c.txt "
    assert host.get("/files/x", method="POST", content=b"body").text == "POST x body"
    assert host.get("/nothing").status_code == 404
    assert host.get("/say/x", method="POST").status_code == 405
    assert host.get("/say/x", method="HEAD").status_code == 405
    assert httpx2.get(host.url.removesuffix("/api") + "/say/x", trust_env=False).status_code == 404


def test_an_exception_is_an_empty_500(host):
    answer = host.get("/say/boom")

    assert (answer.status_code, answer.content) == (500, b"")


def test_principals_come_from_tokens_and_from_nowhere_else(host):
    forged = {
        "x-ms-client-principal": "eyJ9",
        "X-MS-CLIENT-PRINCIPAL-NAME": "root",
        "x-ms-client-principal-id": "0",
    }

    assert host.get("/say/me", headers=forged).json()["principal"] is None
    assert host.get("/say/me", headers=forged).json()["name"] is None
    known = host.get(
        "/say/me", headers=forged | {"Authorization": f"Bearer {host.tokens['approver']}"}
    ).json()
    assert known["name"] == "approver@local.example"
    assert host.get("/say/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_a_message_comes_back_soon_after_the_host_was_killed(host, inbox):
    host.get("/say/it", params={"queue": "slow one"})
    assert host.told("work", 10, text="slow one", tries=1)
    before = len(host.told("blob"))
    os.killpg(host.child.process.pid, signal.SIGKILL)
    host.child.process.wait()
    host.start()

    assert host.told("work", 20, text="slow one", tries=2)
    inbox.upload_blob("after.txt", b"x")
    assert host.told("blob", 10, name="after.txt")
    assert len(host.told("blob")) == before + 1  # what was delivered before the kill is not delivered again


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("runs", "/api/runs"),
        ("runs/{id}", "/api/runs/{id}"),
        ("runs/{id:int}/x", "/api/runs/{id:int}/x"),
        ("files/{*path}", "/api/files/{path:path}"),
    ],
)
def test_route_templates(route, path):
    assert starlette_path("api", route) == path


GOOD_HOST = '{"version": "2.0"}'
HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"
ROUTE = """
@app.function_name("{name}")
@app.route(route="{route}")
def {name}(req: func.HttpRequest) -> str:
    return ""
"""
TIMER = """
@app.function_name("t")
@app.timer_trigger(arg_name="t", schedule="{cron}")
def t(t: func.TimerRequest) -> None:
    pass
"""
QUEUE = """
@app.function_name("q")
@app.queue_trigger(arg_name="m", queue_name="q", connection="{c}")
def q(m: func.QueueMessage) -> None:
    pass
"""
CLASH = ROUTE.format(name="a", route="x/{i}") + ROUTE.format(name="b", route="x/{j}")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("host_json", "source", "words"),
    [
        (GOOD_HOST, "import no_such_module\n", "no_such_module"),
        (GOOD_HOST, HEAD, "0 functions found"),
        ("{", HEAD, "host.json"),
        ('{"version": "1.0"}', HEAD, "version"),
        ('{"version": "2.0", "extensions": {"queues": {"batchSize": "8"}}}', HEAD, "extensions.queues.batchSize is '8'"),
        (GOOD_HOST, HEAD + TIMER.format(cron="%NO_SUCH%"), "%NO_SUCH%"),
        (GOOD_HOST, HEAD + TIMER.format(cron="0 99 * * * *"), "is not an NCRONTAB expression"),
        (GOOD_HOST, HEAD + QUEUE.format(c="NOWHERE"), "connection NOWHERE has no app setting"),
        (GOOD_HOST, HEAD + CLASH, "is the route of a already"),
    ],
)  # fmt: skip
def test_what_a_real_host_refuses_is_refused_with_words(tmp_path, host_json, source, words):
    (tmp_path / "host.json").write_text(host_json)
    (tmp_path / "function_app.py").write_text(source)
    command = [sys.executable, "-m", "local.host", "--app", str(tmp_path), "--state", str(tmp_path / "state")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert words in done.stderr
