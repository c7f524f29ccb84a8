"""A decision on what counts no more wakes the run: perhaps nobody has looked since the champion changed."""

import json
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions import http
from shared.core.errors import Expired, StaleDigest
from shared.settings import Settings
from shared.wiring import Services
from tests.functions.declared import FUNCTIONS
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
