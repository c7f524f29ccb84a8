"""From prepared files to a tuned model: one job, adopted before created."""

from datetime import timedelta

import pytest

from shared.core.decide import decide
from shared.core.effects import CancelJob, CreateJob, StoreTrainingResults, TakePlace, UploadFile
from shared.core.observations import (
    FoundryFile,
    Job,
    Place,
    Queueing,
    Submitting,
    Training,
    Unobserved,
    Uploading,
)
from shared.core.offered import Foreseen
from shared.core.run import Attempt, Status, Wish
from tests.support.builders import NOW, SECOND, a_policy, a_run

POLICY = a_policy()
TRAINING_NAME = "0123456789abcdef0123-training-aaaaaaaa.jsonl"
VALIDATION_NAME = "0123456789abcdef0123-validation-bbbbbbbb.jsonl"


def a_file(name, identity, status="processed"):
    return FoundryFile(id=identity, filename=name, size_bytes=1, status=status)


def a_job(identity="ftjob-1", status="running", created_at=100, **changes):
    values = {"training_file": "file-t", "base_model": "gpt-4.1-2025-04-14"}
    return Job(id=identity, status=status, created_at=created_at, **(values | changes))


def test_a_run_without_a_place_waits_to_be_woken():
    decision = decide(a_run(Status.QUEUEING), Queueing(), NOW, POLICY)

    assert (decision.effect, decision.run.status) == (None, Status.QUEUEING)
    assert decision.run.due_at == NOW + timedelta(seconds=POLICY.queue_look_s)


def test_who_missed_a_place_by_a_hair_is_not_kept_from_the_next():
    """Pauses after failures are kept when the poller wakes a run; here they would outlast its turn."""
    missed = Attempt(effect="TakePlace:3:x", count=1, at=NOW, is_settled=True)
    run = a_run(Status.QUEUEING, attempt=missed, failures=1, trouble="unavailable: 503", place=3)
    after = decide(run, Queueing(), NOW + SECOND, POLICY).run

    assert (after.attempt, after.failures, after.trouble, after.place) == (None, 0, None, 3)


def test_a_place_is_remembered_before_it_is_taken():
    decision = decide(
        a_run(Status.QUEUEING), Queueing(free=Place(number=3, previous_holder="x")), NOW, POLICY
    )

    assert decision.effect == TakePlace(number=3, previous_holder="x")
    assert (decision.run.place, decision.run.attempt.effect) == (3, "TakePlace:3:x")


def test_with_a_place_the_upload_begins():
    assert (
        decide(a_run(Status.QUEUEING), Queueing(has_place=True), NOW, POLICY).run.status is Status.UPLOADING
    )


def test_a_run_that_was_paid_before_goes_on_with_its_model():
    run = a_run(Status.QUEUEING, model="gpt-4.1.ft-1", job_id="ftjob-1")

    assert decide(run, Queueing(has_place=True), NOW, POLICY).run.status is Status.STAGING


def test_a_job_that_succeeded_without_naming_its_model_is_waited_for_a_day():
    seen = Training(job=a_job(status="succeeded"))
    first = decide(a_run(Status.TRAINING), seen, NOW, POLICY).run
    assert first.job_trouble_since == NOW
    late = NOW + timedelta(seconds=POLICY.nameless_model_s)
    waiting = decide(first, seen, late - SECOND, POLICY).run
    assert (waiting.status, waiting.job_trouble_since) == (Status.TRAINING, NOW)
    assert decide(first, seen, late, POLICY).run.failure.code == "job_without_model"

    named = Training(job=a_job(status="succeeded", model="gpt-4.1.ft-1"))
    assert decide(first, named, late, POLICY).run.job_trouble_since is None


def test_the_first_look_without_files_uploads_the_training_file():
    decision = decide(a_run(Status.UPLOADING), Uploading(files={}), NOW, POLICY)

    assert decision.effect == UploadFile(role="training", filename=TRAINING_NAME)
    assert decision.run.attempt == Attempt(effect="UploadFile:training", count=1, at=NOW)


