"""What an answer means: who acts next."""

import pytest

from shared.adapters.classification import classify, redact, seconds
from shared.core.errors import (
    Busy,
    InsufficientQuota,
    ModelRetired,
    ModelRetiring,
    OutcomeUnknown,
    QuotaExhausted,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)


@pytest.mark.parametrize(
    ("status", "code", "is_idempotent", "was_sent", "expected"),
    [
        (401, None, True, True, Unauthorized),
        (403, "PermissionDenied", False, True, Unauthorized),
        (429, "tooManyRequests", True, True, Throttled),
        (429, None, False, True, Throttled),
        (429, "quotaExceeded", False, True, QuotaExhausted),
        (400, "InsufficientQuota", True, True, InsufficientQuota),
        (400, "ServiceModelDeprecated", True, True, ModelRetired),
        (400, "ServiceModelDeprecating", True, True, ModelRetiring),
        (408, None, True, True, Unavailable),
        (408, None, False, True, OutcomeUnknown),
        (500, None, True, True, Unavailable),
        (500, None, False, True, OutcomeUnknown),
        (503, "ServerBusy", False, True, OutcomeUnknown),
        (200, None, True, True, Unavailable),
        (200, None, False, True, OutcomeUnknown),
        (302, None, True, True, Unavailable),
        (None, None, True, True, Unavailable),
        (None, None, False, True, OutcomeUnknown),
        (None, None, False, False, Unavailable),
        (409, "RequestConflict", True, True, Busy),
        (409, "SomethingElse", True, True, Refused),
        (400, "invalidPayload", False, True, Refused),
        (404, "notFound", True, True, Refused),
        (422, None, True, True, Refused),
    ],
)
def test_an_answer_says_who_acts_next(status, code, is_idempotent, was_sent, expected):
    error = classify(
        "x", status=status, code=code, message="m", was_sent=was_sent, is_idempotent=is_idempotent
    )

    assert type(error) is expected


@pytest.mark.parametrize("code", ["ServiceModelDeprecated", "ServiceModelDeprecating", "InsufficientQuota"])
def test_what_only_people_can_change_says_what_they_can_do(code):
    """A run that waits shows the message alone, one that ends the remedy too."""
    error = classify("creation of deployment d", status=400, code=code, message="its own words")

    assert "its own words" in error.message
    assert "pipeline file" in (error.message if code == "InsufficientQuota" else error.remedy)


@pytest.mark.parametrize(
    ("message", "is_project"),
    [
        ("Project not found", True),
        ("project 'fine-tuning' not found.", True),
        ("The project fine-tuning was not found", True),
        ("Error code: 404 - Project not found", True),
        ("Error code: 404 - {'error': {'code': '404', 'message': 'Project not found'}}", True),
        ('Error code: 404 - {"error": {"message": "Project not found"}}', True),
        ("File file-1 of project p was not found", False),
        ("Error code: 404 - {'error': {'message': 'Job of this project not found'}}", False),
        ("not found", False),
    ],
)
def test_a_project_that_is_not_known_yet_is_a_reason_to_wait(message, is_project):
    """A new project answers so for minutes; of what was asked for, that says nothing."""
    error = classify("x", status=404, code="NotFound", message=message, is_idempotent=False)

    assert type(error) is (Unavailable if is_project else Refused)


def test_what_the_service_asks_to_wait_is_kept():
    assert classify("x", status=429, retry_after_s=7.5).retry_after_s == 7.5
    assert classify("x", status=409, code="RequestConflict").retry_after_s == 20


def test_another_operation_is_a_reason_to_wait_whatever_its_code():
    error = classify(
        "x", status=409, code="Odd", message="Another operation is being performed on the parent resource"
    )

    assert isinstance(error, Unavailable)


def test_the_services_words_are_kept_without_secrets():
    error = classify(
        "creation of a job",
        status=400,
        code="invalidPayload",
        message="bad ?sv=1&sig=AbC%2B1 x\nBearer eyJhbGci.x",
    )

    assert error.message == "creation of a job: HTTP 400 invalidPayload: bad ?sv=1&sig=[key] x Bearer [key]"
    assert len(redact("x" * 5000)) == 600


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("9", 9),
        ("0", 0),
        ("1.5", 1.5),
        ("86400", 3600),
        (None, None),
        ("", None),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_a_wait_is_a_finite_number_of_seconds_up_to_an_hour(header, wait_s):
    assert seconds(header) == wait_s
