"""The pages: who may see them, that nothing of others is more than text in them, how large they are, and what they cost."""

import base64
import csv
import hashlib
import html
import io
import json
import random
import re
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import urlencode

import azure.functions as func
import msgspec
import pytest

from shared.core import served
from shared.core.clipping import clipped
from shared.core.errors import Unavailable
from shared.core.history import Event
from shared.core.observations import Champion
from shared.core.run import Failure, GateDecision, Status
from tests.core.scenarios import at_deployment_gate
from tests.functions.declared import PAGES as ROUTES
from tests.functions.populated import APPROVER, OPERATOR, READER, Asked, who, world_with_runs
from tests.support.builders import NOW, a_run
from tests.support.naughty import NAUGHTY, raw_in

PAGES = (
    "/api/ui",
    "/api/ui/today",
    "/api/ui/runbook",
    "/api/ui/runs",
    "/api/ui/runs?pipeline=summaries&status=failed&text=a",
    "/api/ui/pipelines",
    "/api/ui/pipelines/summaries",
    "/api/ui/decisions",
    "/api/ui/decisions?from=2026-01-01&to=2027-01-01T00:00:00Z",
)


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
    for site in ("cross-site", "same-site", "none"):
        assert "is recorded" not in app.page("/api/ui?notice=approve", Sec_Fetch_Site=site)[2]


STORAGE = ("runs", "index", "claims", "pipelines", "datasets", "pipeline_files", "artifacts")


def crowded(number=300):
    """A world with many runs of many kinds, many pipelines, votes, and a timer that ticked."""
    world, _ = world_with_runs()
    world.clock.set(NOW + timedelta(days=1))
    for at in range(number):
        run = (at_deployment_gate(), a_run(Status.FAILED, failure=FAILURE), a_run(Status.TRAINING))[at % 3]
        run = run.evolve(
            id=f"{at + 1000:020x}",
            pipeline=f"p{at % 40}",
            dataset=msgspec.structs.replace(run.dataset, name=f"p{at % 40}/{at}.jsonl"),
            created_at=NOW - timedelta(minutes=at),
            trouble="quota_exhausted: none is left" if at % 2 else None,
        )
        vote = Event(
            sequence=1, at=NOW, kind="decision", after="approve", detail="deployment: Ada on sha256:1"
        )
        world.runs.insert(
            run,
            [
                vote,
                *(
                    Event(sequence=n, at=NOW + timedelta(days=1), kind="note", detail="d")
                    for n in range(2, 60)
                ),
            ],
        )
        world.index.project(run, is_settled=False)
    for name in range(40):
        world.pipeline_files.put(f"p{name}.yaml", "model: gpt-4.1-2025-04-14\n")
        champion = Champion(deployment=f"d{name}", model="m", run_id="a" * 20, since=NOW)
        world.pipelines.promote(f"p{name}", champion, None)
    world.index.ticked("9.9", NOW)
    return world


FAILURE = Failure(step=Status.TRAINING, code="x", message="m" * 4000, remedy="r" * 4000, can_retry=True)
CROWDED = (
    *PAGES,
    "/api/ui/runs?text=zzz",
    "/api/ui/runs?status=not-promoted",
    "/api/ui/pipelines/p1",
    f"/api/ui/runs/{1000:020x}/do/approve",
    f"/api/ui/runs/{1001:020x}/do/retry",
)


@pytest.fixture(scope="module")
def crowd():
    return crowded()


@pytest.mark.parametrize("url", CROWDED)
def test_a_page_of_a_crowd_is_small_and_takes_at_most_twelve_calls_to_storage(crowd, monkeypatch, url):
    app = Asked(crowd, monkeypatch)
    before = sum(len(getattr(crowd, port).calls) for port in STORAGE)
    status, _, text = app.page(url, APPROVER)

    assert status == 200
    assert sum(len(getattr(crowd, port).calls) for port in STORAGE) - before <= 12
    assert len(text.encode()) < 200_000
    assert "href" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("/api/ui/runs", r"/api/ui/runs/(\w{20})\""),
        ("/api/ui/runs?status=failed", r"/api/ui/runs/(\w{20})\""),
        ("/api/ui/today", r"id=\"r(\w{20})\""),
        ("/api/ui/decisions", r"/api/ui/runs/(\w{20})\""),
    ],
)
def test_pages_lead_on_to_everything_once(crowd, monkeypatch, url, pattern):
    app, seen = Asked(crowd, monkeypatch), list[str]()
    for _ in range(60):
        status, _, text = app.page(url)
        assert status == 200
        seen += list(dict.fromkeys(re.findall(pattern, text)))
        further = re.search(r'href="([^"]+after=[^"]+)">(?:Older|More runs|Next page)', text)
        if not further:
            break
        url = html.unescape(further[1])
    assert len(seen) == len(set(seen)) >= 100


