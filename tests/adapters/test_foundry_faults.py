"""What is special in the OpenAI client's faults; each call under each fault is in `test_fault_matrix.py`."""

import io
import json
import time
from datetime import UTC, datetime, timedelta

import openai
import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo

from shared.adapters.foundry import (
    FoundryFiles,
    FoundryInference,
    FoundryTrainer,
    create_account_client,
    create_openai_client,
)
from shared.core.errors import (
    NotReady,
    OutcomeUnknown,
    QuotaExhausted,
    Refused,
    StartWindowPassed,
    Throttled,
    Unauthorized,
    Unavailable,
)
from shared.core.serving import Route
from tests.adapters.fault_server import as_json, fault_server, foundry

NOW = datetime(2027, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=60)


class StoppedClock:
    def now(self):
        return NOW


@pytest.fixture(scope="module")
def server():
    with fault_server() as made:
        yield made


@pytest.fixture
def ports(server):
    server.reset()
    with openai.OpenAI(base_url=f"{server.url}/openai/v1", api_key="k", max_retries=0, timeout=0.3) as client:
        files = FoundryFiles(client, StoppedClock(), upload_timeout_s=0.3)
        yield files, FoundryTrainer(client, StoppedClock()), FoundryInference(client)


def create_job(ports):
    return ports[1].create(
        {"model": "m", "training_file": "file-1", "extra_body": {"trainingType": "GlobalStandard"}}, SOON
    )


def upload(ports):
    return ports[0].upload("a.jsonl", io.BytesIO(b"{}\n"), SOON)


@pytest.mark.parametrize("create", [create_job, upload])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("401", Unauthorized),
        ("403", Unauthorized),
        ("404", Refused),
        ("quota", QuotaExhausted),
        ("409", Unavailable),
        ("400", Refused),
    ],
)
def test_a_refused_create_says_why_after_one_request(server, ports, create, fault, expected):
    server.script = [fault]

    with pytest.raises(expected):
        create(ports)
    assert len(server.requests) == 1


def test_retry_after_is_read(server, ports):
    server.script = ["429_retry_after"]

    with pytest.raises(Throttled) as raised:
        create_job(ports)
    assert raised.value.retry_after_s == 9


def test_a_wait_that_is_not_a_number_is_not_a_wait(server, ports):
    server.reset("429_odd_retry_after")

    with pytest.raises(Throttled) as raised:
        create_job(ports)
    assert raised.value.retry_after_s is None


@pytest.mark.parametrize("create", [create_job, upload])
def test_a_create_that_found_nobody_listening_was_not_sent(create):
    """Nothing can have been applied, so nobody must wait for it to appear."""
    with fault_server() as gone:
        url = gone.url
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0, timeout=0.5) as client:
        files = FoundryFiles(client, StoppedClock(), upload_timeout_s=0.5)
        with pytest.raises(Unavailable):
            create((files, FoundryTrainer(client, StoppedClock())))


@pytest.mark.parametrize("create", [create_job, upload])
def test_nothing_is_sent_after_the_start_window(server, ports, create, monkeypatch):
    monkeypatch.setattr(StoppedClock, "now", lambda _self: SOON + timedelta(seconds=1))

    with pytest.raises(StartWindowPassed):
        create(ports)
    assert server.requests == []


READS = {
    "jobs": lambda ports: ports[1].jobs(datetime(2020, 1, 1, tzinfo=UTC)),
    "job": lambda ports: ports[1].job("ftjob-1"),
    "events": lambda ports: ports[1].events("ftjob-1", 10),
    "checkpoints": lambda ports: ports[1].checkpoints("ftjob-1"),
    "named": lambda ports: ports[0].named(frozenset({"a.jsonl"})),
    "content": lambda ports: ports[0].content("file-1"),
    "cancel": lambda ports: ports[1].cancel("ftjob-1"),
    "delete": lambda ports: ports[0].delete("file-1"),
}

BROKEN = ("reset_before", "reset_after", "truncated", "slow")


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("fault", [*BROKEN, "408", "500", "503", "429_retry_after", "html"])
def test_a_read_survives_one_fault(server, ports, name, fault, monkeypatch):
    monkeypatch.setattr(
        "openai._base_client.BaseClient._calculate_retry_timeout", lambda *_args, **_more: 0.01
    )
    server.script = [fault]
    READS[name](ports)
    assert len(server.requests) == 2


