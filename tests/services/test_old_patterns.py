"""Patterns of runs that were pinned before patterns were bounded."""

import pytest

from shared import old_patterns


def test_what_the_engine_takes_needs_no_process(monkeypatch):
    monkeypatch.setattr(old_patterns.sys, "executable", "/nowhere")

    assert old_patterns.fits("the code is 919", r"/\b9\d9\b/")
    assert not old_patterns.fits("the code is 9", r"/\b9\d9\b/")
    assert old_patterns.fits("The Code", "code")


def test_a_pattern_with_look_ahead_is_still_held_against_the_answer():
    assert old_patterns.fits("The price is 410 \U0001f600", r"/^(?=.*price).*\d{3}/")
    assert not old_patterns.fits("The weight is 410", r"/^(?=.*price).*\d{3}/")


@pytest.mark.slow
def test_a_pattern_that_does_not_end_is_ended():
    with pytest.raises(old_patterns.TookTooLong, match="more than 1 s"):
        old_patterns.fits("a" * 60, r"/^(?=a)(.|.)*ZZZ$/")


def test_a_pattern_that_is_none_is_said():
    with pytest.raises(old_patterns.TookTooLong, match="could not be run"):
        old_patterns.fits("a", "/(/")
