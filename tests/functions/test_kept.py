"""What shows no rows may be kept, and need not be sent twice; what shows rows is stored by nobody."""

import pytest

from shared.core.run import Status
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, who, world_with_runs

RUN = f"{list(Status).index(Status.TRAINING):020x}"
KEPT = [
    "/api/runs",
    f"/api/runs/{RUN}",
    f"/api/runs/{RUN}/history",
    "/api/waiting",
    "/api/decisions",
    "/api/pipelines",
    "/api/pipelines/summaries",
    "/api/openapi.json",
]


@pytest.fixture
def app(monkeypatch):
    return Asked(world_with_runs()[0], monkeypatch)


def asked(app, path, role=READER, **headers):
    sent = who(role) | {name.replace("_", "-"): value for name, value in headers.items()}
    return app.request("GET", path, headers=sent)


@pytest.mark.parametrize("path", KEPT)
def test_what_a_client_has_is_not_sent_again(app, path):
    first = asked(app, path)
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = asked(app, path, If_None_Match=known)
        assert (again.status_code, again.get_body(), again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert "default-src 'none'" in again.headers["Content-Security-Policy"]
    for other in ('"x"', "", tag[:-2] + '"'):
        assert asked(app, path, If_None_Match=other).status_code == 200


def test_another_answer_has_another_tag(app):
    before = asked(app, f"/api/runs/{RUN}")
    app.ask(f"POST /api/runs/{RUN}/cancel", OPERATOR)
    after = asked(app, f"/api/runs/{RUN}", If_None_Match=before.headers["ETag"])

    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]


@pytest.mark.parametrize("path", [f"/api/runs/{RUN}", f"/api/runs/{RUN}/artifacts/report.json"])
def test_who_sees_rows_keeps_nothing(app, path):
    answered = asked(app, path, APPROVER, If_None_Match="*")

    assert (answered.status_code, answered.headers["Cache-Control"]) == (200, "no-store")
    assert "ETag" not in answered.headers


def test_who_may_not_ask_is_not_told_that_nothing_changed(app):
    assert asked(app, "/api/runs", "Other", If_None_Match="*").status_code == 403
