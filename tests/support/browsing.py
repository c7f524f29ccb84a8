"""A real browser in front of the app: fixtures for tests that click.  A conftest imports those that its tests need.

The browser is Debian's Chromium, or that of CHROMIUM.  People sign in as they do: at `/.auth/login/aad`, never by a header.
"""

import os
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from playwright.sync_api import sync_playwright
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from local.host.easyauth import COOKIE, EasyAuth, load_identities
from local.host.sessions import Sessions
from local.host.signing_in import with_sign_in
from local.listening import listen
from tests.functions.populated import Asked, world_with_runs

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
MISSING = "no Chromium: install it (Debian: apt-get install chromium), or name one in CHROMIUM"
#: It speaks to nobody but the page.  Only root has to go without the sandbox.
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
)  # fmt: skip
#: Ways to look at a page: options of a browser's context.  For print: `page.emulate_media(media="print")`.
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_TIMEOUT_MS = 15_000
#: What Chromium writes to the console where a page does what its policy does not allow.
_POLICY = ("Content Security Policy", "Content-Security-Policy")


def find_chromium():
    """The browser's program; None without one."""
    given = os.environ.get("CHROMIUM")
    names = [given] if given else ["chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def chromium():
    """A running browser.  It ends with the module: while it runs, its thread can have no other event loop."""
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Site:
    """The app's functions on twins with a run in each status, behind the sign-in of the local host, on a port of this machine."""

    url: str
    asked: Asked
    world: Any
    runs: list[str]
    """Ids, in the order of `Status`."""
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, target and headers of each request that the app saw."""

    @property
    def posts(self):
        """Targets of the POSTs that it saw."""
        return [target for method, target, _ in self.seen if method == "POST"]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A `Site` of this test alone, in this process: it starts in a tenth of a second."""
    world, runs = world_with_runs()
    asked = Asked(world, monkeypatch)
    made = Site("", asked, world, runs)

    async def app(scope, receive, send):
        request = Request(scope, receive)
        headers = {name.title(): value for name, value in request.headers.items()}
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        made.seen.append((request.method, target, headers))
        answer = await run_in_threadpool(
            asked.request, request.method, target, headers=headers, body=await request.body()
        )
        await _to_send(answer)(scope, receive, send)

    auth = EasyAuth(load_identities(tmp_path / "identities.json"), Sessions())
    server = uvicorn.Server(uvicorn.Config(with_sign_in(app, auth), log_level="warning", lifespan="off"))
    listening = listen(0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join()


def _to_send(answer):
    if answer is None:
        return PlainTextResponse("no such route", 404)
    return Response(answer.get_body(), answer.status_code, dict(answer.headers), answer.mimetype)


class Browsing:
    """Pages of people at a site; what their policy forbade is kept."""

    def __init__(self, browser, url):
        self._browser, self._url = browser, url
        self._contexts, self.forbidden = [], []

    def page(self, look="light", **options):
        """A page of a browser that nobody has signed in with."""
        context = self._browser.new_context(base_url=self._url, **(LOOKS[look] | options))
        context.set_default_timeout(_TIMEOUT_MS)
        self._contexts.append(context)
        context.on("console", lambda message: self._keep(message.text))
        return context.new_page()

    def __call__(self, name, path="/api/ui", look="light", **options):
        """A page at `path` of somebody who signed in there: reader, operator, approver or approver-2.

        For axe, `bypass_csp=True`: a strict policy stops its script as it stops all others.
        """
        page = self.page(look, **options)
        page.goto(path)
        sign_in(page, name)
        return page

    def _keep(self, text):
        if any(word in text for word in _POLICY):
            self.forbidden.append(text)

    def close(self):
        for context in self._contexts:
            context.close()


@pytest.fixture
def signed_in_at(chromium):
    """`signed_in_at(url)` is what `signed_in` is, at another site.  No page may try what its policy forbids."""
    made = []

    def at(url):
        made.append(Browsing(chromium, url))
        return made[-1]

    yield at
    for browsing in made:
        browsing.close()
    assert [text for browsing in made for text in browsing.forbidden] == []


@pytest.fixture
def signed_in(signed_in_at, site):
    """`signed_in("approver")` is a page at `/api/ui` of somebody who signed in."""
    return signed_in_at(site.url)


def sign_in(page, name):
    """Choose who one is, on the page of the sign-in; it leads back."""
    page.get_by_role("button", name=f"{name} (").click()
    page.wait_for_url(lambda url: "/.auth/" not in url)


def end_session(page):
    """End a page's session behind its back: its browser keeps the cookie, which opens nothing more."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    here = page.evaluate("location.origin")
    answer = httpx2.get(
        f"{here}/.auth/logout", headers={"Cookie": f"{COOKIE}={cookies[COOKIE]}"}, trust_env=False
    )
    assert answer.status_code == 302


def axe(page):
    """What keeps people out of a page, by WCAG 2.2 AA: a line for each element.  The page's context needs `bypass_csp`."""
    page.add_script_tag(content=AXE.read_text())
    found = page.evaluate("tags => axe.run({runOnly: tags})", WCAG)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def is_wider_than_its_window(page):
    """Whether people have to scroll sideways."""
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
