"""What stands at a gate: nothing that speaks against an approval is said elsewhere only."""

import msgspec
import pytest

from cli.gate_view import doubts_of, judged_again
from cli.money import rule_in_words
from cli.run_view import told
from cli.sending import Reply
from shared.core import artifacts, history, served
from shared.core.costs import PriceKind
from shared.core.judging import Judging
from shared.core.spec import PromoteRule
from shared.core.status import Status
from tests.cli.deployed import AT, Deployed

GATE = AT[Status.AWAITING_APPROVAL]
SPEND = AT[Status.AWAITING_SPEND_APPROVAL]
DOUBTS = (
    "similarity compares wording, which alone does not show that an answer is right",
    "the same answers, handed out at random, score about the same",
    "against gpt-4.1, a gain of -0.414 is all that is safe to say",
)


def event(kind, after=None, detail=None):
    return served.Event(
        sequence=1,
        at="2026-11-23T09:00:00.000Z",
        kind=kind,
        before=None,
        after=after,
        detail=detail,
        app_version=None,
        role=None,
        comment=None,
    )


@pytest.fixture(autouse=True)
def app(monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    return Deployed(monkeypatch)


@pytest.fixture
def asked(app):
    """The run at its deployment gate, with doubts, judged again."""
    run = msgspec.convert(app.app.ask(f"GET /api/runs/{GATE}")[1], served.Run)
    again = served.JudgedAgain(
        name="Grace",
        at="2026-11-23T09:00:00.000Z",
        changed=("evaluation.graders",),
        notes=("label_match decides",),
        before=("unproven",),
        pinned="pinned/x.json",
    )
    detail = "to be judged again, asked by Grace: evaluation 2; changed: evaluation.graders"
    asked = msgspec.structs.replace(event("status", "queueing", detail), comment="the labels were wrong")
    return msgspec.structs.replace(
        run,
        evaluation=msgspec.structs.replace(run.evaluation, doubts=DOUBTS),
        judged_again=again,
        history=(*run.history, asked),
        warnings=("the model retires soon",),
        evidence=served.Evidence(changed=("evaluation/scores.jsonl",), not_checked=()),
    )


def answers(app, run):
    """The app shows the run whoever asks for it; the rest it answers itself."""
    send = app.send

    def shown(method, url, headers, body):
        if method == "GET" and url.endswith(f"/api/runs/{run.id}"):
            return Reply(200, msgspec.json.encode(run))
        return send(method, url, headers, body)

    return shown


@pytest.mark.parametrize("command", ["show", "watch", "waiting", "approve", "reject"])
def test_all_doubts_stand_where_it_is_decided(app, run, asked, monkeypatch, command):
    monkeypatch.setattr("cli.app.send_by_http", answers(app, asked))
    wait = ("--no-wait",) if command in {"approve", "reject"} else ()
    code, out, _ = run(command, *(() if command == "waiting" else (GATE,)), *wait)
    shown = out[out.lower().index("before you approve:") :].partition("recorded")[0].partition("History")[0]

    assert code == 0
    for text in (
        *DOUBTS,
        *("judged again: Grace", "knowing the answers", "changed in the pipeline file: evaluation.graders"),
        *("before it was unproven", "why: the labels were wrong", "label_match decides"),
        *("warning: the model retires soon", "evaluation/scores.jsonl is not there as the run stored it"),
    ):
        assert shown.count(text) == 1, text
    assert shown.count(asked.evaluation.reason) <= 1


@pytest.mark.parametrize("command", ["show", "watch", "waiting", "approve"])
def test_where_nothing_is_in_doubt_nothing_is_said(run, command):
    out = run(command, *(() if command == "waiting" else (GATE,)))[1]

    assert "deployment" in out
    assert "before you approve" not in out.lower()


def test_without_doubts_there_are_none(app):
    shown = msgspec.convert(app.app.ask(f"GET /api/runs/{GATE}")[1], served.Run)

    assert list(doubts_of(shown, shown.gate)) == []


def test_a_run_at_a_gate_says_its_verdict_once(app, run, asked, monkeypatch):
    """Gate and history repeat it; people read it once."""
    reason = asked.evaluation.reason
    gate = msgspec.structs.replace(asked.gate, reason=f"{reason} Judged again on 2026-11-23.")
    opened = event("status", "awaiting_approval", gate.reason)
    asked = msgspec.structs.replace(asked, gate=gate, history=(*asked.history, opened))
    monkeypatch.setattr("cli.app.send_by_http", answers(app, asked))

    out = run("show", GATE)[1]
    assert out.count(reason) == 1
    assert "(the verdict above) Judged again on 2026-11-23." in out


@pytest.mark.parametrize(
    ("price", "says"),
    [
        (
            PriceKind.SEED,
            "the price of training is not yours, so a person is asked, however low the estimate is",
        ),
        (PriceKind.UNKNOWN, "no price of training is known, so a person is asked"),
        (PriceKind.GIVEN, None),
        (None, None),
    ],
)
def test_a_gate_that_opened_for_want_of_a_price_says_so(app, price, says):
    shown = msgspec.convert(app.app.ask(f"GET /api/runs/{SPEND}")[1], served.Run)
    shown = msgspec.structs.replace(shown, report=msgspec.structs.replace(shown.report, price=price))
    found = list(doubts_of(shown, shown.gate))

    assert len(found) == (says is not None)
    assert not says or found[0].startswith(says)


def test_the_words_of_the_history_are_those_of_the_app(app):
    """`judged_again` finds who asked, and why, by them."""
    before, _ = app.world.runs.load(GATE)
    judging = Judging(
        pin="sha256:0",
        at=before.status_since,
        name="Grace",
        person="o",
        changed=(),
        notes=(),
        before=("unproven",),
        comment="the labels were wrong",
    )
    moved = before.move(Status.QUEUEING, before.status_since, judging=judging)
    _, events = history.events_between(before, moved)
    shown = msgspec.convert(app.app.ask(f"GET /api/runs/{GATE}")[1], served.Run)
    again = served.JudgedAgain(
        name="Grace", at="2026-11-23T09:00:00.000Z", changed=(), notes=(), before=(), pinned="x"
    )
    lines = tuple(
        msgspec.structs.replace(event(line.kind, line.after, line.detail), comment=line.comment)
        for line in events
    )

    said = judged_again(msgspec.structs.replace(shown, judged_again=again, history=lines))
    assert said.endswith("; why: the labels were wrong")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (PromoteRule(), "a gain above 0, with 95% confidence"),
        (PromoteRule(superior_by=0.15, confidence=0.99), "a gain of at least 0.15, with 99% confidence"),
        (PromoteRule(min_gain=0.1), "a gain of at least 0.1, with 95% confidence"),
        (PromoteRule(not_worse_by=0.02), "a loss of at most 0.02, with 95% confidence, and fewer tokens"),
        (PromoteRule(not_worse_by=0.0), "no loss, with 95% confidence"),
    ],
)
def test_the_gain_that_is_asked_for_is_said(rule, says):
    assert rule_in_words(rule) == says


