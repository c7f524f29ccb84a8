"""Health asks the world rarely, whoever asks it how often."""

import threading

import pytest

from shared.core.errors import Unavailable
from shared.health import Health
from tests.twins.world import TwinWorld


@pytest.fixture
def world():
    return TwinWorld()


def counted(world, monkeypatch):
    """How often the tables are asked."""
    calls, original = [], world.index.active
    monkeypatch.setattr(world.index, "active", lambda: calls.append(1) or original())
    return calls


def test_an_answer_serves_for_thirty_seconds(world, monkeypatch):
    calls, health = counted(world, monkeypatch), Health(world)
    first = health.report()
    world.clock.advance(29)

    assert health.report() is first
    assert (first.ok, len(calls)) == (True, 1)
    world.clock.advance(1)
    assert health.report() == first
    assert len(calls) == 2


def test_bad_news_is_kept_as_long_and_then_seen_to_be_over(world, monkeypatch):
    health, original = Health(world), world.index.active

    def broken():
        raise Unavailable

    monkeypatch.setattr(world.index, "active", broken)
    assert health.report().ok is False
    monkeypatch.setattr(world.index, "active", original)
    assert health.report().ok is False
    world.clock.advance(30)
    assert health.report().ok is True


def test_whatever_is_raised_is_a_check_that_failed(world, monkeypatch):
    monkeypatch.setattr(world.index, "active", lambda: 1 // 0)
    report = Health(world).report()

    assert [check.code for check in report.checks if not check.ok] == ["unforeseen"]
    assert len(report.checks) == 7


def test_while_one_asks_others_get_what_was_known(world, monkeypatch):
    health = Health(world)
    known = health.report()
    world.clock.advance(60)
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(10)
        return []

    monkeypatch.setattr(world.index, "active", slow)
    asking = threading.Thread(target=health.report)
    asking.start()
    assert begun.wait(10)
    assert health.report() is known
    go_on.set()
    asking.join()
    assert health.report() is not known


def test_strangers_who_ask_before_anything_is_known_do_not_fill_the_threads(world, monkeypatch):
    health, begun, go_on = Health(world), threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(10)
        return []

    monkeypatch.setattr(world.index, "active", slow)
    asking = threading.Thread(target=health.report)
    asking.start()
    assert begun.wait(10)
    report = health.report()  # the other one has not finished
    assert [(check.ok, check.code) for check in report.checks] == [(False, "unavailable")]
    go_on.set()
    asking.join()
    assert health.report().ok is True
