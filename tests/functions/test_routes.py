"""Every route: who may ask it.  A new route gets its line in `NEEDS`."""

import base64
import json
import re
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions import health, http
from shared.settings import Settings
from shared.wiring import Services
from tests.functions.declared import FUNCTIONS
from tests.support.settings import GOOD
from tests.twins.world import TwinWorld

NOBODY, PERSON, APPROVER = "nobody", "person", "approver"
#: Route -> who may ask it.
NEEDS = {
    "GET /api/runs": PERSON,
    "GET /api/runs/{run_id}": PERSON,
    "GET /api/runs/{run_id}/artifacts/{name}": PERSON,
    "POST /api/runs/{run_id}/gates/{gate}": APPROVER,
    "POST /api/runs/{run_id}/cancel": APPROVER,
    "POST /api/runs/{run_id}/retry": APPROVER,
    "POST /api/runs/{run_id}/rejudge": APPROVER,
    "GET /api/pipelines/{name}": PERSON,
    "GET /api/health": NOBODY,
}
ROUTES = {declared.route: declared for declared in FUNCTIONS.values() if declared.route}


def headers_of(who):
    """What the platform sends along for somebody."""
    if who == NOBODY:
        return {}
    claims = [{"typ": "oid", "val": "oid-1"}]
    claims += [{"typ": "roles", "val": "FineTune.Approver"}] if who == APPROVER else []
    principal = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
    return {"X-MS-CLIENT-PRINCIPAL": principal}


@pytest.fixture(autouse=True)
def app(monkeypatch):
    """The services on twins, where no run exists."""
    made = Services(TwinWorld(), Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "true"}))
    for module in (health, http):
        monkeypatch.setattr(module, "services", lambda: made)


def ask(route, who):
    """The answer to a request about things that do not exist."""
    method, _, path = route.partition(" ")
    request = func.HttpRequest(
        method,
        f"https://app{path}",
        headers=headers_of(who),
        route_params=dict.fromkeys(re.findall(r"\{(\w+)\}", path), "nothing"),
        body=b"{}",
    )
    declared = ROUTES[route]
    queued = []
    bound = {"due": SimpleNamespace(set=queued.append)} if "due" in declared.call.__annotations__ else {}
    context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
    answered = declared.call(req=request, context=context, **bound)
    assert not queued
    return answered


def test_every_route_says_here_who_may_ask_it():
    missing = [
        f"{route} of {declared.module} has no line in NEEDS of tests/functions/test_routes.py"
        for route, declared in ROUTES.items()
        if route not in NEEDS
    ]
    assert missing == []
    assert set(NEEDS) <= set(ROUTES), "NEEDS names a route that is gone"


@pytest.mark.parametrize("who", [NOBODY, PERSON, APPROVER])
@pytest.mark.parametrize("route", NEEDS)
def test_a_route_answers_those_who_may_ask_it_and_nobody_else(route, who):
    answered = ask(route, who)
    order = [NOBODY, PERSON, APPROVER]
    if order.index(who) >= order.index(NEEDS[route]):
        assert answered.status_code in {200, 404}
    else:
        assert answered.status_code == (401 if who == NOBODY else 403)
        assert json.loads(answered.get_body())["error"]["remedy"]


@pytest.mark.parametrize("route", NEEDS)
def test_no_answer_is_stored_framed_or_sniffed(route):
    headers = ask(route, APPROVER).headers

    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