def test_the_rule_is_that_of_the_judgement_that_counts(app, run, asked, monkeypatch):
    """Of a run that was judged again, not of the day on which it was dropped."""
    spec = (
        '{"spec": {"name": "p", "model": "m", "method": {"hyperparameters": {}}, '
        '"evaluation": {"promote": {"superior_by": %s}}}}'
    )
    files = {artifacts.PINNED.name: (spec % 0.3).encode()}
    shows = app.send

    def send(method, url, headers, body):
        name = url.partition("/artifacts/")[2]
        return Reply(200, files[name]) if name in files else shows(method, url, headers, body)

    monkeypatch.setattr("cli.app.send_by_http", send)
    for command in (("approve", GATE), ("show", GATE), ("watch", GATE), ("waiting",)):
        out = " ".join(run(*command)[1].split())
        assert out.count("asked for a gain of at least 0.3, with 95% confidence; shown is at least") == 1

    files[asked.judged_again.pinned] = (spec % 0.01).encode()
    shows = answers(app, asked)
    assert "asked for a gain of at least 0.01, with 95% confidence" in run("approve", GATE)[1]


@pytest.mark.parametrize(
    ("after", "detail", "says"),
    [
        ("rejected", "rejected: Ada rejected it", "rejected  Ada rejected it"),
        ("invalid", "dataset_invalid: 3 errors", "invalid  dataset_invalid: 3 errors"),
        ("training", None, "training"),
    ],
)
def test_an_end_that_is_called_as_its_status_is_said_once(after, detail, says):
    (line,) = told((event("status", after, detail),))

    assert line[1] == says


