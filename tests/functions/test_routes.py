"""Every route of the API: who may ask it.  A new route gets its line in `NEEDS`; pages have test_pages.py."""

import json
import re
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions import health, http
from shared.settings import Settings
from shared.wiring import Services
from tests.functions.declared import API
from tests.support.principals import principal
from tests.support.settings import GOOD
from tests.twins.world import TwinWorld

NOBODY, PERSON, READER, OPERATOR, APPROVER = "nobody", "person", "reader", "operator", "approver"
ROLES = {READER: "FineTune.Reader", OPERATOR: "FineTune.Operator", APPROVER: "FineTune.Approver"}
#: Route -> who may ask it.
NEEDS = {
    "GET /api/runs": READER,
    "GET /api/runs/{run_id}": READER,
    "GET /api/runs/{run_id}/artifacts/{name}": READER,
    "POST /api/runs/{run_id}/gates/{gate}": APPROVER,
    "POST /api/runs/{run_id}/cancel": OPERATOR,
    "POST /api/runs/{run_id}/retry": OPERATOR,
    "POST /api/runs/{run_id}/rejudge": OPERATOR,
    "GET /api/runs/{run_id}/history": READER,
    "GET /api/pipelines": READER,
    "GET /api/pipelines/{name}": READER,
    "GET /api/waiting": READER,
    "GET /api/decisions": READER,
    "GET /api/health": NOBODY,
    "GET /api/openapi.json": READER,
}
ROUTES = API


def headers_of(who):
    """What the platform sends along for somebody."""
    if who == NOBODY:
        return {}
    claims = [("oid", "oid-1"), ("name", "Ada")] + ([("roles", ROLES[who])] if who in ROLES else [])
    return principal(*claims) | {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def app(monkeypatch):
    """The services on twins, where no run exists."""
    made = Services(TwinWorld(), Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "true"}))
    for module in (health, http):
        monkeypatch.setattr(module, "services", lambda: made)
    return made


def ask(route, who, headers=None):
    """The answer to a request about things that do not exist; with other headers than somebody sends."""
    method, _, path = route.partition(" ")
    request = func.HttpRequest(
        method,
        f"https://app{path}",
        headers={"Host": "app"} | headers_of(who) | (headers or {}),
        route_params=dict.fromkeys(re.findall(r"\{(\w+)\}", path), "0" * 20),
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


@pytest.mark.parametrize("who", [NOBODY, PERSON, READER, OPERATOR, APPROVER])
@pytest.mark.parametrize("route", NEEDS)
def test_a_route_answers_those_who_may_ask_it_and_nobody_else(route, who):
    answered = ask(route, who)
    order = [NOBODY, PERSON, READER, OPERATOR, APPROVER]
    if order.index(who) >= order.index(NEEDS[route]):
        assert answered.status_code in {200, 404}
    else:
        assert answered.status_code == (401 if who == NOBODY else 403)
        error = json.loads(answered.get_body())["error"]
        assert who == NOBODY or ROLES[NEEDS[route]] in error["remedy"]


@pytest.mark.parametrize("route", NEEDS)
def test_no_answer_is_stored_by_others_framed_or_sniffed(route):
    answered = ask(route, APPROVER)
    is_kept = route.startswith("GET") and answered.status_code == 200 and "health" not in route

    assert answered.headers["Cache-Control"] == ("private, no-cache" if is_kept else "no-store")
    assert ("ETag" in answered.headers) == is_kept
    assert "default-src 'none'" in answered.headers["Content-Security-Policy"]
    assert answered.headers["X-Content-Type-Options"] == "nosniff"


def test_a_person_asks_120_times_a_minute_and_no_more(app):
    answers = [ask("GET /api/runs", READER) for _ in range(121)]

    assert [answered.status_code for answered in answers] == [200] * 120 + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert json.loads(answers[-1].get_body())["error"]["code"] == "too_many_requests"
    assert ask("GET /api/runs", PERSON).status_code == 429  # before it is asked what they may
    assert ask("GET /api/health", NOBODY).status_code == 200
    app.world.clock.advance(60)
    assert ask("GET /api/runs", READER).status_code == 200


def test_whatever_goes_wrong_is_answered_in_the_documented_form(app, monkeypatch):
    monkeypatch.setattr(app.views, "listing", lambda *_: 1 // 0)
    answered = ask("GET /api/runs", READER)

    assert answered.status_code == 500
    assert json.loads(answered.get_body())["error"]["code"] == "unforeseen"


@pytest.mark.parametrize("route", [route for route in NEEDS if route.startswith("POST")])
@pytest.mark.parametrize("sent", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_no_other_site_acts_and_no_form_is_taken(route, sent):
    answered = ask(route, APPROVER, sent)
    assert answered.status_code == 403
    assert "another site" in json.loads(answered.get_body())["error"]["message"]
    form = ask(route, APPROVER, {"Content-Type": "application/x-www-form-urlencoded"})
    assert form.status_code == (404 if "{gate}" in route else 400)


@pytest.mark.parametrize("route", [route for route in NEEDS if route.startswith("POST")])
def test_an_application_acts_nowhere(route):
    claims = [("oid", "oid-1"), ("idtyp", "app"), *(("roles", role) for role in ROLES.values())]
    answered = ask(route, APPROVER, principal(*claims))

    assert answered.status_code == 403
    assert "only persons" in json.loads(answered.get_body())["error"]["message"]
    assert ask("GET /api/runs", APPROVER, principal(*claims)).status_code == 200
