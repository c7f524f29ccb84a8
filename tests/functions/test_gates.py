"""A decision on what counts no more wakes the run: perhaps nobody has looked since the champion changed."""

import json
from types import SimpleNamespace

import azure.functions as func
import msgspec
import pytest

from functions import http
from shared.core.errors import Expired, StaleDigest
from shared.settings import Settings
from shared.wiring import Services
from tests.core.scenarios import at_deployment_gate
from tests.functions.declared import FUNCTIONS
from tests.functions.populated import APPROVER, OPERATOR, Asked
from tests.support.builders import BETTER
from tests.support.principals import principal
from tests.support.settings import GOOD
from tests.twins.world import TwinWorld

RUN = "0" * 20
DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(("error", "queued"), [(StaleDigest, [RUN]), (Expired, [])])
def test_who_decides_on_an_old_digest_wakes_the_run(monkeypatch, error, queued):
    def vote(*_, **__):
        raise error

    settings = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "true"})
    app = Services(TwinWorld(), settings)
    monkeypatch.setattr(app.people, "vote", vote)
    monkeypatch.setattr(http, "services", lambda: app)
    claims = [("oid", "o"), ("name", "Ada"), ("roles", "FineTune.Approver")]
    request = func.HttpRequest(
        "POST",
        "https://app/api/runs/r/gates/deployment",
        headers=principal(*claims) | {"Content-Type": "application/json"},
        route_params={"run_id": RUN, "gate": "deployment"},
        body=json.dumps({"decision": "approve", "digest": DIGEST}).encode(),
    )
    sent = []
    context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
    call = next(f.call for f in FUNCTIONS.values() if f.route and f.route.endswith("/gates/{gate}"))
    answered = call(req=request, context=context, due=SimpleNamespace(set=sent.append))

    assert answered.status_code == error.http_status
    assert sent == queued


@pytest.fixture
def waiting(monkeypatch):
    """An app with a run at its deployment gate, whose verdict is unproven; its path, and a decision on it."""
    world = TwinWorld()
    run = at_deployment_gate(summary=msgspec.structs.replace(BETTER, outcome="unproven"))
    world.runs.insert(run, [])
    world.index.project(run, is_settled=False)
    path = f"POST /api/runs/{run.id}/gates/deployment"
    return Asked(world, monkeypatch), path, {"digest": run.gate.digest, "comment": "Why?"}


def test_a_hold_is_shown_where_people_decide_and_wakes_nobody(waiting):
    app, path, body = waiting
    status, said = app.ask(path, APPROVER, body | {"decision": "hold"})

    assert (status, said["decision"], said["is_new"], said["approvals_missing"]) == (200, "hold", True, 2)
    assert app.queued == []
    (row,) = app.ask("GET /api/waiting")[1]["waiting"]
    run = app.ask(f"GET {row['links']['self']}")[1]
    for gate in (row["gate"], run["gate"]):
        assert [(hold["name"], hold["comment"], hold["role"]) for hold in gate["holds"]] == [
            ("Ada", "Why?", APPROVER)
        ]
        assert (gate["needs_answer"], gate["decisions"]) == (True, [])
    assert [(event["kind"], event["comment"]) for event in run["history"]] == [("hold", "Why?")]
    (row,) = app.ask("GET /api/decisions")[1]["decisions"]
    assert (row["decision"], row["person"], row["role"], row["comment"]) == (
        "hold",
        "oid-1",
        APPROVER,
        "Why?",
    )
    assert app.ask(path, APPROVER, body | {"decision": "approve"})[0] == 200
    assert app.ask("GET /api/waiting")[1]["waiting"][0]["gate"]["needs_answer"] is False


@pytest.mark.parametrize("decision", ["hold", "approve"])
def test_words_are_asked_for_where_they_count(waiting, decision):
    app, path, body = waiting
    status, said = app.ask(path, APPROVER, body | {"decision": decision, "comment": " "})

    assert (status, said["code"]) == (400, "malformed_request")
    assert "needs words" in said["detail"]
    assert app.ask(path, APPROVER, body | {"decision": decision})[0] == 200


def test_who_may_not_vote_may_not_hold(waiting):
    app, path, body = waiting
    assert app.ask(path, OPERATOR, body | {"decision": "hold"})[0] == 403
