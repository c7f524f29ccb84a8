"""Every change that matters leaves a line, and only that."""

import msgspec
import pytest

from shared.core.endings import JOB_FAILED
from shared.core.history import Event, events_between, wish_told
from shared.core.run import Attempt, Failure, Gate, GateDecision, Status, Wish
from tests.support.builders import NOW, SECOND, a_run

GATE = Gate(
    name="deployment", digest="d", reason="better", opened_at=NOW, approve_by=NOW + SECOND, approvals_needed=1
)
DECISION = GateDecision(person="p", name="Ada", decision="approve", digest="d", comment="", at=NOW)


def lines(before, after):
    return [
        (event.kind, event.before, event.after, event.detail) for event in events_between(before, after)[1]
    ]


def test_a_new_run_begins_its_history_with_its_dataset():
    run, events = events_between(None, a_run(Status.RECEIVED))

    assert run.revision == 1
    assert events == (
        Event(
            sequence=1,
            at=run.updated_at,
            kind="status",
            after="received",
            detail="summaries/a/training.jsonl",
        ),
    )


def test_each_line_says_which_version_of_the_app_wrote_it():
    before = a_run(Status.TRAINING, revision=7)
    _, events = events_between(
        before, before.evolve(job_status="succeeded", warnings=("w",), app_version="9.9.9")
    )

    assert [event.app_version for event in events] == ["9.9.9", "9.9.9"]


def test_numbers_go_on_where_they_stopped():
    before = a_run(Status.TRAINING, revision=7)
    after, events = events_between(before, before.evolve(job_status="succeeded", warnings=("w",)))

    assert [event.sequence for event in events] == [8, 9]
    assert after.revision == 9


def test_nothing_worth_telling_tells_nothing():
    before = a_run(Status.TRAINING)

    assert events_between(before, before.evolve(due_at=NOW + SECOND, failures=3)) == (
        before.evolve(due_at=NOW + SECOND, failures=3),
        (),
    )


LATE = "duplicate job ftjob-2 had ended before it could be cancelled"
BESIDE = "duplicate job ftjob-2 appeared late and is being cancelled"
CANCEL = Wish(person="p", name="Ada", at=NOW)
WAITING = a_run(Status.AWAITING_APPROVAL, gates={"deployment": GATE})
ATTEMPT = Attempt(effect="CreateJob", count=2, at=NOW)
FAILURE = Failure(step="training", code="job_failed", message="no", remedy="r")


@pytest.mark.parametrize(
    ("before", "changes", "expected"),
    [
        (a_run(Status.TRAINING), {"job_status": "paused"}, ("job", "running", "paused", "ftjob-1")),
        (a_run(Status.TRAINING), {"warnings": ("odd",)}, ("warning", None, None, "odd")),
        (a_run(Status.TRAINING), {"orphans": ("ftjob-2",)}, ("note", None, None, LATE)),
        (a_run(Status.TRAINING), {"duplicates": ("ftjob-2",)}, ("note", None, None, BESIDE)),
        (a_run(Status.TRAINING), {"cancel": CANCEL}, ("cancel", None, None, "asked by Ada")),
        (a_run(Status.SUBMITTING), {"attempt": ATTEMPT}, ("attempt", None, "CreateJob", "attempt 2")),
        (
            a_run(Status.SUBMITTING, attempt=ATTEMPT),
            {"attempt": msgspec.structs.replace(ATTEMPT, is_settled=True), "trouble": "throttled: 429"},
            ("trouble", None, "CreateJob", "throttled: 429"),
        ),
        (a_run(Status.TRAINING), {"trouble": "unavailable: 503"}, ("trouble", None, "training", "unavailable: 503")),
        (
            WAITING,
            {"gates": {"deployment": msgspec.structs.replace(GATE, decisions=(DECISION,))}},
            ("decision", None, "approve", "deployment: Ada on d"),
        ),
    ],
)  # fmt: skip
def test_a_change_leaves_its_line(before, changes, expected):
    assert lines(before, before.evolve(**changes)) == [expected]


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (
            a_run(Status.TRAINING),
            lambda run: run.end(JOB_FAILED, NOW, "no"),
            "job_failed: no",
        ),
        (
            a_run(Status.VALIDATING),
            lambda run: run.move(Status.DUPLICATE, NOW, duplicate_of="x"),
            "same work as run x",
        ),
        (
            a_run(Status.EVALUATING),
            lambda run: run.move(Status.AWAITING_APPROVAL, NOW, gates={"deployment": GATE}),
            "better",
        ),
        (a_run(Status.UPLOADING), lambda run: run.move(Status.SUBMITTING, NOW), None),
    ],
)
def test_a_move_says_why(before, after, detail):
    moved = after(before)

    assert lines(before, moved) == [("status", before.status, moved.status, detail)]


