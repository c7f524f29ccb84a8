"""Who is asking, what they sent, how errors are answered."""

import base64
import json

import azure.functions as func
import pytest

from functions.gates import GateRequest, decode_request
from functions.http import approver, body, error_answer, person
from shared.core.errors import (
    ConfigurationError,
    Forbidden,
    Malformed,
    StaleDigest,
    Unauthenticated,
    Unavailable,
)
from shared.settings import Settings
from tests.support.settings import GOOD

ON = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "True"})
OFF = Settings.from_environment(GOOD)
DIGEST = "sha256:" + "a" * 64


def principal(*claims, **fields):
    value = {
        "auth_typ": "aad",
        "claims": [{"typ": t, "val": v} for t, v in claims],
        "name_typ": "name",
    } | fields
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(value).encode()).decode()}


def request(headers=None, sent=b"", method="POST"):
    return func.HttpRequest(method, "https://app/api/x", headers=headers or {}, body=sent)


OID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid-1")
ROLE = ("roles", "FineTune.Approver")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (principal(OID, ("name", "Ada"), ROLE), ("oid-1", "Ada", {"FineTune.Approver"})),
        (principal(("oid", "oid-2"), ("preferred_username", "ada@x")), ("oid-2", "ada@x", set())),
        (principal(OID), ("oid-1", "oid-1", set())),
        (
            principal(OID, ("http://r", "FineTune.Approver"), role_typ="http://r"),
            ("oid-1", "oid-1", {"FineTune.Approver"}),
        ),
        (principal(OID, ("roles", "A"), ("roles", "B")), ("oid-1", "oid-1", {"A", "B"})),
    ],
)
def test_a_principal_of_the_platform_is_a_person(headers, expected):
    someone = person(request(headers), ON)

    assert (someone.id, someone.name, set(someone.roles)) == expected


@pytest.mark.parametrize(
    ("headers", "settings"),
    [
        ({}, ON),
        (principal(OID), OFF),
        ({"X-MS-CLIENT-PRINCIPAL": "!!!"}, ON),
        ({"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b"[]").decode()}, ON),
        ({"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b'{"claims": 5}').decode()}, ON),
        (principal(("name", "Ada")), ON),
        ({"X-MS-CLIENT-PRINCIPAL": "A" * 70_000}, ON),
        ({"X-MS-CLIENT-PRINCIPAL-ID": "oid-1"}, ON),
    ],
)
def test_everything_else_is_nobody(headers, settings):
    with pytest.raises(Unauthenticated):
        person(request(headers), settings)


def test_deciding_needs_the_role():
    assert approver(request(principal(OID, ROLE)), ON).id == "oid-1"
    with pytest.raises(Forbidden, match="does not have the app role"):
        approver(request(principal(OID)), ON)


@pytest.mark.parametrize(
    ("site", "is_allowed"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)],
)
def test_another_site_cannot_decide_through_a_browser(site, is_allowed):
    sent = request(principal(OID, ROLE) | {"Sec-Fetch-Site": site})
    if is_allowed:
        assert approver(sent, ON)
    else:
        with pytest.raises(Forbidden, match=site):
            approver(sent, ON)


JSON = {"Content-Type": "application/json; charset=utf-8"}


def test_a_body_of_the_right_shape_is_read():
    sent = json.dumps({"decision": "approve", "digest": DIGEST}).encode()

    assert body(request(JSON, sent), decode_request) == GateRequest(decision="approve", digest=DIGEST)


@pytest.mark.parametrize(
    ("headers", "sent", "words"),
    [
        ({}, b"{}", "Content-Type is missing"),
        ({"Content-Type": "text/plain"}, b"{}", "text/plain"),
        (JSON, b"{", "truncated"),
        (JSON, b"\xff", "invalid"),
        (JSON, b"[]", "Expected `object`"),
        (JSON, b"{}", "decision"),
        (JSON, json.dumps({"decision": "maybe", "digest": DIGEST}).encode(), r"\$.decision"),
        (JSON, json.dumps({"decision": "approve", "digest": "x"}).encode(), r"\$.digest"),
        (JSON, json.dumps({"decision": "approve", "digest": DIGEST, "force": True}).encode(), "force"),
        (
            JSON,
            json.dumps({"decision": "approve", "digest": DIGEST, "comment": "x" * 1001}).encode(),
            r"\$.comment",
        ),
        (JSON, b" " * 17_000, "17000 bytes"),
    ],
)
def test_any_other_body_is_malformed_and_says_where(headers, sent, words):
    with pytest.raises(Malformed, match=words):
        body(request(headers, sent), decode_request)


def test_an_error_is_answered_with_code_message_and_remedy():
    response = error_answer(StaleDigest("not this one"))
    assert response.status_code == 409
    assert json.loads(response.get_body())["error"] == {
        "code": "stale_digest",
        "message": "not this one",
        "remedy": StaleDigest.default_remedy,
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_outage_says_when_to_come_back():
    response = error_answer(Unavailable("down", retry_after_s=3))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")


def test_what_is_wrong_with_the_settings_is_for_the_log():
    response = error_answer(ConfigurationError("STATE: AccountKey=secret"))
    assert response.status_code == 500
    assert b"secret" not in response.get_body()
