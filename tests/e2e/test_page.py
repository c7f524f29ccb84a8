"""The page of the local cloud, as `make up` starts it, in a real browser."""

import pytest

from tests.support.browsing import end_session, sign_in

pytestmark = pytest.mark.e2e


def test_a_browser_signs_in_and_sees_the_page(driver, signed_in_at):
    url = driver.cloud.info.url
    page = signed_in_at(url)("approver")
    assert page.url == f"{url}/api/ui"
    assert page.get_by_text("approver@local.example").is_visible()
    end_session(page)
    page.reload()
    sign_in(page, "reader")

    assert page.get_by_text("reader@local.example").is_visible()


def test_another_client_is_401_without_a_body(driver):
    answer = driver.get("/ui")

    assert (answer.status_code, answer.content) == (401, b"")
    assert driver.get("/health").status_code == 200
