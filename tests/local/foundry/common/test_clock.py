"""The clock: real, fast, stepped or standing still, never back; and everything in the stand-in goes by it."""

import contextlib
import json
import math
import ssl
import time

import httpx2
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.foundry.common.clock import ADVANCE_S_MAX, RATE_MAX, Clock, Reading
from local.foundry.control.client import ControlClient, ControlError
from local.stand_in import start_stand_in
from tests.support.boxes import boxes

DAY_S = 86_400


class Wall:
    """The machine's time, moved by hand."""

    def __init__(self):
        self.at = 1000.0

    def __call__(self):
        return self.at


@pytest.fixture
def wall():
    return Wall()


def test_it_begins_as_the_machine_has_it(wall):
    clock = Clock(wall=wall)
    wall.at += 5

    assert clock.now() == 1005


def test_it_runs_as_fast_as_one_likes_from_then_on(wall):
    clock = Clock(wall=wall)
    wall.at += 5
    clock.change(rate=60)
    assert clock.now() == 1005
    wall.at += 2
    assert clock.now() == 1005 + 120
    clock.change(rate=0)
    wall.at += 1000
    assert clock.now() == 1005 + 120
    clock.change(rate=1)
    wall.at += 1
    assert clock.now() == 1005 + 121


def test_it_is_stepped_whatever_its_rate(wall):
    clock = Clock(wall=wall)
    for rate, passed in ((1, 1), (0, 0), (10, 10)):
        clock.change(rate=rate)
        before = clock.now()
        clock.change(advance_s=DAY_S)
        wall.at += 1
        assert clock.now() == before + DAY_S + passed


def test_it_goes_on_from_its_reading_with_the_time_that_passed_meanwhile(wall):
    kept = Clock(wall=wall).change(advance_s=7, rate=3)
    wall.at += 10

    assert Clock(Reading(*[kept.at, kept.since, kept.rate]), wall).now() == 1000 + 7 + 30


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1e5), st.floats(0, 1e4)), max_size=8))
def test_it_never_goes_back(changes):
    wall = Wall()
    clock = Clock(wall=wall)
    seen = [clock.now()]
    for passed, advance_s, rate in changes:
        wall.at += passed
        clock.change(advance_s=advance_s, rate=rate)
        seen.append(clock.now())

    assert seen == sorted(seen)


def test_a_machine_whose_clock_is_set_back_makes_it_stand_still(wall):
    clock = Clock(wall=wall)
    wall.at -= 100

    assert clock.now() == 1000


@pytest.mark.parametrize(
    "change",
    [
        {"advance_s": -1},
        {"rate": -1},
        {"rate": RATE_MAX * 2},
        {"advance_s": ADVANCE_S_MAX * 2},
        {"rate": math.nan},
    ],
)
def test_it_goes_nowhere_else(wall, change):
    clock = Clock(wall=wall)

    with pytest.raises(ValueError, match="must be 0 to"):
        clock.change(**change)
    assert clock.now() == 1000


def test_how_long_it_takes_follows_from_its_rate(wall):
    clock = Clock(wall=wall)
    assert (clock.real_s(10), clock.real_s(-1)) == (10, 0)
    clock.change(rate=20)
    assert clock.real_s(10) == 0.5
    clock.change(rate=0)
    assert (clock.real_s(10), clock.real_s(0)) == (math.inf, 0)


# The stand-in goes by it


class Service:
    """A stand-in at the speed of Azure's phases here, so that nothing moves by itself within a test."""

    def __init__(self, state, *more):
        self.child, self.ready = start_stand_in(state, "--speed", "0.01", "--control", *more)
        self.control = ControlClient.of(self.ready)
        self.http = httpx2.Client(
            base_url=self.ready["endpoint"], verify=self.context(), timeout=10, trust_env=False
        )
        self.http.headers["Authorization"] = f"Bearer {self.token('https://ai.azure.com')}"

    def context(self):
        return ssl.create_default_context(cafile=self.ready["ca_bundle"])

    def token(self, resource):
        answer = self.http.get(
            "/msi/token", params={"resource": resource}, headers={"X-IDENTITY-HEADER": "local-cloud"}
        )
        return answer.json()["access_token"]

    def get(self, path):
        return self.http.get(f"/openai/v1/{path}").json()

    def upload(self, rows):
        files = {"file": ("a.jsonl", rows, "application/jsonl")}
        return self.http.post("/openai/v1/files", data={"purpose": "fine-tune"}, files=files).json()

    def create(self, file_id):
        body = {"model": "gpt-4.1", "training_file": file_id, "trainingType": "Standard"}
        return self.http.post("/openai/v1/fine_tuning/jobs", json=body).json()

    def until(self, path, status):
        stop_at = time.monotonic() + 10
        while (seen := self.get(path))["status"] != status:
            assert time.monotonic() < stop_at, seen
            time.sleep(0.02)
        return seen