def ask(inference):
    return inference.answer("d", [{"role": "user", "content": "hi"}], None, index=4, max_completion_tokens=9)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("404", NotReady),
        ("401", Unauthorized),
        ("quota", QuotaExhausted),
        ("409", Unavailable),
    ],
)
def test_an_answer_that_does_not_come_is_one_of_our_errors(server, ports, fault, expected, monkeypatch):
    monkeypatch.setattr(
        "openai._base_client.BaseClient._calculate_retry_timeout", lambda *_args, **_more: 0.01
    )
    server.script = [fault] * 5

    with pytest.raises(expected):
        ask(ports[2])


@pytest.mark.parametrize("code", ["DeploymentNotReady", "DeploymentNotFound"])
def test_a_deployment_that_does_not_serve_yet_is_not_ready(code):
    def refuse(*_request):
        return as_json({"error": {"code": code, "message": "soon"}}, 409)

    with (
        fault_server(refuse) as server,
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0, timeout=0.5) as client,
        pytest.raises(NotReady),
    ):
        ask(FoundryInference(client))


def test_listings_are_read_to_their_end():
    """Page after page, the last of which says that there is no more."""

    def pages(method, path, headers, body):
        status, kind, raw = foundry(method, path, headers, body)
        if "after=" not in path:
            listing = json.loads(raw)
            listing["data"] = [listing["data"][0] | {"id": f"x{n}", "filename": f"{n}"} for n in range(3)]
            return as_json(listing | {"has_more": True, "last_id": "x2"})
        return status, kind, raw

    with (
        fault_server(pages) as server,
        openai.OpenAI(base_url=server.url, api_key="k", max_retries=0, timeout=0.5) as client,
    ):
        jobs = FoundryTrainer(client, StoppedClock()).jobs(datetime(2020, 1, 1, tzinfo=UTC))
        files = FoundryFiles(client, StoppedClock(), upload_timeout_s=0.5).named(frozenset({"a.jsonl", "1"}))
    assert [job.id for job in jobs] == ["x0", "x1", "x2", "ftjob-1"]
    assert {name: file.id for name, file in files.items()} == {"1": "x1", "a.jsonl": "file-1"}


def test_a_good_answer_is_read_in_full(server, ports):
    job = create_job(ports)

    assert (job.id, job.status, job.base_model) == ("ftjob-1", "pending", "gpt-4.1-2025-04-14")
    assert job.hyperparameters == {"n_epochs": 3}
    assert (job.model, job.error, job.result_files) == (None, None, ())
    assert b"trainingType" in server.requests[-1][1]
    answer = ports[2].answer("d", [{"role": "user", "content": "hi"}], None, index=4, max_completion_tokens=9)
    assert (answer.index, answer.text, answer.prompt_tokens, answer.completion_tokens) == (4, "hello", 3, 1)
    assert b'"temperature":0.0' in server.requests[-1][1].replace(b" ", b"")
    ports[2].answer(
        "d", [{"role": "user", "content": "hi"}], None, index=4, max_completion_tokens=9, temperature=None
    )
    assert b"temperature" not in server.requests[-1][1]


def test_the_upload_names_file_and_content_type(server, ports):
    """Azure refuses files without a content type, and by their suffix."""
    upload(ports)

    assert b'filename="a.jsonl"' in server.requests[-1][1]
    assert b"Content-Type: application/jsonl" in server.requests[-1][1]


class SlowToken:
    """A token that takes longer than the start window."""

    def __init__(self, clock):
        self.clock = clock

    def get_token(self, *_scopes, **_options):
        self.clock.at = SOON + timedelta(seconds=1)
        return AccessToken("t", 4_000_000_000)

    def get_token_info(self, *scopes, options=None):
        del options
        return AccessTokenInfo(self.get_token(*scopes).token, 4_000_000_000)


class MovingClock:
    at = NOW

    def now(self):
        return self.at


@pytest.mark.parametrize("create", [create_job, upload])
def test_a_request_whose_token_came_too_late_is_not_sent(server, create):
    """The window is about when the request leaves; a worker that was held up before that must not act on an old look."""
    server.reset()
    clock = MovingClock()
    with create_openai_client(f"{server.url}/api/projects/p", SlowToken(clock), timeout_s=5) as client:
        ports = FoundryFiles(client, clock, upload_timeout_s=5), FoundryTrainer(client, clock)
        with pytest.raises(StartWindowPassed):
            create(ports)
    assert server.requests == []


class Drop(io.BytesIO):
    """A file that is read slower than the upload may last."""

    def read(self, size=-1):
        time.sleep(0.1)
        return super().read(min(size, 4) if size and size > 0 else 4)


def test_an_upload_that_takes_too_long_is_given_up(server):
    """Each of its writes is in time; the settle law needs a bound for all of them together."""
    server.reset()
    with create_openai_client(
        f"{server.url}/api/projects/p", SlowToken(MovingClock()), timeout_s=5
    ) as client:
        files = FoundryFiles(client, StoppedClock(), upload_timeout_s=0.5)
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            files.upload("a.jsonl", Drop(b"x" * 400), SOON)
    assert time.monotonic() - started < 3
    assert server.applied == []


