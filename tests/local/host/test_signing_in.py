"""What the local host does for a browser is what App Service does: the sign-in, the session, and who is turned away."""

import base64
import json
import re

import pytest
from azure.functions import HttpRequest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from functions.principal import person
from local.host.easyauth import COOKIE, EXCLUDED, ROLES, EasyAuth, load_identities
from local.host.sessions import LASTS_S, Sessions
from local.host.signing_in import with_sign_in
from shared.settings import Settings
from tests.support.settings import GOOD

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0"}
HERE = "http://127.0.0.1:7071"
PAGE = "/api/ui/runs?status=failed&after=a%2Fb"
SIGN_IN = "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fui%2Fruns%3Fstatus%3Dfailed%26after%3Da%252Fb"
FORGED = {"X-MS-CLIENT-PRINCIPAL": "forged", "x-ms-client-principal-id": "me", "X-Ms-Token-Aad-Id-Token": "t"}


async def echo(scope, receive, send):
    """What the app sees."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    await JSONResponse(headers)(scope, receive, send)


class Now:
    at = 1000.0

    def __call__(self):
        return self.at


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def auth(tmp_path, now):
    return EasyAuth(load_identities(tmp_path / "identities.json"), Sessions(now))


@pytest.fixture
def client(auth):
    with TestClient(with_sign_in(echo, auth), base_url=HERE, headers=BROWSER, follow_redirects=False) as made:
        yield made


@pytest.fixture
def curl(auth):
    with TestClient(with_sign_in(echo, auth), base_url=HERE, follow_redirects=False) as made:
        yield made


def choose(client, identity, back="/api/ui", **headers):
    form = {"identity": identity, "post_login_redirect_uri": back}
    return client.post("/.auth/login/aad/callback", data=form, headers={"Origin": HERE} | headers)


def claims(seen):
    decoded = json.loads(base64.b64decode(seen["x-ms-client-principal"]))
    return {claim["typ"]: claim["val"] for claim in decoded["claims"]}


class TestNobody:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "OPTIONS"])
    def test_a_browser_is_led_to_the_sign_in_and_knows_where_it_wanted_to_go(self, client, method):
        answer = client.request(method, PAGE)

        assert (answer.status_code, answer.headers["Location"]) == (302, SIGN_IN)

    @pytest.mark.parametrize("path", ["/api/ui", "/api/runs", "/nothing", "/", "/api/health/", "/API/UI"])
    def test_other_clients_are_401_without_a_body(self, curl, path):
        answer = curl.get(path)

        assert (answer.status_code, answer.content) == (401, b"")

    @pytest.mark.parametrize("path", sorted(EXCLUDED))
    def test_what_is_excluded_is_open_and_still_nobody_is_believed(self, client, curl, path):
        for asking in (client, curl):
            seen = asking.get(path, headers=FORGED).json()
            assert not [name for name in seen if name.startswith(("x-ms-client-principal", "x-ms-token"))]

    @pytest.mark.parametrize(
        "path", ["/api/ui", "/api/health%3F", "/api/health;x", "/api/health%2f..%2fui", "//api/health"]
    )
    def test_no_other_path_is(self, client, path):
        assert client.get(path).status_code == 302

    def test_a_forged_principal_does_not_help(self, client, curl):
        assert client.get("/api/ui", headers=FORGED).status_code == 302
        assert curl.get("/api/ui", headers=FORGED).status_code == 401

    def test_without_authentication_everybody_is_let_in_and_nobody_is_believed(self, auth):
        off = EasyAuth(auth.identities, auth.sessions, is_required=False)
        seen = TestClient(with_sign_in(echo, off), base_url=HERE).get("/say", headers=FORGED).json()

        assert "x-ms-client-principal" not in seen


class TestSigningIn:
    def test_the_page_offers_each_identity_and_keeps_where_to_go(self, client):
        page = client.get(SIGN_IN)

        assert page.status_code == 200
        assert set(re.findall('<button name="identity" value="(.+?)"', page.text)) == set(ROLES)
        assert 'value="/api/ui/runs?status=failed&amp;after=a%2Fb"' in page.text
        assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "same-origin"

    @pytest.mark.parametrize("name", sorted(ROLES))
    def test_who_chooses_comes_back_and_is_known(self, client, name):
        answer = choose(client, name, "/api/ui/runs?status=failed")
        seen = client.get("/api/ui", headers=FORGED).json()
        settings = Settings.from_environment(GOOD | {"WEBSITE_AUTH_ENABLED": "True"})
        known = person(HttpRequest("GET", "/", headers=seen, body=b""), settings)

        assert (answer.status_code, answer.headers["Location"]) == (302, "/api/ui/runs?status=failed")
        assert claims(seen)["roles"] == ROLES[name]
        assert (known.name, known.roles, known.is_application) == (
            f"{name}@local.example",
            {ROLES[name]},
            False,
        )

    def test_the_cookie_is_random_and_out_of_reach_of_scripts_and_other_sites(self, client):
        cookies = [choose(client, "reader").headers["Set-Cookie"] for _ in range(3)]
        keys = {re.match(rf"{COOKIE}=([\w-]{{43}});", cookie)[1] for cookie in cookies}

        assert len(keys) == 3
        assert all("HttpOnly" in cookie and "SameSite=lax" in cookie for cookie in cookies)

    def test_a_session_is_seen_by_the_app_as_no_bearer_token_is(self, auth, client, curl):
        choose(client, "reader")
        by_cookie = client.get("/api/ui").json()
        by_token = curl.get(
            "/api/ui", headers={"Authorization": f"Bearer {auth.identities['reader']['token']}"}
        ).json()

        assert by_cookie["x-ms-client-principal-id"] == by_token["x-ms-client-principal-id"]
        assert "authorization" not in by_cookie
        assert "authorization" in by_token
        assert ("idtyp" in claims(by_cookie), "idtyp" in claims(by_token)) == (False, True)

    @pytest.mark.parametrize(
        "away",
        [
            "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
            "javascript:alert(1)", "http://127.0.0.1:7072/", "evil", "", "http://127.0.0.1:7071@evil.example/",
        ],
    )  # fmt: skip
    def test_nothing_leads_to_another_site(self, client, away):
        asked = client.get("/.auth/login/aad", params={"post_login_redirect_uri": away})
        sent = choose(client, "approver", away)
        out = client.get("/.auth/logout", params={"post_logout_redirect_uri": away})

        assert (asked.status_code, sent.status_code, out.status_code) == (403, 403, 403)
        assert COOKIE not in client.cookies

    def test_an_address_of_this_site_is_followed(self, client):
        assert choose(client, "reader", f"{HERE}/api/ui").headers["Location"] == f"{HERE}/api/ui"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:7072", ""])
    def test_another_site_cannot_sign_a_browser_in(self, client, origin):
        assert choose(client, "approver", Origin=origin).status_code == 403
        assert COOKIE not in client.cookies

    def test_nor_can_a_name_of_others_that_leads_to_this_machine(self, client):
        there = {"Host": "evil.example:7071", "Origin": "http://evil.example:7071"}

        assert choose(client, "approver", **there).status_code == 403
        assert client.get("/.auth/login/aad", headers=there).status_code == 403

    def test_nobody_else_can_be_chosen(self, client):
        assert choose(client, "administrator").status_code == 401

    def test_what_is_shown_is_written_as_text(self, client):
        page = client.get(
            "/.auth/login/aad", params={"post_login_redirect_uri": '/"><script>alert(1)</script>'}
        )

        assert "<script" not in page.text

    @pytest.mark.parametrize("path", ["/.auth/me", "/.auth/refresh", "/.auth/login/google", "/.auth/"])
    def test_there_is_nothing_else(self, client, path):
        choose(client, "reader")

        assert client.get(path).status_code == 404


class TestEnding:
    def test_who_signs_out_is_asked_again_and_the_key_opens_nothing_more(self, client):
        choose(client, "reader")
        key = client.cookies[COOKIE]
        out = client.get("/.auth/logout")

        assert (out.status_code, out.headers["Location"]) == (302, "/.auth/logout/complete")
        assert "signed out" in client.get("/.auth/logout/complete").text
        assert COOKIE not in client.cookies
        client.cookies.set(COOKIE, key)
        assert client.get("/api/ui").status_code == 302

    def test_signing_out_can_lead_to_a_page(self, client):
        out = client.get("/.auth/logout", params={"post_logout_redirect_uri": "/api/ui"})

        assert out.headers["Location"] == "/api/ui"

    def test_a_session_ends_by_itself_however_often_it_is_used(self, client, now):
        choose(client, "reader")
        now.at += LASTS_S - 1
        assert client.get("/api/ui").status_code == 200
        now.at += 1
        assert client.get("/api/ui").status_code == 302

    def test_other_sessions_of_the_same_person_go_on(self, client):
        choose(client, "reader")
        first = client.cookies[COOKIE]
        choose(client, "reader")
        client.get("/.auth/logout")
        client.cookies.set(COOKIE, first)

        assert client.get("/api/ui").status_code == 200

    @pytest.mark.parametrize("key", ["", "x", "approver", "é"])
    def test_a_made_up_key_is_nobody(self, client, key):
        assert client.get("/api/ui", headers={"Cookie": f"{COOKIE}={key}".encode()}).status_code == 302


OWN = {"Origin": HERE}


class TestPosts:
    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (OWN, 200),
            ({"Referer": f"{HERE}/api/ui"}, 200),
            (OWN | {"Referer": f"{HERE}/api/ui"}, 200),
            ({}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "null", "Referer": f"{HERE}/api/ui"}, 403),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "https://evil.example", "Referer": f"{HERE}/api/ui"}, 403),
            ({"Referer": "https://evil.example/127.0.0.1:7071"}, 403),
            ({"Origin": "http://127.0.0.1:7072"}, 403),
            ({"Origin": "https://127.0.0.1:7071"}, 403),
            ({"Origin": f"{HERE}.evil.example"}, 403),
        ],
    )
    def test_a_browser_with_a_session_posts_from_this_site_alone(self, client, sent, status):
        choose(client, "approver")
        answer = client.post("/api/ui/x", headers=sent, data={"a": "b"})

        assert answer.status_code == status
        assert status == 200 or answer.content == b""

    def test_what_only_reads_may_come_from_everywhere(self, client):
        choose(client, "approver")

        assert client.get("/api/ui", headers={"Origin": "https://evil.example"}).status_code == 200

    def test_a_bearer_token_needs_no_origin_nor_does_another_client(self, auth, client, curl):
        token = {"Authorization": f"Bearer {auth.identities['approver']['token']}"}
        choose(client, "approver")

        assert client.post("/api/x", headers=token).status_code == 200
        assert (
            curl.post("/api/x", headers={"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}).status_code == 200
        )

    def test_a_form_sent_after_the_session_leads_to_the_sign_in(self, client):
        answer = client.post("/api/ui/x", headers=OWN, data={"a": "b"})

        assert answer.status_code == 302
        assert answer.headers["Location"].endswith("=%2Fapi%2Fui%2Fx")


def test_an_unknown_token_is_401_even_with_a_session(client):
    choose(client, "approver")

    assert client.get("/api/ui", headers={"Authorization": "Bearer nonsense"}).status_code == 401
