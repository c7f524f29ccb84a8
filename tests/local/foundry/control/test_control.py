"""Faults on demand: which requests they hit, what the wire then does, and that nobody else can ask for them."""

import http.client
import json
import ssl
import time
from contextlib import closing

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azurite import ROOT
from local.foundry.control.client import ControlClient, ControlError
from local.foundry.control.faults import KINDS, Fault, NotAFault, choose
from local.foundry.control.journal import BODY_BYTES_MAX, ENTRIES_MAX, Journal
from local.stand_in import start_stand_in
from tests.support.boxes import boxes

JOBS = "/openai/v1/fine_tuning/jobs"
DEPLOYMENTS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments"


#: What every fault takes.
COMMON = {"method", "path", "count", "skip", "every", "probability", "seed"}


def fault(kind="status", number=1, **given):
    return Fault.read(number, {"kind": kind} | given)


def fired(faults, count, method="GET", path="/x"):
    """The number of the fault that hits each of so many requests."""
    return [
        chosen.answer.number if chosen.answer else 0
        for chosen in (choose(faults, method, path) for _ in range(count))
    ]


def until(look):
    stop_at = time.monotonic() + 10
    while not look():
        assert time.monotonic() < stop_at, "it did not happen in time"
        time.sleep(0.02)


# Which requests


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [1, 1, 1, 1, 1, 1]),
        ({"count": 2}, [1, 1, 0, 0, 0, 0]),
        ({"skip": 2}, [0, 0, 1, 1, 1, 1]),
        ({"skip": 1, "count": 2}, [0, 1, 1, 0, 0, 0]),
        ({"every": 3}, [1, 0, 0, 1, 0, 0]),
        ({"every": 2, "skip": 1, "count": 2}, [0, 1, 0, 1, 0, 0]),
        ({"probability": 0}, [0, 0, 0, 0, 0, 0]),
    ],
)
def test_a_fault_hits_requests_by_count(given, expected):
    assert fired([fault(**given)], 6) == expected


@pytest.mark.parametrize(
    ("method", "path", "is_selected"),
    [
        ("POST", "*/fine_tuning/jobs", True),
        ("post", "/openai/v1/*", True),
        ("*", "*", True),
        ("GET", "*/fine_tuning/jobs", False),
        ("POST", "*/fine_tuning/jobs/*", False),
        ("POST", "/fine_tuning/jobs", False),
        ("POST", "*/deployments/*", False),
    ],
)
def test_a_fault_selects_by_method_and_path(method, path, is_selected):
    assert fault(method=method, path=path).selects("POST", JOBS) is is_selected


def test_the_same_seed_is_the_same_sequence():
    sequence = fired([fault(probability=0.5, seed=7)], 200)

    assert fired([fault(probability=0.5, seed=7)], 200) == sequence
    assert fired([fault(probability=0.5, seed=8)], 200) != sequence
    assert 70 < sum(sequence) < 130


def test_a_fault_of_a_probability_goes_on_where_it_was():
    whole = fired([fault(probability=0.5, seed=7)], 20)
    interrupted = fault(probability=0.5, seed=7)
    interrupted.seen = 10

    assert fired([interrupted], 10) == whole[10:]


def test_of_two_faults_the_first_hits_and_the_other_keeps_its_turn():
    faults = [fault(count=1), fault("reset", 2, count=2), fault("lag", 3, hidden_reads=1, count=1)]

    assert fired(faults, 4) == [1, 2, 2, 0]
    assert [one.fired for one in faults] == [1, 2, 1]
    assert [one.seen for one in faults] == [4, 4, 4]


