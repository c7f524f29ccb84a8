"""Signing in and out as people do, in a real browser."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.host.easyauth import COOKIE, ROLES
from shared.core.status import Status
from tests.support.browsing import axe, end_session, is_wider_than_its_window, sign_in


@pytest.fixture
def elsewhere():
    """A site of somebody else, who posts a form to the app as soon as a browser comes; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            target, _, policy = self.path[2:].partition("&policy=")
            page = f'<form method="post" action="{target}"><button>Win</button></form>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Referrer-Policy", policy or "unsafe-url")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["approver-2", "reader"])
def test_who_signs_in_comes_back_to_the_page_that_they_asked_for(signed_in, site, name):
    page = signed_in(name, "/api/ui?notice=approve")

    assert page.url == f"{site.url}/api/ui?notice=approve"
    assert page.get_by_text(f"{name}@local.example").is_visible()
    assert page.locator("footer").get_by_text(ROLES[name]).is_visible()


def test_nobody_sees_a_page_before(signed_in, site):
    page = signed_in.page()
    page.goto("/api/ui")

    assert page.url.startswith(f"{site.url}/.auth/login/aad?")
    assert page.get_by_role("heading", name="Sign in").is_visible()
    assert site.seen == []


def test_a_forged_principal_is_nobody_and_a_person_stays_who_they_are(signed_in, site):
    forged = {"X-MS-CLIENT-PRINCIPAL": "Zm9yZ2Vk", "X-MS-CLIENT-PRINCIPAL-NAME": "somebody"}
    page = signed_in.page(extra_http_headers=forged)
    page.goto("/api/ui")
    assert site.seen == []
    sign_in(page, "reader")

    assert page.get_by_text("reader@local.example").is_visible()
    assert "Zm9yZ2Vk" not in str(site.seen)


def test_the_key_of_a_session_is_out_of_reach_of_scripts(signed_in):
    page = signed_in("approver")
    [cookie] = [cookie for cookie in page.context.cookies() if cookie["name"] == COOKIE]

    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert page.evaluate("document.cookie") == ""


def test_who_signs_out_is_out_on_every_page(signed_in):
    page = signed_in("reader")
    other = page.context.new_page()
    other.goto("/api/ui")
    page.get_by_role("link", name="Sign out").click()
    page.wait_for_url("**/.auth/**")
    other.reload()

    assert "/.auth/login/aad" in other.url


def test_after_the_end_of_a_session_a_page_asks_again_and_leads_back(signed_in, site):
    page = signed_in("reader", "/api/ui?notice=cancel")
    end_session(page)
    page.reload()
    assert "/.auth/login/aad" in page.url
    sign_in(page, "operator")

    assert page.url == f"{site.url}/api/ui?notice=cancel"
    assert page.get_by_text("operator@local.example").is_visible()


@pytest.mark.parametrize("policy", ["unsafe-url", "no-referrer"])
def test_a_form_of_another_origin_is_refused_though_the_cookie_comes_along(
    signed_in, site, elsewhere, policy
):
    """Another port is another origin, but the same site for cookies."""
    page = signed_in("approver")
    page.goto(f"http://127.0.0.1:{elsewhere}/?{site.url}/api/ui&policy={policy}")
    with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        page.get_by_role("button").click()

    assert COOKIE in posted.value.request.all_headers()["cookie"]
    assert (posted.value.status, site.posts) == (403, [])


def test_a_form_of_another_site_comes_without_the_cookie(signed_in, site, elsewhere):
    page = signed_in("approver")
    page.goto(f"http://localhost:{elsewhere}/?{site.url}/api/ui&policy=unsafe-url")
    page.get_by_role("button").click()
    page.wait_for_url("**/.auth/**")

    assert site.posts == []


@pytest.mark.parametrize("look", ["dark", "phone"])
def test_everybody_can_use_the_sign_in(signed_in, look):
    page = signed_in.page(look, bypass_csp=True)
    page.goto("/api/ui")

    assert axe(page) == []
    assert not is_wider_than_its_window(page)


def test_axe_finds_what_keeps_people_out(signed_in):
    """The other direction: were the helper to look at nothing, it would find nothing."""
    page = signed_in.page(bypass_csp=True)
    page.goto("/api/ui")
    page.evaluate("document.querySelector('main').innerHTML = '<img src=x><button></button>'")

    assert {line.partition(":")[0] for line in axe(page)} == {"image-alt", "button-name"}


def test_the_sign_in_works_with_the_keyboard_alone(signed_in, site):
    page = signed_in.page()
    page.goto("/api/ui")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/ui")

    assert site.seen


def test_a_form_of_the_page_arrives(signed_in, site):
    """With an `Origin`, which the platform asks for: a page that sends no referrer hides it."""
    run_id = cancellable(site)
    page = signed_in("operator", f"/api/ui/runs/{run_id}/do/cancel")
    page.get_by_label("Why").fill("the wrong file")
    with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        page.locator("form button").click()

    assert (posted.value.status, posted.value.request.all_headers()["origin"]) == (303, site.url)
    wish = site.world.runs.load(run_id)[0].cancel
    assert (wish.name, wish.comment) == ("operator@local.example", "the wrong file")


def test_a_form_that_is_sent_after_the_session_records_nothing_and_says_so(signed_in, site):
    run_id = cancellable(site)
    page = signed_in("operator", f"/api/ui/runs/{run_id}/do/cancel")
    end_session(page)
    page.locator("form button").click()
    assert "/.auth/login/aad" in page.url
    sign_in(page, "operator")

    assert page.get_by_text("Nothing was recorded.").is_visible()
    assert (site.posts, site.world.runs.load(run_id)[0].cancel) == ([], None)


def cancellable(site):
    """A run that anybody may still stop."""
    return site.runs[list(Status).index(Status.TRAINING)]


def test_what_a_policy_forbids_is_noticed(signed_in):
    """The other direction of what every test of a page asks at its end."""
    page = signed_in.page()
    page.goto("/api/ui")
    with page.expect_console_message():
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('style'), {textContent: 'p {color: red}'}))"
        )

    assert len(signed_in.forbidden) == 1
    signed_in.forbidden.clear()