def test_an_upload_of_unknown_outcome_is_not_repeated_before_it_has_settled():
    run = a_run(Status.UPLOADING, attempt=Attempt(effect="UploadFile:training", count=1, at=NOW))
    early = NOW + timedelta(seconds=POLICY.upload_settle_s) - SECOND

    assert decide(run, Uploading(files={}), early, POLICY).effect is None
    assert decide(run, Uploading(files={}), early + SECOND, POLICY).effect is not None


def test_an_upload_that_is_found_is_taken_and_the_next_file_follows():
    seen = Uploading(files={TRAINING_NAME: a_file(TRAINING_NAME, "file-9", "pending")})
    taken = decide(a_run(Status.UPLOADING), seen, NOW, POLICY).run

    assert taken.training_file_id == "file-9"
    assert decide(taken, seen, NOW, POLICY).effect == UploadFile(role="validation", filename=VALIDATION_NAME)


@pytest.mark.parametrize(
    ("status", "after"), [("pending", "uploading"), ("running", "uploading"), ("processed", "submitting")]
)
def test_the_job_waits_until_both_files_are_processed(status, after):
    run = a_run(Status.UPLOADING, training_file_id="file-t", validation_file_id="file-v")
    files = {
        TRAINING_NAME: a_file(TRAINING_NAME, "file-t"),
        VALIDATION_NAME: a_file(VALIDATION_NAME, "file-v", status),
    }

    assert decide(run, Uploading(files=files), NOW, POLICY).run.status == after


def test_a_rejected_file_fails_the_run_with_the_services_words():
    run = a_run(Status.UPLOADING, training_file_id="file-t")
    bad = FoundryFile(
        id="file-t", filename=TRAINING_NAME, size_bytes=1, status="error", error="line 3 is bad"
    )
    failed = decide(run, Uploading(files={TRAINING_NAME: bad}), NOW, POLICY).run

    assert (failed.status, failed.failure.code) == (Status.FAILED, "file_rejected")
    assert "line 3 is bad" in failed.failure.message


def test_a_job_is_created_with_everything_that_azure_needs():
    decision = decide(
        a_run(Status.SUBMITTING), Submitting(jobs=(), claim_holder="0123456789abcdef0123"), NOW, POLICY
    )

    assert decision.effect == CreateJob(
        body={
            "model": "gpt-4.1-2025-04-14",
            "training_file": "file-t",
            "validation_file": "file-v",
            "seed": 0x01234567,
            "suffix": "summaries",
            "method": {
                "type": "supervised",
                "supervised": {
                    "hyperparameters": {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0}
                },
            },
            "extra_body": {"trainingType": "GlobalStandard"},
        }
    )
    assert decision.run.job_attempted_at == NOW


def test_no_job_is_created_while_an_earlier_request_may_still_appear():
    run = a_run(Status.SUBMITTING, attempt=Attempt(effect="CreateJob", count=1, at=NOW), job_attempted_at=NOW)
    seen = Submitting(jobs=(), claim_holder=run.id)
    settled = NOW + timedelta(seconds=POLICY.settle_s)

    assert decide(run, seen, settled - SECOND, POLICY).effect is None
    again = decide(run, seen, settled, POLICY)
    assert isinstance(again.effect, CreateJob)
    assert again.run.attempt.count == 2


def test_a_request_known_not_to_be_applied_is_repeated_without_waiting_and_does_not_count():
    run = a_run(Status.SUBMITTING, attempt=Attempt(effect="CreateJob", count=1, at=NOW, is_settled=True))
    decision = decide(run, Submitting(jobs=(), claim_holder=run.id), NOW + SECOND, POLICY)

    assert isinstance(decision.effect, CreateJob)
    assert decision.run.attempt.count == 1


def test_lost_attempts_end_in_a_visible_failure():
    lost = Attempt(effect="CreateJob", count=POLICY.attempts_max, at=NOW - timedelta(days=1))
    run = a_run(Status.SUBMITTING, attempt=lost)
    failed = decide(run, Submitting(jobs=(), claim_holder=run.id), NOW, POLICY).run

    assert (failed.status, failed.failure.code) == (Status.FAILED, "attempts_exhausted")


