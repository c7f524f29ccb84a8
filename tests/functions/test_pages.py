"""The pages: who may see them, that nothing of others is more than text in them, how large they are, and what they cost."""

import base64
import hashlib
import html
import re

import pytest

from shared.core.errors import Unavailable
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, world_with_runs

PAGES = ("/api/ui",)


@pytest.fixture
def app(monkeypatch):
    return Asked(world_with_runs()[0], monkeypatch)


@pytest.mark.parametrize("role", [READER, OPERATOR, APPROVER])
@pytest.mark.parametrize("url", PAGES)
def test_whoever_reads_sees_a_page(app, url, role):
    status, headers, text = app.page(url, role)

    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert text.startswith("<!doctype html>")
    assert len(text.encode()) < 200_000


@pytest.mark.parametrize("url", PAGES)
def test_whoever_has_no_role_sees_none_and_reads_which_one_it_takes(app, url):
    status, _, text = app.page(url, "Other")

    assert status == 403
    assert "FineTune.Reader" in text
    assert "does not have any of the app roles" in text


@pytest.mark.parametrize("url", PAGES)
def test_the_policy_names_the_one_style_that_stands_in_the_page_and_no_script(app, url):
    _, headers, text = app.page(url)
    [style] = re.findall(r"<style>(.+?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self' https://login.microsoftonline.com"
    )
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script| style=| on\w+=|javascript:", text)


def test_an_error_says_the_same_as_the_api(app):
    def fail(_):
        msg = "storage <is> away"
        raise Unavailable(msg, retry_after_s=7)

    app.services.home.page = fail
    status, headers, text = app.page("/api/ui")

    assert (status, headers["Retry-After"]) == (503, "7")
    assert "storage &lt;is&gt; away" in text
    assert Unavailable.default_remedy in html.unescape(text)
    assert "unavailable" in text


def test_an_address_never_brings_a_text_of_its_own(app):
    _, _, text = app.page("/api/ui?notice=approve")
    assert "Your approval is recorded." in text
    _, _, text = app.page("/api/ui?notice=evil%20words")
    assert "evil" not in text
