"""The same request gets the first answer again, and is worked on once."""

import pytest

from shared.core.errors import KeyReused, StillRunning, Unavailable
from shared.core.run import Status
from shared.repeated import Outcome, Repeated
from tests.functions.populated import OPERATOR, READER, Asked, world_with_runs
from tests.twins.world import TwinWorld

DONE = Outcome(status=202, media_type="application/json", body='{"a":1}')
RETRY = f"POST /api/runs/{list(Status).index(Status.FAILED):020x}/retry"
CANCEL = f"POST /api/runs/{list(Status).index(Status.TRAINING):020x}/cancel"


@pytest.fixture
def world():
    return TwinWorld()


@pytest.fixture
def repeated(world):
    return Repeated(world)


def test_the_first_answer_is_given_again_for_a_day(world, repeated):
    begun = repeated.begin("ada", "k", b"x")
    assert begun.outcome is None
    repeated.end(begun, DONE)
    world.clock.advance(24 * 3600 - 1)

    assert repeated.begin("ADA", "k", b"x").outcome == DONE
    world.clock.advance(1)
    assert repeated.begin("ada", "k", b"y").outcome is None


def test_a_key_is_one_persons_and_of_one_request(repeated):
    repeated.end(repeated.begin("ada", "k", b"x"), DONE)

    assert repeated.begin("bob", "k", b"y").outcome is None
    assert repeated.begin("ada", "l", b"y").outcome is None
    with pytest.raises(KeyReused):
        repeated.begin("ada", "k", b"y")


def test_while_one_is_worked_on_the_other_waits_until_the_first_must_be_dead(world, repeated):
    first = repeated.begin("ada", "k", b"x")
    with pytest.raises(StillRunning):
        repeated.begin("ada", "k", b"x")
    with pytest.raises(KeyReused):
        repeated.begin("ada", "k", b"y")
    world.clock.advance(300)
    second = repeated.begin("ada", "k", b"x")
    repeated.end(first, Outcome(status=409, media_type="x", body="late"))
    repeated.end(second, DONE)

    assert repeated.begin("ada", "k", b"x").outcome == DONE


def test_of_two_at_the_same_moment_one_begins(world, repeated, monkeypatch):
    holder = world.claims.holder
    monkeypatch.setattr(world.claims, "holder", lambda *_: None)
    repeated.begin("ada", "k", b"x")
    with pytest.raises(StillRunning):
        repeated.begin("ada", "k", b"x")
    monkeypatch.setattr(world.claims, "holder", holder)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status=503, media_type="x", body="down"),
        Outcome(status=409, media_type="x", body="not yet"),
        Outcome(status=400, media_type="x", body="no digest"),
        Outcome(status=202, media_type="x", body="x" * 15_001),
    ],
)
def test_what_is_not_kept_is_done_again_at_once(repeated, outcome):
    repeated.end(repeated.begin("ada", "k", b"x"), outcome)

    assert repeated.begin("ada", "k", b"x").outcome is None


def test_an_answer_is_given_also_if_it_cannot_be_kept(world, repeated, monkeypatch):
    begun = repeated.begin("ada", "k", b"x")

    def down(*_):
        raise Unavailable

    monkeypatch.setattr(world.claims, "take", down)
    repeated.end(begun, DONE)


@pytest.fixture
def app(monkeypatch):
    return Asked(world_with_runs()[0], monkeypatch)


def test_over_the_api_the_second_request_does_nothing(app):
    first = app.ask(RETRY, OPERATOR, {}, Idempotency_Key="k-1")
    again = app.ask(RETRY, OPERATOR, {}, Idempotency_Key="k-1")

    assert first[0] == 202
    assert again == first
    assert len(app.queued) == 1
    assert app.ask(RETRY, OPERATOR, {})[0] == 409
    assert app.ask(CANCEL, OPERATOR, {}, Idempotency_Key="k-1")[1]["code"] == "key_reused"
    assert app.ask(RETRY, OPERATOR, None, Idempotency_Key="k-1")[0] == 422
    assert app.ask(CANCEL, OPERATOR, {}, person="oid-2", Idempotency_Key="k-1")[0] == 202


def test_a_refusal_leaves_the_key_free_since_nothing_was_done(app):
    assert app.ask(CANCEL, READER, {}, Idempotency_Key="k")[0] == 403
    assert app.ask(CANCEL, OPERATOR, {"coment": "typo"}, Idempotency_Key="k")[0] == 400
    assert app.ask(CANCEL, OPERATOR, {"comment": "right"}, Idempotency_Key="k")[0] == 202
    rejudge = RETRY.replace("retry", "rejudge")
    assert app.ask(rejudge, OPERATOR, {}, Idempotency_Key="l")[0] == 409
    assert app.ask(RETRY, OPERATOR, {}, Idempotency_Key="l")[0] == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_a_key_that_is_none_is_malformed(app, key):
    assert app.ask(CANCEL, OPERATOR, {}, Idempotency_Key=key)[0] == 400


def test_a_failure_of_the_app_is_not_kept(app, monkeypatch):
    cancel = app.services.people.cancel
    monkeypatch.setattr(app.services.people, "cancel", lambda *_: 1 // 0)
    assert app.ask(CANCEL, OPERATOR, {}, Idempotency_Key="k")[0] == 500
    monkeypatch.setattr(app.services.people, "cancel", cancel)
    assert app.ask(CANCEL, OPERATOR, {}, Idempotency_Key="k")[0] == 202