def test_the_oldest_living_job_on_the_runs_file_is_adopted():
    jobs = (a_job("ftjob-3", created_at=300), a_job("ftjob-2", created_at=200), a_job("ftjob-1", "cancelled"))
    adopted = decide(a_run(Status.SUBMITTING), Submitting(jobs=jobs, claim_holder="x"), NOW, POLICY).run

    assert (adopted.status, adopted.job_id) == (Status.TRAINING, "ftjob-2")


def test_a_job_from_before_a_retry_is_not_adopted():
    run = a_run(Status.SUBMITTING, retired_jobs=("ftjob-1",))
    decision = decide(run, Submitting(jobs=(a_job(status="failed"),), claim_holder=run.id), NOW, POLICY)

    assert isinstance(decision.effect, CreateJob)


def test_a_run_that_lost_its_claim_starts_no_job():
    failed = decide(a_run(Status.SUBMITTING), Submitting(jobs=(), claim_holder="another"), NOW, POLICY).run

    assert (failed.status, failed.failure.code, failed.failure.can_retry) == (
        Status.FAILED,
        "claim_lost",
        False,
    )


@pytest.mark.parametrize(
    ("echoed", "warnings"),
    [
        ({"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0}, ()),
        ({"n_epochs": 3, "batch_size": 8}, ("asked for batch_size = 1, the job says 8",)),
        ({"n_epochs": -1}, ("asked for n_epochs = 3, the job says -1",)),
        ({}, ()),
    ],
)
def test_hyperparameters_that_the_service_took_otherwise_are_reported(echoed, warnings):
    job = a_job(hyperparameters=echoed)

    assert decide(a_run(Status.SUBMITTING), Submitting(jobs=(job,)), NOW, POLICY).run.warnings == warnings


@pytest.mark.parametrize(
    "status", ["pending", "validating_files", "queued", "running", "paused", "resuming", "brand_new_status"]
)
def test_a_status_that_is_not_an_end_is_mirrored_and_waited_for(status):
    after = decide(a_run(Status.TRAINING), Training(job=a_job(status=status)), NOW, POLICY)

    assert (after.run.status, after.run.job_status, after.effect) == (Status.TRAINING, status, None)


def test_a_succeeded_job_without_a_model_is_not_done_yet():
    after = decide(a_run(Status.TRAINING), Training(job=a_job(status="succeeded")), NOW, POLICY)

    assert (after.run.status, after.effect) == (Status.TRAINING, None)


def test_results_are_stored_before_the_model_is_staged():
    job = a_job(status="succeeded", model="m.ft-1", trained_tokens=7)
    first = decide(a_run(Status.TRAINING), Training(job=job), NOW, POLICY)

    assert first.effect == StoreTrainingResults(job_id="ftjob-1")
    assert (first.run.model, first.run.trained_tokens) == ("m.ft-1", 7)
    assert decide(first.run, Training(job=job, has_results=True), NOW, POLICY).run.status is Status.STAGING


@pytest.mark.parametrize(
    ("status", "end", "code"),
    [("failed", "failed", "job_failed"), ("cancelled", "cancelled", "job_cancelled")],
)
def test_a_job_that_ends_badly_ends_the_run_with_the_reason(status, end, code):
    after = decide(
        a_run(Status.TRAINING), Training(job=a_job(status=status, error="RAI checks")), NOW, POLICY
    ).run

    assert (after.status, after.failure.code) == (end, code)


def test_a_job_that_is_gone_is_believed_only_after_the_settle_time():
    first = decide(a_run(Status.TRAINING), Training(job=None), NOW, POLICY).run
    settled = NOW + timedelta(seconds=POLICY.settle_s)

    assert decide(first, Training(job=None), settled - SECOND, POLICY).run.status is Status.TRAINING
    assert decide(first, Training(job=None), settled, POLICY).run.failure.code == "job_gone"
    assert decide(first, Training(job=a_job()), settled, POLICY).run.job_trouble_since is None


def test_a_deadline_fails_a_run_that_does_not_move():
    run = a_run(Status.TRAINING, status_since=NOW - timedelta(days=38))

    assert decide(run, Training(job=a_job()), NOW, POLICY).run.failure.code == "deadline_exceeded"
    assert decide(run, Unobserved(message="down"), NOW, POLICY).run.failure.code == "deadline_exceeded"


def test_a_look_that_fails_is_repeated_later_and_later():
    first = decide(a_run(Status.TRAINING), Unobserved(message="down"), NOW, POLICY).run
    many = decide(a_run(Status.TRAINING, failures=30), Unobserved(message="down"), NOW, POLICY).run

    assert first.failures == 1
    assert NOW < first.due_at <= NOW + timedelta(seconds=2 * POLICY.backoff_base_s)
    assert (
        NOW + timedelta(seconds=POLICY.backoff_max_s * 0.1)
        <= many.due_at
        <= NOW + timedelta(seconds=POLICY.backoff_max_s)
    )


def test_what_the_service_asks_to_wait_is_waited():
    after = decide(a_run(Status.TRAINING), Unobserved(message="429", retry_after_s=500), NOW, POLICY).run

    assert after.due_at >= NOW + timedelta(seconds=500)


CANCEL = Wish(person="oid", name="Ada", at=NOW)


def test_cancelling_a_training_run_cancels_its_job_first():
    run = a_run(Status.TRAINING, cancel=CANCEL)
    decision = decide(run, Training(job=a_job()), NOW, POLICY)

    assert decision.effect == CancelJob(job_id="ftjob-1")
    ended = decide(decision.run, Training(job=a_job(status="cancelled")), NOW, POLICY).run
    assert (ended.status, ended.failure.code) == (Status.CANCELLED, "cancelled")


def test_cancelling_waits_for_a_job_that_may_yet_appear():
    run = a_run(Status.SUBMITTING, cancel=CANCEL, job_attempted_at=NOW)
    settled = NOW + timedelta(seconds=POLICY.settle_s)

    assert decide(run, Submitting(jobs=()), settled - SECOND, POLICY).run.status is Status.SUBMITTING
    assert decide(run, Submitting(jobs=(a_job(),)), NOW, POLICY).effect == CancelJob(job_id="ftjob-1")
    assert decide(run, Submitting(jobs=()), settled, POLICY).run.status is Status.CANCELLED


def right_before_the_job(now=NOW, run=None, **said):
    run = run or a_run(Status.SUBMITTING)
    return decide(run, Submitting(jobs=(), claim_holder=run.id, foreseen=Foreseen(**said)), now, POLICY)


def test_a_model_that_azure_has_retired_is_not_paid_for():
    decision = right_before_the_job(retired="Azure has not tuned m since 2026-11-01.")

    assert decision.effect is None
    assert (decision.run.failure.code, decision.run.failure.can_retry) == ("model_retired", True)


def test_where_there_is_no_room_the_run_waits_and_says_so_and_then_goes_on():
    held = right_before_the_job(full=("The resource holds 100 jobs.",))

    assert (held.effect, held.run.status, held.run.job_attempted_at) == (None, Status.SUBMITTING, None)
    assert held.run.trouble == "quota_exhausted: The resource holds 100 jobs."
    assert held.run.due_at == NOW + timedelta(seconds=POLICY.quota_wait_s)
    later = held.run.due_at
    again = right_before_the_job(later, held.run)
    assert isinstance(again.effect, CreateJob)
    assert again.run.trouble is None


def test_what_azure_did_not_say_neither_refuses_nor_holds_back():
    decision = right_before_the_job(warnings=("It ends soon.",), not_known=("Not known: all of it.",))

    assert isinstance(decision.effect, CreateJob)
    assert decision.run.warnings == ("It ends soon.",)


def test_a_job_that_may_be_there_already_is_waited_for_whatever_azure_says():
    asked = a_run(Status.SUBMITTING, attempt=Attempt(effect="CreateJob", count=1, at=NOW))

    for said in ({"retired": "gone"}, {"full": ("full",)}):
        decision = right_before_the_job(NOW + SECOND, asked, **said)
        assert (decision.run.status, decision.run.trouble) == (Status.SUBMITTING, None)
