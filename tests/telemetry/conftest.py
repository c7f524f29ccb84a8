"""Listens to the product."""

import logging

import pytest

from shared.telemetry import signals
from tests.telemetry.listening import App, Ear


@pytest.fixture
def ear():
    """Hears all that is emitted during a test, of all loggers."""
    made, root = Ear(), logging.getLogger()
    before, level = signals.use(made.telemetry), root.level
    root.addHandler(made)
    root.setLevel(logging.DEBUG)
    yield made
    root.setLevel(level)
    root.removeHandler(made)
    signals.use(before)
    made.meters.shutdown()


@pytest.fixture
def app(ear, monkeypatch):
    """The app on twins, listened to."""
    assert ear.spans == ()
    return App(monkeypatch)