BOTH = (Route.PROJECT, Route.ACCOUNT)


class Doors:
    """A project and its account; each answers with what a test says, and notes who was asked."""

    def __init__(self, project, account):
        self.says = {"project": project, "account": account}
        self.asked = []

    def __call__(self, _method, path, _headers, _body):
        door = (
            "account" if path.startswith("/openai/deployments/d/chat/completions?api-version=") else "project"
        )
        self.asked.append(door)
        status = self.says[door]
        if status == 200:
            return foundry("POST", path, {}, b"")
        return as_json(
            {"error": {"code": "DeploymentNotFound" if status == 404 else "x", "message": door}}, status
        )


def asking(doors, *, times=1, routes=BOTH):
    """What becomes of so many questions, each with what it was answered or refused with."""
    with (
        fault_server(doors) as server,
        openai.OpenAI(base_url=f"{server.url}/openai/v1", api_key="k", max_retries=0, timeout=3) as client,
        create_account_client(f"{server.url}/api/projects/p", Token(), timeout_s=3) as account,
    ):
        inference = FoundryInference(client, account)
        inference._clients = {
            route: one.with_options(max_retries=0) for route, one in inference._clients.items()
        }
        for _ in range(times):
            doors.asked.clear()
            yield lambda: inference.answer(
                "d",
                [{"role": "user", "content": "hi"}],
                None,
                index=1,
                max_completion_tokens=9,
                routes=routes,
            )


class Token:
    def get_token(self, scope, **_options):
        assert scope == "https://cognitiveservices.azure.com/.default"
        return AccessToken("t", 4_000_000_000)

    def get_token_info(self, scope, options=None):
        del options
        assert scope == "https://cognitiveservices.azure.com/.default"
        return AccessTokenInfo("t", 4_000_000_000)


def test_the_route_that_serves_is_remembered_and_forgotten_when_it_answers_404():
    doors = Doors(project=404, account=200)
    seen = []
    for number, ask in enumerate(asking(doors, times=4)):
        if number == 2:
            doors.says = {"project": 200, "account": 404}  # made anew, and served elsewhere
        seen.append((ask().route, list(doors.asked)))

    assert seen == [
        ("account", ["project", "account"]),
        ("account", ["account"]),
        ("project", ["account", "project"]),
        ("project", ["project"]),
    ]


def test_a_model_that_is_not_open_is_asked_at_its_project_only():
    """A deployment that is not ready answers 404 there, too."""
    doors = Doors(project=404, account=200)
    for ask in asking(doors, routes=(Route.PROJECT,)):
        with pytest.raises(NotReady):
            ask()
        assert doors.asked == ["project"]


def test_without_the_right_at_the_account_the_project_serves_if_it_can():
    doors = Doors(project=200, account=403)
    for ask in asking(doors):
        assert ask().route == "project"


@pytest.mark.parametrize(("account", "expected"), [(404, NotReady), (401, Unauthorized), (403, Unauthorized)])
def test_where_no_route_serves_both_are_named(account, expected):
    doors = Doors(project=404, account=account)
    for ask in asking(doors):
        with pytest.raises(expected) as raised:
            ask()
        assert "neither at the project nor at the account" in raised.value.message
        assert str(account) in raised.value.message
        assert doors.asked == ["project", "account"]


@pytest.mark.parametrize("call", ["job", "has_model", "cancel", "delete", "upload", "create"])
def test_a_project_that_is_not_known_yet_says_nothing_about_what_was_asked_for(call):
    """A new project answers 404 for minutes: no job is gone for that, no file deleted, no run failed."""

    def answer(*_request):
        return as_json({"error": {"code": "NotFound", "message": "Project not found"}}, 404)

    with (
        fault_server(answer) as server,
        openai.OpenAI(base_url=f"{server.url}/openai/v1", api_key="k", max_retries=0, timeout=3) as client,
    ):
        files = FoundryFiles(client, StoppedClock(), upload_timeout_s=3)
        made = files, FoundryTrainer(client, StoppedClock()), None
        calls = {
            "job": lambda: made[1].job("ftjob-1"),
            "has_model": lambda: made[1].has_model("m"),
            "cancel": lambda: made[1].cancel("ftjob-1"),
            "delete": lambda: files.delete("file-1"),
            "upload": lambda: upload(made),
            "create": lambda: create_job(made),
        }
        with pytest.raises(Unavailable):
            calls[call]()
