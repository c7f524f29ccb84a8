"""Who is asking, what they sent, how errors are answered."""

import json

import azure.functions as func
import pytest
from azure.functions.http import HttpResponseConverter

from functions.gates import GateRequest, decode_request
from functions.http import body, body_if_any, error_answer, insist_on_own_site, raw_answer
from functions.paging import FROM, TO, time_of
from functions.runs import decode_wish
from shared.core import artifacts
from shared.core.errors import (
    ConfigurationError,
    Forbidden,
    Malformed,
    StaleDigest,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from shared.settings import Settings
from tests.support.settings import GOOD

ON = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "True"})
DIGEST = "sha256:" + "a" * 64


def request(headers=None, sent=b"", method="POST"):
    return func.HttpRequest(method, "https://app/api/x", headers=headers or {}, body=sent)


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "https://app.example"}, True),
        ({"Origin": "https://APP.example"}, True),
        ({"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "http://app.example"}, False),
        ({"Origin": "https://app.example:8443"}, False),
        ({"Origin": "https://app.example.evil.example"}, False),
        ({"Origin": "https://app.example/"}, False),
        ({"Origin": "https://x@app.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "https://["}, False),
        ({"Origin": "https://"}, False),
        ({"Origin": "https://", "Host": ""}, False),
        ({"Origin": "https://finetuning.example.com"}, False),
        ({"Origin": "http://127.0.0.1:7071", "Host": "127.0.0.1:7071"}, True),
        ({"Origin": "http://localhost:7071", "Host": "localhost:7071"}, True),
        ({"Origin": "http://[::1]:7071", "Host": "[::1]:7071"}, True),
        ({"Origin": "http://127.0.0.1:8080", "Host": "127.0.0.1:7071"}, False),
    ],
)
def test_no_other_site_acts_through_a_browser(headers, is_own):
    sent = request({"Host": "app.example"} | headers)
    if is_own:
        insist_on_own_site(sent, ON)
    else:
        with pytest.raises(Forbidden, match="another site"):
            insist_on_own_site(sent, ON)


def test_behind_a_proxy_a_setting_says_what_browsers_call_the_app():
    settings = Settings.from_environment(GOOD | {"APP_ORIGIN": "https://Finetuning.example.com/"})

    insist_on_own_site(request({"Origin": "https://finetuning.example.com"}), settings)
    for origin in ("https://finetuning.example.com", "https://app.example"):
        insist_on_own_site(request({"Host": "app.example", "Origin": origin}), settings)
    with pytest.raises(Forbidden):
        insist_on_own_site(request({"Host": "app.example", "Origin": "https://evil.example"}), settings)


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
        (JSON, b'{"decision": ' + b"[" * 16_000, r"\$.decision"),
        (JSON, b'{"comment": "\\ud800"}', "."),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"decision=approve", "form-urlencoded"),
    ],
)
def test_any_other_body_is_malformed_and_says_where(headers, sent, words):
    with pytest.raises(Malformed, match=words):
        body(request(headers, sent), decode_request)


@pytest.mark.parametrize(
    ("headers", "sent", "is_taken"),
    [
        ({}, b"", True),
        (JSON, b"", True),
        (JSON, b"{}", True),
        (JSON, b" {} ", True),
        ({}, b"{}", False),
        (JSON, b"[]", False),
        (JSON, b"null", False),
        (JSON, b'{"force": true}', False),
        (JSON, b'{"comment": null}', False),
        (JSON, b'{"comment": "%b"}' % (b"x" * 1001), False),
        (JSON, b"{", False),
        ({"Content-Type": "text/plain"}, b"{}", False),
        ({"Content-Type": "text/plain"}, b"", False),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"", False),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=b", False),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", False),
    ],
)
def test_where_nothing_has_to_be_said_nothing_or_an_empty_object_is_said(headers, sent, is_taken):
    if is_taken:
        assert body_if_any(request(headers, sent), decode_wish).comment == ""
    else:
        with pytest.raises(Malformed):
            body_if_any(request(headers, sent), decode_wish)


@pytest.mark.parametrize("content_type", artifacts.SERVED_TYPES)
def test_an_artifact_has_its_content_type_once(content_type):
    sent = HttpResponseConverter.encode(raw_answer(b"x", content_type, is_checked=True), expected_type=None)

    given = [said.value for name, said in sent.value["headers"].items() if name.lower() == "content-type"]
    assert given == [content_type]


def test_a_plus_that_an_address_lost_is_explained():
    query = {"from": "2026-11-01T08:00:00 01:00", "to": "2026-11-01 08:00"}
    with pytest.raises(Malformed) as raised:
        time_of(query, FROM)
    assert "%2B" in raised.value.remedy
    with pytest.raises(Malformed) as raised:
        time_of(query, TO)
    assert "%2B" not in raised.value.remedy
    assert time_of({"from": "2026-11-01T08:00:00+01:00"}, FROM).hour == 7


def test_who_did_not_sign_in_is_told_how():
    assert error_answer(Unauthenticated()).headers["WWW-Authenticate"] == "Bearer"
    assert "WWW-Authenticate" not in error_answer(Forbidden()).headers


def test_what_may_be_said_is_read():
    said = "x" * 999 + "\u00e9"
    assert body_if_any(request(JSON, json.dumps({"comment": said}).encode()), decode_wish).comment == said


def test_an_error_is_a_problem_with_code_and_remedy_and_as_earlier_releases_answered_it():
    response = error_answer(StaleDigest("not this one"))
    assert response.status_code == 409
    assert json.loads(response.get_body()) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "not this one",
        "code": "stale_digest",
        "remedy": StaleDigest.default_remedy,
        "error": {
            "code": "stale_digest",
            "message": "not this one",
            "remedy": StaleDigest.default_remedy,
        },
    }
    assert response.mimetype == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_outage_says_when_to_come_back():
    response = error_answer(Unavailable("down", retry_after_s=3))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")


def test_who_asks_too_often_learns_when_to_come_back():
    response = error_answer(TooManyRequests("slow down", retry_after_s=7))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_an_answer_does_not_repeat_all_that_was_sent():
    response = error_answer(Malformed("x" * 60_000))
    assert len(response.get_body()) < 6000


def test_what_is_wrong_with_the_settings_is_for_the_log():
    response = error_answer(ConfigurationError("STATE: AccountKey=secret"))
    assert response.status_code == 500
    assert b"secret" not in response.get_body()
