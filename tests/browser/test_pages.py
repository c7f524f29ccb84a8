"""The pages, clicked as people do: every one usable for everybody in both themes and on a phone, every link leading somewhere."""

import re

import pytest

from shared.core.run import Status
from tests.support.browsing import LOOKS, axe, is_wider_than_its_window

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ORDER = list(Status)


def pages_of(site):
    """Addresses of every kind of page."""
    at = dict(zip(ORDER, site.runs, strict=True))
    return [
        "/api/ui",
        "/api/ui/today",
        "/api/ui/runbook",
        "/api/ui/runs",
        "/api/ui/runs?status=nonsense",
        "/api/ui/pipelines",
        "/api/ui/pipelines/summaries",
        "/api/ui/decisions",
        f"/api/ui/runs/{at[Status.AWAITING_APPROVAL]}",
        f"/api/ui/runs/{at[Status.AWAITING_APPROVAL]}/do/approve",
        f"/api/ui/runs/{at[Status.AWAITING_SPEND_APPROVAL]}/do/approve/send",
        f"/api/ui/runs/{at[Status.TRAINING]}/do/cancel",
        f"/api/ui/runs/{at[Status.NOT_PROMOTED]}/do/approve",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="light"),
        pytest.param(LOOKS["phone"] | LOOKS["dark"], id="dark phone"),
    ],
)
def test_everybody_can_use_every_page(signed_in, site, options):
    page = signed_in("approver", bypass_csp=True, **options)
    for path in pages_of(site):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert axe(page) == [], path
        assert not is_wider_than_its_window(page), path


@pytest.mark.thorough
def test_every_link_leads_somewhere_and_every_id_is_there_once(signed_in, site):
    page = signed_in("approver")
    seen, todo = set(), ["/api/ui"]
    while todo:
        path = todo.pop()
        if path in seen or path.startswith("/.auth/"):
            continue
        seen.add(path)
        answer = page.request.get(path)
        assert answer.status == 200, path
        if "text/html" not in answer.headers["content-type"] or "/file" in path:
            continue
        page.goto(path)
        links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
        ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
        assert len(ids) == len(set(ids)), path
        for link in links:
            if link.startswith("#"):
                assert link[1:] in ids, (path, link)
            elif link.startswith("/"):
                todo.append(link.partition("#")[0])
    assert len(seen) > 60
    assert {path for path in pages_of(site) if "do/" not in path and "?" not in path} <= seen


def test_a_hold_is_asked_answered_and_an_approval_given_by_clicks_alone(signed_in, site):
    run_id = site.runs[ORDER.index(Status.AWAITING_APPROVAL)]
    page = signed_in("approver")
    page.get_by_role("link", name=re.compile(f"Read and decide +about run {run_id}")).click()
    page.get_by_label("Why").fill("Why are refunds worse?")
    page.get_by_role("button", name="Ask first (hold)").click()
    assert page.get_by_role("status").inner_text().startswith("What you asked is recorded")
    page.reload()
    assert site.posts == [f"/api/ui/runs/{run_id}/do/hold/send"]
    other = signed_in("approver-2", f"/api/ui/runs/{run_id}/do/approve")
    assert other.get_by_text("Why are refunds worse?").is_visible()
    other.get_by_label("Why").fill("they are not")
    other.get_by_role("button", name="Approve").click()
    assert other.get_by_role("status").inner_text() == "Your approval is recorded."
    gate = site.world.runs.load(run_id)[0].gates["deployment"]
    assert ([one.comment for one in gate.holds], [one.decision for one in gate.decisions]) == (
        ["Why are refunds worse?"],
        ["approve"],
    )


def test_who_decides_second_reads_why_nothing_was_recorded(signed_in, site):
    run_id = site.runs[ORDER.index(Status.AWAITING_SPEND_APPROVAL)]
    first, second = (
        signed_in(name, f"/api/ui/runs/{run_id}/do/{act}")
        for name, act in (("approver", "reject"), ("approver-2", "approve"))
    )
    first.get_by_role("button", name="Reject").click()
    run, version = site.world.runs.load(run_id)
    site.world.runs.replace(run.move(Status.REJECTED, site.world.clock.now()), version, [])
    second.get_by_label("Why").fill("my words")
    second.get_by_role("button", name="Approve").click()
    assert "Nothing was recorded." in second.get_by_role("alert").inner_text()
    assert second.get_by_text("my words").is_visible()
    assert len(site.world.runs.load(run_id)[0].gates["spend"].decisions) == 1


def test_a_reader_is_offered_nothing_to_press(signed_in, site):
    page = signed_in("reader")
    for path in pages_of(site):
        page.goto(path)
        assert page.locator("form[method=post]").count() == 0, path


def test_a_run_is_cancelled_with_the_keyboard_alone(signed_in, site):
    run_id = site.runs[ORDER.index(Status.TRAINING)]
    page = signed_in("operator", f"/api/ui/runs/{run_id}/do/cancel")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.type("not needed")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert site.world.runs.load(run_id)[0].cancel.comment == "not needed"


def test_on_paper_there_is_nothing_to_press_and_no_dark_ground(signed_in):
    page = signed_in("approver", look="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
