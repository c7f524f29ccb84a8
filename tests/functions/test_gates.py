"""A decision on what counts no more wakes the run: perhaps nobody has looked since the champion changed."""

import base64
import json
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions import http
from shared.core.errors import Expired, StaleDigest
from shared.settings import Settings
from tests.functions.declared import FUNCTIONS
from tests.support.settings import GOOD

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(("error", "queued"), [(StaleDigest, ["r"]), (Expired, [])])
def test_who_decides_on_an_old_digest_wakes_the_run(monkeypatch, error, queued):
    def vote(*_, **__):
        raise error

    settings = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "true"})
    app = SimpleNamespace(people=SimpleNamespace(vote=vote), settings=settings)
    monkeypatch.setattr(http, "services", lambda: app)
    claims = [{"typ": "oid", "val": "o"}, {"typ": "roles", "val": "FineTune.Approver"}]
    principal = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
    request = func.HttpRequest(
        "POST",
        "https://app/api/runs/r/gates/deployment",
        headers={"X-MS-CLIENT-PRINCIPAL": principal, "Content-Type": "application/json"},
        route_params={"run_id": "r", "gate": "deployment"},
        body=json.dumps({"decision": "approve", "digest": DIGEST}).encode(),
    )
    sent = []
    context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
    call = next(f.call for f in FUNCTIONS.values() if f.route and f.route.endswith("/gates/{gate}"))
    answered = call(req=request, context=context, due=SimpleNamespace(set=sent.append))

    assert answered.status_code == error.http_status
    assert sent == queued