@given(skip=st.integers(0, 5), every=st.integers(1, 4), count=st.integers(1, 5), requests=st.integers(0, 40))
def test_a_fault_never_fires_more_often_than_it_may(skip, every, count, requests):
    one = fault(skip=skip, every=every, count=count)
    places = [at for at, number in enumerate(fired([one], requests)) if number]

    assert len(places) == one.fired == min(count, max(0, -(-(requests - skip) // every)))
    assert all(at >= skip and (at - skip) % every == 0 for at in places)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "kind must be one of"),
        ({"kind": "earthquake"}, "kind must be one of"),
        ({"kind": "reset", "status": 500}, "takes no status"),
        ({"kind": "status", "status": 200}, "status must be 400 to 599"),
        ({"kind": "status", "status": "503"}, "status must be a whole number"),
        ({"kind": "status", "is_applied": 1}, "is_applied must be true or false"),
        ({"kind": "status", "retry_after_s": True}, "retry_after_s must be a number"),
        ({"kind": "reset", "count": 0}, "count must be"),
        ({"kind": "reset", "probability": 1.5}, "probability must be 0 to 1"),
        ({"kind": "reset", "method": None}, "method must be text"),
        ({"kind": "late", "after_s": -1}, "after_s must be"),
        ({"kind": "lag"}, "takes hidden_s, hidden_reads or both"),
    ],
)
def test_what_is_no_fault_is_refused_with_a_reason(control, body, word):
    with pytest.raises(NotAFault, match=word):
        Fault.read(1, body)
    with pytest.raises(ControlError, match=word):
        control.call("POST", "faults", body)
    assert control.faults() == []


# What the wire does


