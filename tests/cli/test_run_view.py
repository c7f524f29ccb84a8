"""How a run is shown: what an approver, and whoever looks into a run, has to find."""

import io
from types import SimpleNamespace

import msgspec
import pytest

import cli.moments
from cli.client import ApiError
from cli.console import Terminal
from cli.gate_view import show_gate
from cli.moments import age, left
from cli.money import a_month
from cli.run_view import show_end, show_run
from shared.core import served
from shared.core.status import Status
from tests.cli.deployed import AT, Deployed

AT_NOON = cli.moments.datetime(2026, 11, 23, 12, tzinfo=cli.moments.UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr(cli.moments, "now", lambda: AT_NOON)


@pytest.fixture
def runs(monkeypatch):
    app = Deployed(monkeypatch).app
    return {
        status: msgspec.convert(app.ask(f"GET /api/runs/{run_id}")[1], served.Run)
        for status, run_id in AT.items()
    }


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    made = Terminal()
    made.file = io.StringIO()
    return made


def interval(value, low=None, high=None):
    return served.Interval(value=value, low=low, high=high)


def vote(decision, comment):
    return served.Vote(
        name="Ada",
        decision=decision,
        comment=comment,
        at="2026-11-23T10:00:00.000Z",
        app_version=None,
        role=None,
    )


def full(run):
    """A run of which everything is known."""
    measures = (
        served.Measure(
            name="accuracy",
            baseline=interval(0.4, 0.3, 0.5),
            candidate=interval(0.9, 0.8, 0.95),
            difference=interval(0.5, 0.45, 0.55),
            examples=10,
            groups=9,
            unknown="",
        ),
        served.Measure(
            name="latency_ms_p95",
            baseline=interval(57),
            candidate=None,
            difference=None,
            examples=10,
            groups=9,
            unknown="",
        ),
        served.Measure(
            name="cost",
            baseline=None,
            candidate=None,
            difference=None,
            examples=0,
            groups=0,
            unknown="no prices",
        ),
    )
    finding = served.Finding(
        code="DS031",
        severity="warning",
        file="training.jsonl",
        line=3,
        path="messages[0].extra",
        message="key extra is not known",
        remedy="Remove it.",
        excerpt=None,
    )
    evaluation = msgspec.structs.replace(
        run.evaluation, measures=measures, doubts=("few groups",), groups=9, outcome="better"
    )
    return msgspec.structs.replace(
        run,
        evaluation=evaluation,
        findings=(finding, *[msgspec.structs.replace(finding, line=None, path=None)] * 11),
        pipeline_notes=("pipelines/x.yaml:1:1: unusual",),
        warnings=("batch_size is 2",),
        trouble="throttled: later",
    )


def test_everything_about_a_run_is_there(runs, terminal):
    run = full(runs[Status.AWAITING_APPROVAL])
    show_run(terminal, run, is_whole=True)
    shown = terminal.file.getvalue()

    for text in (
        *(run.id, "for 2 h", run.job.id, run.deployment.candidate, "throttled: later", "batch_size is 2"),
        *("unusual", "DS031 training.jsonl:3 messages[0].extra: key extra is not known", "Remove it."),
        *("... 2 more", "better on 10 held-out examples in 9 groups", "few groups", "0.5 [0.45, 0.55]"),
        *(run.gate.digest, "2026-11-30 10:00 UTC, in 7 d"),
    ):
        assert text in shown
    assert "no prices" not in shown


def test_the_gate_says_all_that_an_approver_asks(runs, terminal):
    run = runs[Status.AWAITING_APPROVAL]
    gate = msgspec.structs.replace(
        run.gate,
        outlook=("It can be shown.",),
        azure=("There is room.",),
        decisions=(vote("approve", "fine"),),
        holds=(vote("hold", "why?"),),
        needs_answer=True,
        needs_words=True,
        approvals=1,
    )
    show_gate(terminal, run, gate, a_month="1,241 USD", asked="a gain above 0")
    shown = terminal.file.getvalue()

    for text in (
        *(
            "It can be shown.",
            "There is room.",
            "verdict   better",
            "1.50 USD, estimated",
            "a month   1,241 USD",
        ),
        *("then it ends as expired; 1 of 2 approvals", "Ada: approve, fine", "Ada asked or answered: why?"),
        *("no answer yet", "has to say why", gate.digest),
    ):
        assert text in shown


def test_an_end_says_what_to_do(runs, terminal):
    show_end(terminal, runs[Status.FAILED])
    show_end(terminal, runs[Status.NOT_PROMOTED])
    shown = terminal.file.getvalue()

    assert "What to do: r" in shown
    show_end(terminal, msgspec.structs.replace(runs[Status.DUPLICATE], duplicate_of="abc", failure=None))
    assert "the same work as run abc" in terminal.file.getvalue()


@pytest.mark.parametrize(
    ("at", "said"),
    [("11:59:20", "40 s"), ("11:48:00", "12 min"), ("09:00:00", "3 h"), ("12:00:30", "0 s")],
)
def test_ages_are_short(at, said):
    assert age(f"2026-11-23T{at}.000Z") == said


def test_a_time_that_has_passed_is_said():
    assert left("2026-11-23T11:00:00.000Z") == ", which has passed"
    assert left("2026-11-23T15:00:00.000Z") == ", in 3 h"


def pinned(prices="", deployment=""):
    spec = f'"name": "p", "model": "gpt-4.1-2025-04-14", "method": {{"hyperparameters": {{}}}}{prices}{deployment}'
    return f'{{"spec": {{{spec}}}}}'.encode()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (
            pinned(prices=', "prices": {"hosting_usd_per_hour": 2.0}'),
            "1,460 USD for hosting: 730 hours at $2.00",
        ),
        (pinned(), "1,241 USD for hosting: 730 hours at $1.70, tokens not included (an estimate"),
        (
            pinned(deployment=', "deployment": {"sku": "ProvisionedManaged"}'),
            "hosting is not known: no price",
        ),
        (b"{", "not known"),
        (ApiError(403, None), "not known"),
    ],
)
def test_what_a_month_costs_is_known_estimated_or_not_known(runs, raw, says):
    def get_artifact(_, name):
        assert name == "pinned.json"
        if isinstance(raw, Exception):
            raise raw
        return raw

    assert says in a_month(SimpleNamespace(get_artifact=get_artifact), runs[Status.AWAITING_APPROVAL])