def test_a_lost_attempt_that_is_repeated_leaves_a_line_of_its_own():
    before = a_run(Status.SUBMITTING, attempt=ATTEMPT)
    again = before.evolve(attempt=Attempt(effect="CreateJob", count=3, at=NOW + SECOND))

    assert lines(before, again) == [("attempt", None, "CreateJob", "attempt 3")]


def test_what_was_not_applied_and_is_tried_again_and_again_leaves_one_line():
    refused = a_run(Status.SUBMITTING, attempt=msgspec.structs.replace(ATTEMPT, is_settled=True))
    again = msgspec.structs.replace(ATTEMPT, at=NOW + SECOND)
    other = msgspec.structs.replace(ATTEMPT, effect="CancelJob:j", at=NOW + SECOND)

    assert lines(refused, refused.evolve(attempt=again)) == []
    assert lines(refused, refused.evolve(attempt=other)) == [("attempt", None, "CancelJob:j", "attempt 2")]
    unsure = a_run(Status.SUBMITTING, attempt=ATTEMPT)
    assert lines(unsure, unsure.evolve(attempt=again)) == [("attempt", None, "CreateJob", "attempt 2")]


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [(None, False), ("busy: x", True), ("busybody: x", False), ("throttled: busy: x", False)],
)
def test_who_waits_for_a_busy_service_contends_for_it(trouble, expected):
    assert a_run(Status.STAGING, trouble=trouble).waits_for_account is expected


def test_a_trouble_of_the_same_kind_is_recorded_once():
    before = a_run(Status.TRAINING, trouble="unavailable: HTTP 503, request 1")

    assert lines(before, before.evolve(trouble="unavailable: HTTP 503, request 2")) == []
    told = lines(before, before.evolve(trouble="throttled: HTTP 429"))
    assert told == [("trouble", None, "training", "throttled: HTTP 429")]


def told(kind="status", before="failed", detail=None):
    return wish_told(Event(sequence=9, at=NOW, kind=kind, before=before, after="queueing", detail=detail))


@pytest.mark.parametrize("name", ["Ada", "Ada: evaluation 2; changed: nothing", "", "asked by Eve"])
def test_what_people_asked_for_is_read_from_the_lines_of_every_release(name):
    assert told("cancel", None, f"asked by {name}") == ("cancel", name)
    assert told(detail=f"to be tried again, asked by {name}") == ("retry", name)
    judged = f"to be judged again, asked by {name}: evaluation 3; changed: evaluation.graders"
    assert told(detail=judged) == ("rejudge", name)


@pytest.mark.parametrize(
    "line",
    [
        {"detail": "to be measured again: evaluation 2"},
        {"detail": None},
        {"kind": "note", "detail": "to be tried again, asked by Eve"},
        {"before": None, "detail": "to be tried again, asked by Eve"},  # a first line names a file
        {"kind": "decision", "before": None, "detail": "deployment: asked by Eve on sha256:1"},
    ],
)
def test_other_lines_tell_of_no_wish(line):
    assert told(**line) is None


def test_a_wish_has_who_why_and_by_which_role_in_its_line():
    run = a_run(Status.TRAINING)
    wish = Wish(person="oid-1", name="Ada", at=NOW, comment="too dear", role="FineTune.Operator")
    _, (line,) = events_between(run, run.evolve(cancel=wish))

    assert (line.person, line.role, line.comment) == ("oid-1", "FineTune.Operator", "too dear")
    assert line.detail == "asked by Ada"