def test_filters_show_what_they_say(crowd, monkeypatch):
    app = Asked(crowd, monkeypatch)
    _, _, text = app.page("/api/ui/runs?pipeline=p3&status=waiting&text=P3/3.")
    assert re.findall(r"<th scope=\"row\">.*?>(.*?)</a>", text) == ["p3/3.jsonl"]
    assert '<option value="p3" selected>' in text
    assert '<option value="waiting" selected>' in text
    assert app.page("/api/ui/runs?status=nonsense")[0] == 400
    assert app.page("/api/ui/runs?text=" + "a" * 300)[0] == 400
    assert app.page("/api/ui/runs?after=x")[0] == 400
    assert "No such run" in app.page("/api/ui/runs?pipeline=%27%20or%201%20eq%201")[2]


def test_what_waits_is_marked_by_whose_it_is(crowd, monkeypatch):
    app = Asked(crowd, monkeypatch)
    _, _, text = app.page("/api/ui", APPROVER)
    assert "100 decisions wait for you." in text or re.search(r"\d+ decisions wait for you", text)
    _, _, text = app.page("/api/ui", APPROVER, "uploader-oid")
    assert "You dropped this dataset: it is not yours to decide." in text
    assert "No decision waits for you." in text
    _, _, text = app.page("/api/ui", READER)
    assert "Decided by the app role FineTune.Approver, which you do not have." in text


def test_the_export_has_every_decision_of_the_period_and_no_other(crowd, monkeypatch):
    app = Asked(crowd, monkeypatch)
    status, headers, text = app.page("/api/ui/decisions.csv")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert (status, headers["Content-Disposition"]) == (200, 'attachment; filename="decisions.csv"')
    assert len({row["run"] for row in rows}) == len(rows) == 300
    assert list(rows[0]) == list(served.DecisionRow.__struct_fields__)
    assert len(json.loads(app.page("/api/ui/decisions.json")[2])["decisions"]) == 300
    assert app.page("/api/ui/decisions.csv?from=2030-01-01")[2].count("\n") == 1
    assert app.page("/api/ui/decisions.csv?from=&to=")[2] == text
    assert app.page("/api/ui/decisions.csv?from=yesterday")[0] == 400
    assert app.page("/api/ui/decisions.csv", "Other")[0] == 403


def test_an_export_that_would_never_end_says_so_and_is_not_cut(crowd, monkeypatch):
    app = Asked(crowd, monkeypatch)
    real = app.services.lists.decisions

    def slow(*given):
        crowd.clock.advance(100)
        return real(*given)

    monkeypatch.setattr(app.services.lists, "decisions", slow)
    status, _, text = app.page("/api/ui/decisions.csv")

    assert status == 400
    assert "take a shorter period" in text


def test_one_export_at_a_time_so_that_nobody_takes_all_threads_by_asking_for_some(crowd, monkeypatch):
    app = Asked(crowd, monkeypatch)
    real, meanwhile = app.services.lists.decisions, []

    def asked_meanwhile(*given):
        if not meanwhile:
            meanwhile.append(None)
            meanwhile[0] = app.page("/api/ui/decisions.json", person="oid-2")
        return real(*given)

    monkeypatch.setattr(app.services.lists, "decisions", asked_meanwhile)
    assert app.page("/api/ui/decisions.csv")[0] == 200
    (status, headers, text) = meanwhile[0]
    assert (status, headers["Retry-After"]) == (503, "60")
    assert "another export" in text
    assert app.page("/api/ui/decisions.json")[0] == 200  # also after one that failed or ended


class Structure(HTMLParser):
    """What a page is made of, without its texts and addresses."""

    def __init__(self, text):
        super().__init__()
        self.found, self.leads_to = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, *(name for name, _ in attrs)))
        self.leads_to += [value for name, value in attrs if name in {"href", "src", "action", "formaction"}]

    def handle_comment(self, _):
        self.found.append(("comment",))

    def handle_decl(self, decl):
        self.found.append((decl,))


