"""The real OpenAI client under faults: creates are sent once, every outcome is one of our errors."""

import io
from datetime import UTC, datetime, timedelta

import openai
import pytest

from shared.adapters.foundry import FoundryFiles, FoundryInference, FoundryTrainer
from shared.core.errors import OutcomeUnknown, Refused, StartWindowPassed, Throttled, Unavailable
from tests.adapters.fault_server import fault_server

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
    server.script, server.requests, server.applied = [], [], []
    with openai.OpenAI(base_url=f"{server.url}/openai/v1", api_key="k", max_retries=0, timeout=0.5) as client:
        files = FoundryFiles(client, StoppedClock(), upload_timeout_s=0.5)
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
        ("reset_before", OutcomeUnknown),
        ("reset_after", OutcomeUnknown),
        ("slow", OutcomeUnknown),
        ("truncated", OutcomeUnknown),
        ("408", OutcomeUnknown),
        ("500", OutcomeUnknown),
        ("503", OutcomeUnknown),
        ("html", OutcomeUnknown),
        ("429", Throttled),
        ("429_retry_after", Throttled),
        ("409", Unavailable),
        ("400", Refused),
    ],
)
def test_a_create_is_sent_once_whatever_comes_back(server, ports, create, fault, expected):
    server.script = [fault]

    with pytest.raises(expected):
        create(ports)
    assert len(server.requests) == 1


def test_retry_after_is_read(server, ports):
    server.script = ["429_retry_after"]

    with pytest.raises(Throttled) as raised:
        create_job(ports)
    assert raised.value.retry_after_s == 9


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


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("fault", ["reset_before", "503", "429_retry_after", "html"])
def test_a_read_survives_one_fault_or_says_that_it_can_be_repeated(server, ports, name, fault, monkeypatch):
    monkeypatch.setattr(
        "openai._base_client.BaseClient._calculate_retry_timeout", lambda *_args, **_more: 0.01
    )
    server.script = [fault]
    READS[name](ports)
    assert len(server.requests) == 2

    server.script = [fault] * 5
    with pytest.raises((Unavailable, Throttled)):
        READS[name](ports)


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
