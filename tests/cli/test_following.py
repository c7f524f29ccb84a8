"""Following a run at a terminal, and elsewhere."""

import io

import msgspec
import pytest

import cli.following
from cli.client import ApiError
from cli.console import Refused, Terminal
from cli.following import Watched, follow, is_asking, render
from cli.sending import Unreachable
from shared.core import served
from shared.core.status import Status
from tests.cli.deployed import AT, Deployed

GATE = AT[Status.AWAITING_APPROVAL]


@pytest.fixture
def runs(monkeypatch):
    app = Deployed(monkeypatch).app
    return {
        status: msgspec.convert(app.ask(f"GET /api/runs/{run_id}")[1], served.Run)
        for status, run_id in AT.items()
    }


def event(kind, after, detail=None, minute=0):
    at = f"2026-11-23T10:{minute:02}:00.000Z"
    return served.Event(
        sequence=1,
        at=at,
        kind=kind,
        before=None,
        after=after,
        detail=detail,
        app_version=None,
        role=None,
        comment=None,
    )


class Answering:
    """A client that answers with one thing after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def get_run(self, run_id):
        assert run_id
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def unknown(code=404):
    old = served.OldError(code="not_found", message="m", remedy="r")
    problem = served.Problem(
        type="about:blank", title="t", status=code, detail="m", code="not_found", remedy="r", error=old
    )
    return ApiError(code, problem)


@pytest.fixture
def terminal():
    made = Terminal()
    made.file = io.StringIO()
    return made


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_run_is_followed_from_before_it_is_known_to_its_end(runs, terminal, is_terminal):
    terminal._force_terminal = is_terminal
    training = msgspec.structs.replace(
        runs[Status.TRAINING],
        history=(
            event("status", "training"),
            event("job", "queued"),
            event("job", "running"),
            event("attempt", "x"),
        ),
    )
    deployed = msgspec.structs.replace(
        runs[Status.DEPLOYED], history=(*training.history, event("status", "deployed", minute=30))
    )
    client = Answering(unknown(), Unreachable("restarting"), training, deployed)

    assert follow(terminal, client, "r", look_s=0.01) == deployed
    shown = terminal.file.getvalue()
    assert "training" in shown
    assert "deployed" in shown
    assert ("queued → running" in shown) == is_terminal


def test_what_was_shown_before_is_not_shown_again(runs, terminal):
    known = msgspec.structs.replace(runs[Status.TRAINING], history=(event("status", "training"),))
    ended = msgspec.structs.replace(
        runs[Status.DEPLOYED], history=(*known.history, event("status", "deployed"))
    )
    follow(terminal, Answering(ended), "r", look_s=0, known=known)

    assert "training" not in terminal.file.getvalue()


def test_it_ends_where_people_are_asked_and_not_before_they_are_enough(runs, terminal):
    asking = runs[Status.AWAITING_APPROVAL]
    assert is_asking(asking)
    assert follow(terminal, Answering(asking), GATE, look_s=0) is asking
    gate = msgspec.structs.replace(asking.gate, approvals=2)
    assert not is_asking(msgspec.structs.replace(asking, gate=gate))
    vote = served.Vote(
        name="a", decision="reject", comment="", at=gate.opened_at, app_version=None, role=None
    )
    gate = msgspec.structs.replace(asking.gate, decisions=(vote,))
    assert not is_asking(msgspec.structs.replace(asking, gate=gate))
    assert not is_asking(runs[Status.TRAINING])


def test_it_is_not_followed_for_ever(runs, terminal):
    with pytest.raises(Refused, match="still training"):
        follow(terminal, Answering(runs[Status.TRAINING]), "r", look_s=0, timeout_s=0.01)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_app_that_is_busy_is_looked_at_again(runs, terminal, status):
    client = Answering(ApiError(status, None), runs[Status.DEPLOYED])

    assert follow(terminal, client, "r", look_s=0) is runs[Status.DEPLOYED]


def test_a_file_that_nobody_has_seen_for_long_is_said_once(runs, terminal, monkeypatch, capsys):
    monkeypatch.setattr(cli.following, "_UNSEEN_S", -1)
    follow(terminal, Answering(unknown(), unknown(), runs[Status.DEPLOYED]), "r", look_s=0)

    assert capsys.readouterr().err.count(" doctor\n") == 1


@pytest.mark.parametrize("error", [unknown(403), ApiError(404, None), ApiError(500, None)])
def test_a_refusal_ends_it(terminal, error):
    with pytest.raises(ApiError):
        follow(terminal, Answering(error), "r", look_s=0)


def test_a_check_is_made_before_each_look(runs, terminal):
    def check():
        msg = "the cloud ended"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="the cloud ended"):
        follow(terminal, Answering(runs[Status.DEPLOYED]), "r", look_s=0, check=check)


def test_a_table_shows_how_long_each_status_took_and_how_it_ended(runs, terminal):
    watched = Watched("r")
    steps = (
        event("status", "validating"),
        event("status", "training", minute=1),
        event("status", "failed", minute=59),
    )
    watched.run = msgspec.structs.replace(runs[Status.FAILED], history=steps)
    terminal.print(render(watched))
    watched.run = msgspec.structs.replace(
        runs[Status.AWAITING_APPROVAL], history=(event("status", "awaiting_approval"),)
    )
    terminal.print(render(watched))
    shown = terminal.file.getvalue()

    assert "60.0 s" in shown
    assert "58 min" in shown
    assert "✗" in shown
    assert "?" in shown
    assert cli.following._taken(3 * 3600) == "3.0 h"