@pytest.mark.parametrize(("uploader", "is_open"), [("oid-1", False), ("oid-2", True)])
def test_a_hold_says_what_follows_from_it(app, run, uploader, is_open):
    """The uploader's answers what was asked; that of others asks."""
    loaded, tag = app.world.runs.load(GATE)
    dataset = msgspec.structs.replace(loaded.dataset, uploaded_by=uploader)
    app.world.runs.replace(loaded.evolve(dataset=dataset), tag, [])
    out = run("hold", GATE, "--comment", "why?")[1]

    assert "It is no vote: it stops no clock" in out
    assert ("until the uploader answers with a hold, or you vote" in out) == is_open
    assert ("Nothing that was asked is open now." in out) == (not is_open)


def test_a_rejection_says_what_it_leaves_open(run):
    assert "it can be judged again later" in run("reject", GATE, "--no-wait")[1]
    assert "drop the dataset again" in run("reject", SPEND, "--no-wait")[1]


# --- what is true of the deployment


def shown_of(app, run, monkeypatch, status, *, done=(), production="summaries-1", champion=None):
    one = msgspec.convert(app.app.ask(f"GET /api/runs/{AT[status]}")[1], served.Run)
    events = tuple(event("attempt", key) for key in done)
    deployment = msgspec.structs.replace(one.deployment, production=production)
    one = msgspec.structs.replace(one, deployment=deployment, history=(*one.history, *events))
    shown = answers(app, one)

    def send(method, url, headers, body):
        if "/api/pipelines/" in url:
            pipeline = served.Pipeline(name="summaries", champion=champion, previous=None)
            return Reply(200, msgspec.json.encode(pipeline))
        return shown(method, url, headers, body)

    monkeypatch.setattr("cli.app.send_by_http", send)
    out = run("show", AT[status])[1]
    return next(line for line in out.splitlines() if line.startswith("clients "))


PUT, DELETE = "PutDeployment:summaries-1", "DeleteDeployment:summaries-1"


@pytest.mark.parametrize(
    ("status", "done", "says"),
    [
        (Status.AWAITING_APPROVAL, (), "not in use: planned, if it is approved"),
        (Status.VERIFYING, (PUT,), "not in use: being deployed"),
        (Status.REJECTED, (), "not in use: it was planned, and never deployed"),
        (Status.EXPIRED, (PUT, DELETE), "not in use: it was deployed, and removed"),
        (Status.FAILED, (), "not in use: it was planned, and never deployed"),
        (Status.FAILED, (DELETE, PUT), "it was deployed, and this run did not get to the end"),
        (Status.DEPLOYED, (PUT,), "deployed by this run"),
    ],
)
def test_what_is_not_in_use_is_not_called_so(app, run, monkeypatch, status, done, says):
    line = shown_of(app, run, monkeypatch, status, done=done)

    assert line.endswith(says)
    assert "summaries-1" in line


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (Status.DEPLOYED, "summaries-1, in use"),
        (
            Status.TRAINING,
            f"summaries-1, deployed by this run; in use now is other, of run {AT[Status.TRAINING]}",
        ),
    ],
)
def test_what_clients_use_is_asked_of_the_pipeline(app, run, monkeypatch, of, says):
    champion = served.Champion(
        deployment="other",
        model="m",
        run_id=AT[of],
        since="2026-11-01T00:00:00.000Z",
        route=served.Route(**dict.fromkeys(served.Route.__struct_fields__, "project")),
    )
    line = shown_of(app, run, monkeypatch, Status.DEPLOYED, champion=champion)

    assert line.endswith(says)
