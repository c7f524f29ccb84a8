"""The page of one run: in every status, for every role, of every release; how large it is, what it reads, and who sees rows."""

import html
import json
import logging
import re
from html.parser import HTMLParser

import pytest

from shared.core import artifacts
from shared.core.people import Person, Reader
from shared.core.run import Status
from shared.core.shown import visible
from shared.pages.render import Frame, render
from shared.run_folder import RunFolder
from shared.views.run_reading import CALLS_MAX
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, who, world_with_runs
from tests.support.builders import a_run
from tests.support.long_run import long_run, measured_product
from tests.support.naughty import BLNS
from tests.support.product import Product, dataset
from tests.twins.world import TwinWorld

ROLES = (READER, OPERATOR, APPROVER)
SIZE_MAX = 200_000
#: Words of the rows that are dropped, and of the answers to them.
MARKS = ("canary", "The code of box", "What is the code")
APPROVED = Reader(
    person=Person(id="oid-1", name="Ada", roles=frozenset({APPROVER}), role=APPROVER), data_role=APPROVER
)


class Skeleton(HTMLParser):
    """Tags with the names of their attributes, and the text between them; fails where an element is not closed."""

    VOID = frozenset({"meta", "br", "input", "rect", "line", "polyline", "circle", "hr"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words, self.links = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in {"href", "src", "action", "formaction"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def measured():
    return measured_product()


def places(run_id):
    base = f"/api/ui/runs/{run_id}"
    return {
        "page": base,
        "items": f"{base}?items=5",
        "item": f"{base}?item=5",
        "findings": f"{base}?findings=1",
        "file": f"{base}/file",
    }


def calls_of(world):
    stores = (world.runs, world.index, world.claims, world.pipelines, world.pipeline_files, world.artifacts)
    others = (world.datasets, world.files, world.trainer, world.inference, world.deployer, world.account)
    return sum(len(store.calls) for store in stores), sum(len(store.calls) for store in others)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("role", ROLES)
def test_a_run_has_a_page_and_a_file_in_every_status(monkeypatch, status, role):
    world, ids = world_with_runs()
    app = Asked(world, monkeypatch)
    run_id = ids[list(Status).index(status)]
    for url in (f"/api/ui/runs/{run_id}", f"/api/ui/runs/{run_id}/file"):
        before, _ = calls_of(world)
        code, headers, text = app.page(url, role)
        after, elsewhere = calls_of(world)

        assert code == 200
        assert headers["Cache-Control"] == "no-store"
        assert len(text.encode()) < SIZE_MAX
        assert after - before <= CALLS_MAX
        assert elsewhere == 0
        shown = Skeleton(text)
        assert "script" not in dict(shown.tags)
        assert run_id in " ".join(shown.words)
        assert status.value.replace("_", " ") in " ".join(shown.words)


def test_a_saved_file_has_nothing_to_press_and_brings_its_policy_along(monkeypatch, measured):
    app = Asked(measured.world, monkeypatch)
    _, headers, text = app.page(f"/api/ui/runs/{measured.run.id}/file", APPROVER)
    shown = Skeleton(text)

    assert headers["Content-Disposition"] == f'attachment; filename="run-{measured.run.id}.html"'
    assert not {"form", "button", "input", "textarea"} & {tag for tag, _ in shown.tags}
    assert all(link.startswith("#") for link in shown.links)
    assert re.search(r'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;', text)
    assert "as Ada could see it" in " ".join(shown.words)


def test_the_first_screen_says_what_is_asked_how_sure_what_it_costs_what_silence_means_and_how_it_is_undone(
    monkeypatch, measured
):
    text = Asked(measured.world, monkeypatch).page(f"/api/ui/runs/{measured.run.id}", APPROVER)[2]
    words = html.unescape(re.sub(r"<[^>]+>", " ", text))
    order = [
        "Give the clients of boxes the new model?",
        "How sure",
        "The candidate is better.",
        "Smallest gain that could be seen",
        "What it costs",
        "A month: about US$ 1,241.00 for the deployment, an estimate",
        "If nobody decides",
        "the run ends as expired",
        "How it is undone",
        'name="digest"',
        "Where it stands",
    ]
    found = [(text if "=" in mark else words).find(mark) for mark in order]

    assert -1 not in found, order[found.index(-1)]
    in_words = [place for place, mark in zip(found, order, strict=True) if "=" not in mark]
    assert in_words == sorted(in_words)
    assert text.index("How it is undone") < text.index('name="digest"') < text.index("Where it stands")


@pytest.mark.parametrize("data_role", ROLES)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("place", ["page", "items", "findings", "file"])
def test_rows_are_seen_by_the_role_that_may_and_in_no_place_by_others(
    monkeypatch, measured, caplog, data_role, role, place
):
    caplog.set_level(logging.INFO)
    app = Asked(measured.world, monkeypatch, DATA_ROLE=data_role)
    code, headers, text = app.page(places(measured.run.id)[place], role)
    logged = " ".join(str(vars(record)) for record in caplog.records)

    assert code == 200
    assert headers["Cache-Control"] == "no-store"
    assert not any(mark in logged for mark in MARKS)
    if role == data_role:
        assert all(mark in text for mark in MARKS[1:])
        assert "rows.read" in logged or "rows_read" in logged.replace(".", "_")
        assert "oid-1" in logged
    else:
        assert not any(mark in text for mark in MARKS)
        assert f"the app role <code>{data_role}</code> shows them" in text


@pytest.mark.slow
@pytest.mark.parametrize("words", ["many words, ", "東京は今日も雨、", "a\x9b\U000e0041"])
def test_1000_findings_and_10000_lines_fit_into_200_kb_and_12_calls(monkeypatch, measured, words):
    world, run = long_run((words * 200,), of=measured)
    app = Asked(world, monkeypatch)
    url = f"/api/ui/runs/{run.id}"
    before = calls_of(world)[0]
    _, _, text = app.page(url, APPROVER)

    assert calls_of(world)[0] - before <= CALLS_MAX
    assert len(text.encode()) < SIZE_MAX
    assert len(app.page(f"{url}?item=3", APPROVER)[2].encode()) < SIZE_MAX
    assert "1 to 100 of 1,000" in text
    assert "1 to 10 of 200" in text
    assert "A page with the whole text" in text
    assert "lines 9,901 to 10,000 of 10,000" in text


@pytest.mark.parametrize("words", ["many words, ", "東京は今日も雨、", "a\x9b\U000e0041"])
def test_where_other_lists_are_short_more_texts_of_items_are_there_to_open(monkeypatch, measured, words):
    world, run = long_run((words * 200,), count=20, of=measured)
    text = Asked(world, monkeypatch).page(f"/api/ui/runs/{run.id}", APPROVER)[2]

    assert "The whole text" in text
    assert len(text.encode()) < SIZE_MAX


@pytest.mark.slow
def test_every_line_and_finding_is_reached_page_by_page(monkeypatch):
    world, run = long_run(count=250, events=1_250)
    app, url = Asked(world, monkeypatch), f"/api/ui/runs/{run.id}"

    def walked(link, mark):
        seen, following = set(), ""
        while following is not None:
            text = app.page(url + following, READER)[2]
            seen |= {int(number) for number in re.findall(mark, text)}
            found = re.search(rf'href="(\?\w+=\d+)#\w+">{link}', text)
            following = found and found[1]
        return seen

    assert walked("Older lines", r"try (\d+); come") == set(range(1, 1_231))
    assert walked("More findings", r"in row (\d+)") == set(range(250))


@pytest.mark.parametrize("query", ["events=x", "findings=-1", "items=1234567", "events=%C2%B2"])
def test_what_is_no_number_is_refused(monkeypatch, query):
    world, ids = world_with_runs()

    assert Asked(world, monkeypatch).page(f"/api/ui/runs/{ids[0]}?{query}")[0] == 400


@pytest.mark.parametrize("query", ["events=0", "events=999999", "findings=999999", "items=999999"])
def test_a_place_behind_the_end_shows_the_beginning(monkeypatch, query):
    world, run = long_run(count=3, events=30)
    text = Asked(world, monkeypatch).page(f"/api/ui/runs/{run.id}?{query}")[2]

    assert "try 10; come" in text
    assert "in row 2" in text


def test_there_is_no_page_of_what_is_no_run(monkeypatch):
    app = Asked(world_with_runs()[0], monkeypatch)

    assert app.page("/api/ui/runs/nothing")[0] == 404
    assert app.page(f"/api/ui/runs/{'f' * 20}/file")[0] == 404


def shown_of(monkeypatch, world, run, name="nobody"):
    page = Asked(world, monkeypatch).services.run_pages.page(run.id, APPROVED)
    return Skeleton(render("run", page, Frame(version="0.3.0", place="runs", person=name)))


@pytest.mark.slow
def test_515_naughty_strings_are_text_and_nothing_else(monkeypatch, measured):
    plain = shown_of(monkeypatch, *long_run(("harmless",), 20, 30, of=measured))
    known = set(plain.tags)
    for first in range(0, len(BLNS), 10):
        texts = tuple(text or "empty" for text in BLNS[first : first + 10])
        shown = shown_of(monkeypatch, *long_run(texts, 20, 30, of=measured), name=texts[0])
        words = "".join(shown.words)

        assert set(shown.tags) <= known, texts
        assert shown.links == plain.links
        for text in texts:
            head = visible(text[:50].replace("\r\n", "\n"), keep="\n\t")
            assert " ".join(head.split()) in " ".join(words.split()), text


@pytest.mark.parametrize("role", ROLES)
def test_every_link_leads_somewhere(monkeypatch, measured, role):
    app = Asked(measured.world, monkeypatch)
    url = f"/api/ui/runs/{measured.run.id}"
    shown = Skeleton(app.page(url, role)[2])
    asked = [
        link for link in shown.links if not link.startswith(("#", "/.auth/")) and not link.endswith("/send")
    ]

    assert len(asked) > 15
    for link in asked:
        answered = app.request("GET", url + link if link.startswith("?") else link, headers=who(role))
        assert answered.status_code == 200, link


def test_names_that_others_chose_are_part_of_a_path_and_nothing_else(monkeypatch):
    world, run = TwinWorld(), a_run(Status.INVALID, pipeline='x/../"y?z#')
    world.runs.insert(run, [])
    RunFolder(world.artifacts, run.id).write(artifacts.Artifact('odd?name#of "whom.json'), b"{}")
    links = Skeleton(Asked(world, monkeypatch).page(f"/api/ui/runs/{run.id}", APPROVER)[2]).links

    assert "/api/ui/pipelines/x%2F..%2F%22y%3Fz%23" in links
    assert f"/api/runs/{run.id}/artifacts/odd%3Fname%23of%20%22whom.json" in links


def test_a_changed_comparison_is_not_shown_and_the_page_says_so(monkeypatch):
    made = Product()
    made.world.datasets.put("boxes/training.jsonl", dataset(60))
    run = made.until(Status.AWAITING_APPROVAL)
    folder = RunFolder(made.world.artifacts, run.id)
    folder.write(
        artifacts.COMPARISON, folder.read(artifacts.COMPARISON).replace(b"similarity", b"likeness!!")
    )
    text = Asked(made.world, monkeypatch).page(f"/api/ui/runs/{run.id}", APPROVER)[2]

    assert "likeness!!" not in text
    assert "evaluation/comparison.json is not there as it was stored." in text
    assert "The comparison is not there as it was stored" in text


@pytest.mark.parametrize(
    "raw", [b"{}", b"[]", b"\xff", b'{"findings": 3}', json.dumps({"metric": 1}).encode()]
)
def test_artifacts_of_no_known_form_break_no_page(monkeypatch, raw):
    world, run = TwinWorld(), a_run(Status.AWAITING_APPROVAL)
    world.runs.insert(run, [])
    folder = RunFolder(world.artifacts, run.id)
    for artifact in (
        artifacts.REPORT,
        artifacts.COMPARISON,
        artifacts.CHECKPOINTS,
        artifacts.training_results(0),
        artifacts.PINNED,
    ):
        folder.write(artifact, raw)

    assert Asked(world, monkeypatch).page(f"/api/ui/runs/{run.id}", APPROVER)[0] == 200