def world_that_says(texts):
    """A world in which everything that others choose is one of some texts; at most 30."""
    world, _ = world_with_runs()
    world.clock.set(NOW)
    for at, text in enumerate(texts):
        run = (at_deployment_gate(), a_run(Status.FAILED, failure=FAILURE), a_run(Status.TRAINING))[at % 3]
        failure = msgspec.structs.replace(FAILURE, message=text, remedy=text) if run.failure else None
        gates = {
            name: msgspec.structs.replace(
                gate,
                reason=text,
                decisions=(
                    GateDecision(
                        person=text, name=text, decision="approve", digest=gate.digest, comment=text, at=NOW
                    ),
                ),
                holds=(
                    GateDecision(
                        person="x", name=text, decision="hold", digest=gate.digest, comment=text, at=NOW
                    ),
                ),
            )
            for name, gate in run.gates.items()
        }
        run = run.evolve(
            id=f"{at + 1000:020x}",
            dataset=msgspec.structs.replace(run.dataset, name=f"summaries/{text}"),
            failure=failure,
            trouble=f"x: {text}",
            gates=gates,
        )
        said = Event(
            sequence=1,
            at=NOW,
            kind="decision",
            after="approve",
            detail=f"deployment: {text} on sha256:1",
            person=text,
            role=text,
            comment=text,
        )
        world.runs.insert(clipped(run), [said, Event(sequence=2, at=NOW, kind="note", detail=text)])
        world.index.project(clipped(run), is_settled=False)
    return world


def pages_of(texts, monkeypatch):
    """The structure of each page, and its text."""
    app = Asked(world_that_says(texts), monkeypatch)
    asked = [url for url in PAGES if "?" not in url]
    asked += [
        f"/api/ui/runs/{1000 + at:020x}/do/{act}" for at, act in enumerate(("approve", "retry", "cancel"))
    ]
    for url in asked:
        status, _, text = app.page(url, APPROVER)
        assert status == 200
        yield url, Structure(text).found, text
    for field in ("text", "pipeline"):
        _, _, text = app.page(f"/api/ui/runs?{urlencode({field: texts[0][:200]})}")
        yield field, None, text
    fields = {"gate": texts[0], "digest": texts[0], "comment": texts[0]}
    _, _, text = app.send(f"/api/ui/runs/{1000:020x}/do/approve/send", fields)
    yield "form", None, text
    yield "csv", None, app.page("/api/ui/decisions.csv")[2]


WEIRD = [text.encode(errors="replace").decode() for text in NAUGHTY if text.strip()]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, len(WEIRD), 24))
def test_what_others_wrote_is_never_more_than_text(monkeypatch, first):
    texts = WEIRD[first : first + 24]
    plain = {url: found for url, found, _ in pages_of(["harmless"] * len(texts), monkeypatch)}
    for url, found, text in pages_of(texts, monkeypatch):
        assert found == plain[url], url
        assert raw_in(text, "\n\t" if url != "csv" else "\n\t\r") == set(), url
        leads_to = Structure(text).leads_to if url != "csv" else []
        assert all(re.match(r"/api/|/\.auth/|#", place) for place in leads_to), url
        if url == "csv":
            cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


ODD = (
    "",
    "0",
    "-1",
    "x" * 3000,
    "../../pipelines/x",
    "..%2f..%2fx",
    "a\\b",
    "\x00",
    "\r\nX-Injected: 1",
    "\u202eabc",
    "2026-13-45",
    "' or 1 eq 1 or '",
    *WEIRD[::40],
)
NAMED = {
    "run_id": (*(f"{at:020x}" for at in range(12)), *ODD[:4]),
    "name": ("summaries", *ODD),
    "act": ("approve", *("cancel",) * 9, *ODD[:4]),
}
QUERIED = ("after", "from", "limit", "notice", "pipeline", "status", "text", "to", "items", "events", "x")


@pytest.mark.slow
def test_no_request_for_a_page_is_too_odd(monkeypatch):
    world, _ = world_with_runs()
    world.clock.set(NOW)
    app, rng, seen = Asked(world, monkeypatch), random.Random(22), Counter()
    for number in range(600):
        declared = list(ROUTES.values())[number % len(ROUTES)]
        named = re.findall(r"\{(\w+)\}", declared.route)
        body = rng.choice(
            (b"", b"\xff", b"a=" + b"x" * 20_000, urlencode({"comment": rng.choice(ODD)}).encode())
        )
        request = func.HttpRequest(
            declared.method,
            "https://app/api/ui",
            headers={"Host": "app", "Origin": "https://app"}
            | who(rng.choice((READER, APPROVER, APPROVER, "Other")))
            | {"Content-Type": rng.choice(("application/x-www-form-urlencoded", "text/plain", ODD[0]))},
            params={rng.choice(QUERIED): rng.choice(ODD) for _ in range(rng.randrange(3))},
            route_params={name: rng.choice(NAMED[name]) for name in named},
            body=body,
        )
        bound = (
            {"due": SimpleNamespace(set=app.queued.append)} if "due" in declared.call.__annotations__ else {}
        )
        context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent="", trace_state=""))
        answered = declared.call(req=request, context=context, **bound)
        seen[answered.status_code] += 1
        assert answered.status_code < 500, (declared.route, request.route_params, request.params)
        assert raw_in(answered.get_body().decode(), "\n\t") == set()
        assert "X-Injected" not in answered.headers
    assert {200, 303, 400, 403, 404} <= seen.keys()