@contextlib.contextmanager
def service(state, *more):
    made = Service(state, *more)
    try:
        yield made
    finally:
        made.http.close()
        made.child.stop()


@pytest.mark.stand_in
def test_files_and_jobs_go_by_steps_of_a_clock_that_stands_still_also_after_a_restart(tmp_path):
    with service(tmp_path, "--clock-rate", "0") as one:
        file = one.upload(boxes(12))
        path = f"files/{file['id']}"
        assert one.get(path)["status"] == "pending"
        one.control.advance(50)
        assert one.get(path)["status"] == "running"
        now = one.control.advance(100)
        assert one.get(path)["status"] == "processed"
        job = one.create(file["id"])
        assert job["created_at"] == int(now) == file["created_at"] + 150

    with service(tmp_path) as again:
        assert again.control.call("GET", "clock") == {"now": now, "rate": 0}
        path = f"fine_tuning/jobs/{job['id']}"
        for status in ("validating_files", "queued", "running"):
            time.sleep(0.15)  # three looks of the trainer
            assert again.get(path)["status"] != status
            again.control.advance(130)
            again.until(path, status)
        time.sleep(0.3)  # a fit of twelve rows takes less, were it not for its pace
        assert again.get(path)["status"] == "running"
        again.control.advance(DAY_S)
        done = again.until(path, "succeeded")
        assert done["finished_at"] == int(again.control.now()) == int(now) + 3 * 130 + DAY_S
        events = again.get(f"{path}/events?limit=100")["data"]
        assert {event["created_at"] for event in events} <= {
            int(now) + 130 * n + d for n in range(4) for d in (0, DAY_S)
        }
        assert {one["created_at"] for one in again.get(f"{path}/checkpoints")["data"]} == {
            int(again.control.now())
        }


@pytest.mark.stand_in
def test_deployments_and_answers_go_by_it_and_tokens_do_not(tmp_path):
    with service(tmp_path, "--clock-rate", "0") as one:
        headers = {"Authorization": f"Bearer {one.token('https://management.azure.com')}"}
        path = (
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments/d"
        )
        model = {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}
        body = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": model}}
        assert one.http.put(path, headers=headers, json=body).status_code == 201
        states = []
        for _ in range(5):
            states.append(one.http.get(path, headers=headers).json()["properties"]["provisioningState"])
            one.control.advance(60)

        assert states == ["Accepted", "Creating", "Creating", "Creating", "Creating"]
        now = one.control.advance(DAY_S)
        ask = {"model": "d", "messages": [{"role": "user", "content": "hello"}]}
        answer = one.http.post("/openai/v1/chat/completions", json=ask)
        assert answer.json()["created"] == int(now)
        claims = jwt.decode(one.token("https://ai.azure.com"), options={"verify_signature": False})
        assert abs(claims["exp"] - 3600 - time.time()) < 10


@pytest.mark.stand_in
def test_a_fast_clock_takes_a_slow_job_through_in_seconds(tmp_path):
    with service(tmp_path, "--clock-rate", "2000") as one:
        file = one.upload(boxes(12))
        one.until(f"files/{file['id']}", "processed")
        job = one.create(file["id"])
        done = one.until(f"fine_tuning/jobs/{job['id']}", "succeeded")

    assert (
        done["finished_at"] - done["created_at"] >= 360 + 500
    )  # its phases at this speed, and the least of a fit


@pytest.mark.parametrize(
    "body", [{}, {"rate": "fast"}, {"rate": True}, {"advance_s": -1}, {"hours": 1}, {"rate": 1e9}]
)
def test_the_clock_refuses_what_it_cannot_do(control, body):
    with pytest.raises(ControlError) as refused:
        control.call("POST", "clock", body)

    assert refused.value.status == 400
    assert json.loads(str(refused.value).partition(": ")[2])["error"]["code"] == "invalidPayload"
