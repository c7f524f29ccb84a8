"""A person asks so often within a minute, and no more; others are not kept from asking by that."""

from datetime import timedelta

import pytest

from shared.core.errors import TooManyRequests
from shared.request_rate import RequestRate
from tests.support.builders import NOW, SECOND


def asked(rate, times, person="ada", at=NOW):
    for _ in range(times):
        rate.count(person, at)


def test_the_request_above_the_limit_is_refused_and_says_when_the_next_is_answered():
    rate = RequestRate(3)
    asked(rate, 2)
    asked(rate, 1, at=NOW + 20 * SECOND)

    with pytest.raises(TooManyRequests, match="more than 3 requests") as refusal:
        asked(rate, 1, at=NOW + 30 * SECOND)
    assert refusal.value.retry_after_s == 30
    asked(rate, 2, at=NOW + 60 * SECOND)
    with pytest.raises(TooManyRequests):
        asked(rate, 1, at=NOW + 60 * SECOND)


def test_refused_requests_do_not_count():
    rate = RequestRate(1)
    asked(rate, 1)
    for second in range(1, 60):
        with pytest.raises(TooManyRequests):
            asked(rate, 1, at=NOW + second * SECOND)
    asked(rate, 1, at=NOW + 60 * SECOND)


def test_each_person_counts_for_themselves_however_their_id_is_spelt():
    rate = RequestRate(1)
    asked(rate, 1)
    asked(rate, 1, person="bob")
    with pytest.raises(TooManyRequests):
        asked(rate, 1, person=" ADA ")


def test_a_clock_that_is_set_back_locks_nobody_out():
    rate = RequestRate(1)
    asked(rate, 1, at=NOW + timedelta(hours=1))
    asked(rate, 1)


def test_many_persons_do_not_fill_the_memory():
    rate = RequestRate(1)
    for number in range(2500):
        asked(rate, 1, person=f"p{number}", at=NOW + number * SECOND)
    assert len(rate._asked) <= 1002
    with pytest.raises(TooManyRequests):
        asked(rate, 1, person="p2499", at=NOW + 2500 * SECOND)
