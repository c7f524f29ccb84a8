"""The page of a run in a real browser: on a phone, in both themes, printed, saved, and for people who use other senses."""

import pytest

from shared.core.people import Person, Reader
from shared.core.roles import Roles
from shared.core.run import Status
from shared.pages.render import Frame, render
from tests.support.browsing import axe, is_wider_than_its_window
from tests.support.long_run import long_run, measured_product

ORDER = list(Status)
SHOWN = (
    (Status.AWAITING_APPROVAL, "phone"),
    (Status.AWAITING_SPEND_APPROVAL, "dark"),
    (Status.FAILED, "light"),
)
ROLES = Roles()


def path_of(site, status):
    return f"/api/ui/runs/{site.runs[ORDER.index(status)]}"


@pytest.fixture(scope="module")
def measured():
    return measured_product()


@pytest.fixture
def crowded(site, measured):
    """The address of a run with everything in it: items, curves, findings, a long history."""
    world, run = long_run(("some words and <b>more</b>",), 210, 320, of=measured)
    site.asked.services.__init__(world, site.asked.services.settings)
    return f"/api/ui/runs/{run.id}"


@pytest.mark.parametrize(("status", "look"), SHOWN)
def test_nothing_keeps_people_out(signed_in, site, status, look):
    page = signed_in("approver", path_of(site, status), look, bypass_csp=True)

    assert axe(page) == []
    assert not is_wider_than_its_window(page)


@pytest.mark.parametrize("look", [pytest.param("dark", marks=pytest.mark.thorough), "phone"])
def test_nothing_keeps_people_out_where_everything_is_shown(signed_in, crowded, look):
    page = signed_in("approver", crowded, look, bypass_csp=True)
    for summary in page.locator("summary").all():
        summary.click()

    assert page.locator("svg[role=img]").count() == 2
    assert axe(page) == []
    assert not is_wider_than_its_window(page)


def test_the_first_screen_of_a_phone_has_the_whole_question_and_the_form_comes_next(signed_in, site):
    page = signed_in("approver", path_of(site, Status.AWAITING_APPROVAL), "phone")
    asked = page.locator("section.ask dl").bounding_box()
    form = page.locator("form").first.bounding_box()
    stands = page.get_by_role("heading", name="Where it stands").bounding_box()

    for words in ("How sure", "What it costs", "If nobody decides", "How it is undone"):
        assert page.locator("section.ask dt", has_text=words).is_visible()
    assert asked["y"] + asked["height"] <= 740
    assert asked["y"] + asked["height"] < form["y"] < stands["y"]


def test_a_vote_on_the_page_leads_back_to_it(signed_in, site):
    page = signed_in("approver", path_of(site, Status.AWAITING_APPROVAL))
    page.get_by_label("Why").fill("read the worst items")
    page.get_by_role("button", name="Approve").click()

    assert page.url.startswith(site.url + path_of(site, Status.AWAITING_APPROVAL))
    assert page.get_by_role("status").is_visible()
    assert page.get_by_text("read the worst items").first.is_visible()


@pytest.mark.thorough
def test_parts_of_long_lists_are_reached_by_links(signed_in, crowded):
    page = signed_in("approver", crowded)
    for link, said in (
        ("Older lines", "lines 121 to 220"),
        ("More findings", "101 to 200"),
        ("Next items", "11 to 20"),
    ):
        page.get_by_role("link", name=link).click()
        assert page.get_by_text(said).is_visible()
        page.go_back()


def test_the_keyboard_reaches_the_form_and_the_skip_link_the_content(signed_in, site):
    page = signed_in("approver", path_of(site, Status.AWAITING_APPROVAL))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "comment":
            break
    else:
        pytest.fail("the field for the reason is not reached")


def test_printed_it_has_what_is_read_and_nothing_to_press(signed_in, crowded):
    page = signed_in("approver", crowded)
    page.emulate_media(media="print")

    assert page.get_by_text("How it is undone").is_visible()
    assert page.locator("svg[role=img]").first.is_visible()
    assert not page.locator("button").first.is_visible()
    assert not page.get_by_role("navigation", name="On this page").is_visible()


def test_a_saved_file_looks_the_same_without_the_app_and_keeps_to_its_policy(
    signed_in_at, site, measured, tmp_path
):
    reader = Reader(
        person=Person(id="oid", name="Ada", roles=frozenset({ROLES.approver})), data_role=ROLES.data
    )
    site.asked.services.__init__(measured.world, site.asked.services.settings)
    made = site.asked.services.run_pages.page(measured.run.id, reader, is_saved=True)
    file = tmp_path / "run.html"
    file.write_text(render("run", made, Frame(version="0.3.0", is_saved=True)))
    browsing = signed_in_at(site.url)
    page = browsing.page()
    page.goto(file.as_uri())

    assert page.locator("section.ask").evaluate("e => getComputedStyle(e).borderRadius") == "12px"
    assert page.locator("form, button, input, textarea").count() == 0
    assert site.seen == []
    again = browsing.page(bypass_csp=True)
    again.goto(file.as_uri())
    assert axe(again) == []
