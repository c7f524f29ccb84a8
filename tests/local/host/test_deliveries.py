"""What becomes of messages and blobs, and when schedules come, without the recordings at hand."""

from datetime import UTC, datetime

import pytest

from local.host.deliveries import Step, asked_for, blob_batch, decoded, on_arrival, on_failure
from local.host.schedules import Schedule, ScheduleError


@pytest.mark.parametrize(
    ("stored", "content"),
    [
        ("aGk=", b"hi"),
        ("aG\nk=\t ", b"hi"),
        ("", b""),
        ("//4AQQ==", b"\xff\xfe\x00A"),
        ("hello world!", None),
        ('{"a":1}', None),
        ("YWI", None),
        ("ä", None),
    ],
)
def test_messages_are_base64(stored, content):
    assert decoded(stored) == content


def test_a_message_ends_in_the_poison_queue_and_a_poison_queue_has_none():
    steps = {
        queue: [
            (on_arrival(queue, tries, 5, is_readable=True), on_failure(queue, tries, 5))
            for tries in (1, 5, 6)
        ]
        for queue in ("work", "work-poison")
    }

    assert steps["work"] == [(Step.RUN, Step.RELEASE), (Step.RUN, Step.MOVE), (Step.MOVE, Step.MOVE)]
    assert steps["work-poison"] == [(Step.RUN, Step.LEAVE)] * 3
    assert on_arrival("work", 1, 5, is_readable=False) is Step.MOVE
    assert on_arrival("work-poison", 1, 5, is_readable=False) is Step.LEAVE


def test_the_next_batch_comes_when_few_are_left():
    assert [asked_for(running, 8, 4) for running in (0, 4, 5, 12)] == [8, 8, 0, 0]
    assert [blob_batch(parallel) for parallel in (1, 2, 3, 4, 8)] == [(1, 0), (2, 0), (2, 1), (3, 1), (5, 3)]


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 * * * * *", "2026-12-31T23:59:30", "2027-01-01T00:00:00"),
        ("*/15 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:15:00"),
        ("0 0 9 13 * fri", "2026-01-01T00:00:00", "2026-02-13T09:00:00"),  # both have to fit
        ("0 0 22-2 * * *", "2026-01-01T21:30:00", "2026-01-01T22:00:00"),  # 2 to 22
        ("0 0 23-2 * * *", "2026-01-01T23:00:00", "2026-01-02T02:00:00"),
        ("0 0 0 29 feb mon", "2026-01-01T00:00:00", "2044-02-29T00:00:00"),
        ("*/0 * * * * *", "2026-01-01T00:00:00", "2026-01-01T00:00:01"),
        ("10,50 59 23 * * *", "2026-01-01T23:59:10", "2026-01-01T23:59:50"),
    ],
)
def test_schedules_come_when_the_host_says(expression, after, due):
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)

    assert Schedule.read(expression).after(at) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "", "* * * *", "0 0 0 ? * *", "0 0 0 L * *", "0 0 0 1W * *", "0 0 0 * * 1#1", "0 0 0 * * 7", "0 0 0 30 2 *",
        "@daily", "0\t* * * * *", "60 * * * * *", "0 1, * * * *", "0 5/ * * * *", "0 1- * * * *", "00:05:00",
        "+5 * * * * *", "0 ٣ * * * *",
    ],
)  # fmt: skip
def test_what_the_host_refuses_is_refused(expression):
    with pytest.raises(ScheduleError):
        Schedule.read(expression)