class Caller:
    """Sends requests over one connection at a time and tells what came, as bytes."""

    def __init__(self, ready):
        self.host = ready["endpoint"].removeprefix("https://")
        self.context = ssl.create_default_context(cafile=ready["ca_bundle"])
        self.tokens = {}
        for plane, resource in (("data", "https://ai.azure.com"), ("arm", "https://management.azure.com")):
            _, _, raw = self.ask(
                "GET", f"/msi/token?resource={resource}", headers={"X-IDENTITY-HEADER": "local-cloud"}
            )
            self.tokens[plane] = {"Authorization": f"Bearer {json.loads(raw)['access_token']}"}

    def ask(self, method, path, body=None, headers=None):
        sent = headers or self.tokens["arm" if path.startswith("/subscriptions") else "data"]
        raw = json.dumps(body) if body is not None else None
        with closing(http.client.HTTPSConnection(self.host, context=self.context, timeout=5)) as connection:
            connection.request(method, path, raw, sent | {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, dict(answer.headers.items()), answer.read()

    def json(self, method, path, body=None):
        return json.loads(self.ask(method, path, body)[2])

    def upload(self):
        url, files = (
            f"https://{self.host}/openai/v1/files",
            {"file": ("a.jsonl", boxes(12), "application/jsonl")},
        )
        with httpx2.Client(verify=self.context, trust_env=False) as client:
            made = client.post(url, data={"purpose": "fine-tune"}, files=files, headers=self.tokens["data"])
        return made.json()["id"]

    def jobs(self):
        return [job["id"] for job in self.json("GET", f"{JOBS}?limit=100")["data"]]


@pytest.fixture(scope="module")
def caller(controlled):
    return Caller(controlled)


@pytest.fixture(scope="module")
def job_body(caller):
    file_id = caller.upload()
    until(lambda: caller.json("GET", f"/openai/v1/files/{file_id}")["status"] == "processed")
    return {"model": "gpt-4.1", "training_file": file_id, "trainingType": "Standard"}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
@pytest.mark.parametrize(("path", "keys"), [(JOBS, 5), (DEPLOYMENTS, 2)])
def test_an_error_has_the_shape_of_the_plane_that_was_asked(control, caller, status, path, keys):
    number = control.add_fault("status", status=status, path=path, count=1)
    got, headers, raw = caller.ask("GET", path)

    assert (got, headers["content-type"]) == (status, "application/json")
    assert len(json.loads(raw)["error"]) == keys
    assert json.loads(raw)["error"]["code"]
    assert "retry-after" not in headers
    assert caller.ask("GET", path)[0] == 200
    seen = control.fault(number)
    assert (seen["seen"], seen["fired"], seen["is_spent"]) == (2, 1, True)


def test_a_wait_is_asked_for_in_seconds_and_in_milliseconds(control, caller):
    control.add_fault("status", status=429, retry_after_s=7, code="noCapacity", message="Later.", count=1)
    control.add_fault("status", status=429, retry_after_ms=1500, count=1)
    first, second = caller.ask("GET", JOBS), caller.ask("GET", JOBS)

    assert (first[1]["retry-after"], "retry-after-ms" in first[1]) == ("7", False)
    assert json.loads(first[2])["error"] | {"param": 0} == {
        "code": "noCapacity", "message": "Later.", "param": 0, "type": "error", "inner_error": None,
    }  # fmt: skip
    assert (second[1]["retry-after-ms"], "retry-after" in second[1]) == ("1500", False)


APPLIED = [
    ("status", {"status": 503}),
    ("html", {}),
    ("reset", {}),
]


@pytest.mark.parametrize(("kind", "given"), APPLIED)
@pytest.mark.parametrize("is_applied", [False, True])
def test_a_fault_comes_before_or_after_the_effect(control, caller, job_body, kind, given, is_applied):
    before, last = caller.jobs(), control.last_request()
    control.add_fault(kind, method="POST", path="*/jobs", count=1, is_applied=is_applied, **given)
    try:
        status, headers, raw = caller.ask("POST", JOBS, job_body)
    except ConnectionResetError as error:
        assert not isinstance(error, http.client.RemoteDisconnected)  # which is an orderly end
        status = None
    made = [job for job in caller.jobs() if job not in before]

    assert status == {"status": 503, "html": 502, "reset": None}[kind]
    assert kind != "html" or (headers["content-type"], raw[:6]) == ("text/html", b"<html>")
    assert len(made) == is_applied
    (noted,) = control.requests(last, method="POST")
    assert (noted["status"], noted["is_applied"]) == (status, is_applied)
    assert noted["route"] == ("/fine_tuning/jobs" if is_applied else None)
    if made:
        caller.ask("POST", f"{JOBS}/{made[0]}/cancel")


def test_a_cut_answer_promises_more_than_it_sends(control, caller):
    whole = caller.ask("GET", f"{JOBS}?limit=1")[2]
    control.add_fault("truncated", path=JOBS, count=1, share=0.25)

    with pytest.raises(http.client.IncompleteRead) as cut:
        caller.ask("GET", f"{JOBS}?limit=1")
    assert cut.value.partial == whole[: len(whole) // 4]
    assert cut.value.expected == len(whole) - len(whole) // 4


def test_an_answer_comes_late_or_bit_by_bit(control, caller):
    late = control.add_fault("slow", path="*/models", count=1, first_byte_s=0.3)
    dripping = control.add_fault("slow", path="*/models", count=1, drip_s=0.02, drip_bytes=100)
    waits, bodies = [], []
    for _ in range(3):
        started = time.perf_counter()
        bodies.append(caller.ask("GET", "/openai/v1/models")[2])
        waits.append(time.perf_counter() - started)

    assert waits[0] >= 0.3
    assert waits[1] >= 0.02 * (len(bodies[1]) // 100)
    assert [control.fault(number)["fired"] for number in (late, dripping)] == [1, 1]
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.parametrize("status", [None, 503])
def test_a_post_is_applied_after_its_answer_was_lost(control, caller, job_body, status):
    control.set_rate(0)
    before = caller.jobs()
    late = control.add_fault("late", method="POST", path="*/jobs", after_s=30, status=status)
    if status is None:
        with pytest.raises(ConnectionResetError):
            caller.ask("POST", JOBS, job_body)
    else:
        assert caller.ask("POST", JOBS, job_body)[0] == status
    control.advance(29)
    time.sleep(0.15)
    assert caller.jobs() == before
    assert control.waiting() == 1
    control.advance(2)
    until(lambda: not control.waiting())
    control.advance(31)
    time.sleep(0.15)

    assert (control.fault(late)["fired"], control.waiting()) == (1, 0)
    (made,) = [job for job in caller.jobs() if job not in before]
    caller.ask("POST", f"{JOBS}/{made}/cancel")


def test_a_new_job_is_listed_after_so_many_reads(control, caller, job_body):
    control.add_fault("lag", method="POST", path="*/jobs", count=1, hidden_reads=2)
    made = caller.json("POST", JOBS, job_body)["id"]
    looks = [made in caller.jobs() for _ in range(4)]

    assert looks == [False, False, True, True]
    assert caller.json("GET", f"{JOBS}/{made}")["id"] == made
    caller.ask("POST", f"{JOBS}/{made}/cancel")


def test_a_new_file_is_listed_after_so_many_seconds(control, caller):
    control.set_rate(0)
    control.add_fault("lag", method="POST", path="*/files", count=1, hidden_s=60)
    made, looks = caller.upload(), []
    for _ in range(3):
        looks.append(made in [one["id"] for one in caller.json("GET", "/openai/v1/files")["data"]])
        control.advance(31)

    assert looks == [False, False, True]


def test_a_new_deployment_is_listed_late_and_an_old_one_is_not_hidden(control, caller):
    path = f"{DEPLOYMENTS}/lagging"
    control.add_fault("lag", method="PUT", path="*/deployments/*", hidden_reads=1)
    model = {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}
    body = {"sku": {"name": "GlobalStandard", "capacity": 1}, "properties": {"model": model}}
    assert caller.ask("PUT", path, body)[0] == 201

    def listed():
        return [one["name"] for one in caller.json("GET", DEPLOYMENTS)["value"]]

    assert "lagging" not in listed()
    assert caller.ask("GET", path)[0] == 200
    assert "lagging" in listed()
    changed = body | {"sku": {"name": "GlobalStandard", "capacity": 2}}
    until(lambda: caller.ask("PUT", path, changed)[0] == 200)
    assert "lagging" in listed()


def test_a_late_job_may_lag_too(control, caller, job_body):
    before = caller.jobs()
    control.add_fault("late", method="POST", path="*/jobs", count=1, after_s=0)
    control.add_fault("lag", method="POST", path="*/jobs", count=1, hidden_reads=1)
    with pytest.raises(ConnectionResetError):
        caller.ask("POST", JOBS, job_body)
    until(lambda: not control.waiting())

    assert caller.jobs() == before
    assert len(caller.jobs()) == len(before) + 1


# What came in


def test_the_journal_tells_what_came_in_and_no_tokens(control, caller, job_body):
    last = control.last_request()
    caller.ask("GET", f"{JOBS}?limit=3")
    caller.ask("POST", JOBS, job_body | {"model": "no-such-model"})
    caller.ask("GET", "/nowhere")
    listing, create, nowhere = control.requests(last)

    assert (listing["method"], listing["path"], listing["query"]) == ("GET", JOBS, "limit=3")
    assert [one["status"] for one in (listing, create, nowhere)] == [200, 400, 404]
    assert [one["route"] for one in (listing, create, nowhere)] == [
        "/fine_tuning/jobs",
        "/fine_tuning/jobs",
        None,
    ]
    assert json.loads(create["body"])["model"] == "no-such-model"
    assert create["size"] == len(create["body"])
    assert listing["at"] <= create["at"] <= control.now()
    assert caller.tokens["data"]["Authorization"] not in json.dumps([listing, create, nowhere])
    control.call("DELETE", "requests")
    assert control.requests() == []
    caller.ask("GET", JOBS)
    assert control.last_request() == nowhere["number"] + 1


def test_the_journal_is_bounded():
    journal = Journal()
    for number in range(ENTRIES_MAX + 5):
        journal.begin(number, "GET", "/", "").keep(b"a" * BODY_BYTES_MAX * 2)
    entries = journal.entries()

    assert (len(entries), entries[0].number) == (ENTRIES_MAX, 6)
    assert entries[-1].size == BODY_BYTES_MAX * 2
    assert len(entries[-1].body) == BODY_BYTES_MAX


# Who may ask


def test_a_fault_can_be_removed(control, caller):
    first, second = control.add_fault("reset", path=JOBS), control.add_fault("html", path=JOBS)
    control.remove_fault(first)

    assert caller.ask("GET", JOBS)[0] == 502
    control.remove_fault(second)
    assert caller.ask("GET", JOBS)[0] == 200
    with pytest.raises(ControlError) as gone:
        control.fault(first)
    assert gone.value.status == 404
    assert control.add_fault("reset", path="/none") > second


CONTROL_PATHS = ["/control/faults", "/control/clock", "/control/requests", "/control/faults/1"]


@pytest.mark.parametrize("path", CONTROL_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_path_of_the_product_leads_to_it_whatever_a_request_says(controlled, caller, method, path):
    host = controlled["control_endpoint"].removeprefix("https://")
    headers = {"X-Control-Key": controlled["control_key"], "Host": host, "X-Forwarded-Host": host}

    for prefix in ("", "/openai/v1", "/api/projects/local", "/api/projects/local/openai/v1"):
        assert caller.ask(method, prefix + path, headers=headers | caller.tokens["data"])[0] == 404


def test_its_port_leads_nowhere_else_and_asks_for_its_key(controlled, caller):
    other = Caller.__new__(Caller)
    other.host, other.context = controlled["control_endpoint"].removeprefix("https://"), caller.context
    key = {"X-Control-Key": controlled["control_key"]}

    assert other.ask("GET", "/control/faults", headers=key)[0] == 200
    assert other.ask("GET", JOBS, headers=key | caller.tokens["data"])[0] == 404
    for wrong in ("", "x", controlled["control_key"] + "x"):
        assert other.ask("GET", "/control/faults", headers={"X-Control-Key": wrong})[0] == 401
    assert other.ask("GET", "/control/faults", headers=caller.tokens["data"])[0] == 401


def test_it_is_not_there_unless_it_was_asked_for(stand_in):
    assert "control_endpoint" not in stand_in


@pytest.mark.thorough
@pytest.mark.stand_in
def test_faults_and_late_requests_survive_a_restart_and_rest_where_the_control_api_is_closed(tmp_path):
    options = ("--speed", "20", "--port")
    child, ready = start_stand_in(tmp_path, *options, "0", "--control")
    control, caller = ControlClient.of(ready), Caller(ready)
    body = {"model": "gpt-4.1", "training_file": caller.upload(), "trainingType": "Standard"}
    late = control.add_fault("late", method="POST", path="*/jobs", count=1, after_s=3600, status=500)
    every = control.add_fault("status", status=503, path="*/models", every=2, skip=1)
    time.sleep(0.15)
    assert caller.ask("POST", JOBS, body)[0] == 500
    assert [caller.ask("GET", "/openai/v1/models")[0] for _ in range(3)] == [200, 503, 200]
    child.kill()

    port = ready["endpoint"].rpartition(":")[2]
    child, _ = start_stand_in(tmp_path, *options, port)
    assert [caller.ask("GET", "/openai/v1/models")[0] for _ in range(4)] == [200] * 4
    child.kill()

    child, ready = start_stand_in(tmp_path, *options, port, "--control")
    control = ControlClient.of(ready)
    try:
        assert [caller.ask("GET", "/openai/v1/models")[0] for _ in range(3)] == [503, 200, 503]
        assert [(one["id"], one["seen"], one["fired"]) for one in control.faults()] == [
            (late, 1, 1),
            (every, 6, 3),
        ]
        assert (caller.jobs(), control.waiting()) == ([], 1)
        control.advance(3601)
        until(caller.jobs)
        assert (len(caller.jobs()), control.waiting()) == (1, 0)
    finally:
        child.stop()
    assert "Error" not in (tmp_path / "log").read_text()


def test_every_kind_of_fault_is_met_here():
    assert set(KINDS) == {kind for kind, _ in APPLIED} | {"slow", "truncated", "late", "lag"}


def test_the_readme_tells_every_kind_and_all_that_it_takes():
    readme = (ROOT / "local" / "foundry" / "README.md").read_text()
    rows = {line.split("|")[1].strip(" `"): line for line in readme.splitlines() if line.startswith("| `")}

    for kind in KINDS:
        own = set(fault(kind, **({"hidden_s": 1} if kind == "lag" else {})).given) - COMMON
        assert {name for name in own if f"`{name}`" not in rows[kind]} == set()
    assert {name for name in COMMON if f"`{name}`" not in readme} == set()
