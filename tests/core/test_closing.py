"""After the end nothing that costs stays behind, and late duplicates are found."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.decide import after_error, decide
from shared.core.effects import CancelJob, DeleteDeployment, DeleteFiles
from shared.core.errors import (
    Conflict,
    DatasetChanged,
    OutcomeUnknown,
    QuotaExhausted,
    Refused,
    Throttled,
)
from shared.core.observations import DeploymentView, Ended, Job, Submitting, Training, Unobserved
from shared.core.run import FINISHED, Attempt, Failure, Status
from shared.core.steps.closing import is_settled, live_duplicates, may_have_early
from tests.support.builders import NOW, SECOND, a_policy, a_run

POLICY = a_policy()
CANDIDATE = DeploymentView(
    name="summaries-candidate-01234567", model="m", state="Succeeded", sku="DeveloperTier", capacity=50
)


def a_job(identity, status="running"):
    return Job(id=identity, status=status, created_at=1, training_file="file-t", base_model="m")


def ended(status=Status.DEPLOYED, **changes):
    values = {
        "training_file_id": "file-t",
        "job_id": "ftjob-1",
        "model": "m",
        "candidate": CANDIDATE.name,
        "job_attempted_at": NOW - timedelta(hours=2),
        "files_attempted_at": NOW - timedelta(hours=3),
        "candidate_attempted_at": NOW - timedelta(hours=1),
    }
    return a_run(status, **(values | changes))


def test_a_finished_run_gives_back_candidate_and_files_and_then_waits_for_the_sweep():
    run = ended()
    everything = Ended(candidate=CANDIDATE, file_ids=("file-t", "file-v"))

    assert decide(run, everything, NOW, POLICY).effect == DeleteDeployment(name=CANDIDATE.name)
    assert decide(run, Ended(file_ids=("file-t",)), NOW, POLICY).effect == DeleteFiles(file_ids=("file-t",))
    for sent in ("files_attempted_at", "job_attempted_at", "candidate_attempted_at"):
        run = decide(run, Ended(), max(NOW, run.due_at), POLICY).run
        assert run.due_at == getattr(run, sent) + timedelta(seconds=POLICY.sweep_window_s), sent
        assert not is_settled(run, run.due_at, POLICY)
    run = decide(run, Ended(), run.due_at, POLICY).run
    assert (run.candidate_removed, run.files_removed) == (True, True)
    assert is_settled(run, run.due_at, POLICY)


def test_a_deployment_that_was_taken_back_and_appears_once_more_is_removed():
    early = DeploymentView(name="summaries-01234567", model="m", state="Accepted", sku="S", capacity=1)
    clear = {
        "candidate": None,
        "training_file_id": None,
        "files_attempted_at": None,
        "job_attempted_at": None,
    }
    back = ended(Status.REJECTED, evaluation_round=1, production=early.name, status_since=NOW, **clear)

    assert decide(back, Ended(production=early), NOW, POLICY).effect == DeleteDeployment(name=early.name)
    deleting = msgspec.structs.replace(early, state="Deleting")
    assert decide(back, Ended(production=deleting), NOW, POLICY).effect is None
    assert not is_settled(back, NOW, POLICY)
    looked = decide(back, Ended(), NOW, POLICY).run
    assert looked.due_at == NOW + timedelta(seconds=POLICY.effect_lease_s)
    over = NOW + timedelta(seconds=POLICY.sweep_window_s)
    assert decide(back, Ended(), over - SECOND, POLICY).run.due_at == over
    assert is_settled(back, over, POLICY)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.DEPLOYED},
        {"evaluation_round": 0},
        {"production": None},
        {"production": "summaries"},
        {"failure": Failure(step=Status.VERIFYING, code="c", message="m", remedy="r")},
    ],
    ids=str,
)
def test_a_deployment_that_clients_or_a_retry_may_use_is_left(changes):
    values = {"evaluation_round": 1, "production": "summaries-01234567", "status_since": NOW}
    back = ended(Status.FAILED, **values)
    assert may_have_early(back, NOW, POLICY)

    assert not may_have_early(msgspec.structs.replace(back, **changes), NOW, POLICY)


def test_what_appears_late_is_removed_as_long_as_the_window_lasts():
    run = decide(ended(), Ended(), NOW, POLICY).run

    assert not run.candidate_removed
    assert decide(run, Ended(candidate=CANDIDATE), NOW, POLICY).effect == DeleteDeployment(
        name=CANDIDATE.name
    )


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_a_run_that_never_touched_azure_is_settled_at_once(status):
    bare = {
        "training_file_id": None,
        "job_id": None,
        "model": None,
        "candidate": None,
        "job_attempted_at": None,
    }

    assert is_settled(a_run(status, **bare), NOW, POLICY)


def test_a_late_duplicate_job_is_cancelled():
    seen = Ended(jobs=(a_job("ftjob-1", "succeeded"), a_job("ftjob-2", "queued")))

    assert decide(ended(), seen, NOW, POLICY).effect == CancelJob(job_id="ftjob-2")


def test_a_duplicate_that_had_ended_is_recorded_once():
    seen = Ended(jobs=(a_job("ftjob-1", "succeeded"), a_job("ftjob-2", "succeeded")))
    after = decide(ended(candidate_removed=True, files_removed=True), seen, NOW, POLICY)

    assert after.run.orphans == ("ftjob-2",)
    assert decide(after.run, seen, NOW, POLICY).run.orphans == ("ftjob-2",)


def test_the_job_of_a_run_that_was_given_up_is_cancelled():
    run = ended(Status.FAILED, model=None, candidate=None)

    assert decide(run, Ended(jobs=(a_job("ftjob-1"),)), NOW, POLICY).effect == CancelJob(job_id="ftjob-1")


def test_nothing_is_cancelled_that_a_person_retired():
    run = ended(retired_jobs=("ftjob-0",), candidate_removed=True, files_removed=True)
    seen = Ended(jobs=(a_job("ftjob-0", "failed"),))

    assert decide(run, seen, NOW, POLICY).effect is None


ATTEMPT = Attempt(effect="CreateJob", count=1, at=NOW)


@pytest.mark.parametrize("error", [OutcomeUnknown("lost"), Conflict("raced")])
def test_an_unknown_outcome_and_a_lost_race_are_only_looked_at_again(error):
    run = a_run(Status.SUBMITTING, attempt=ATTEMPT)

    assert after_error(run, error, NOW, POLICY) is run


def test_what_was_not_applied_is_tried_again_after_a_pause():
    run = after_error(
        a_run(Status.SUBMITTING, attempt=ATTEMPT), Throttled("429", retry_after_s=40), NOW, POLICY
    )

    assert run.attempt.is_settled
    assert run.failures == 1
    assert run.due_at >= NOW + timedelta(seconds=40)


def test_a_quota_is_waited_for_patiently():
    run = after_error(a_run(Status.SUBMITTING, attempt=ATTEMPT), QuotaExhausted("20 queued"), NOW, POLICY)

    assert run.due_at >= NOW + timedelta(seconds=POLICY.quota_wait_s)


def test_a_refusal_fails_the_run_with_the_services_words():
    run = after_error(a_run(Status.SUBMITTING, attempt=ATTEMPT), Refused("no such model"), NOW, POLICY)

    assert (run.status, run.failure.code, run.failure.message) == (Status.FAILED, "refused", "no such model")


def test_a_refused_clean_up_does_not_change_how_the_run_ended():
    run = after_error(ended(attempt=ATTEMPT), Refused("no"), NOW, POLICY)

    assert (run.status, run.failure) == (Status.DEPLOYED, None)
    assert run.due_at > NOW


def test_a_dataset_that_changed_meanwhile_supersedes_the_run():
    assert after_error(a_run(Status.VALIDATING), DatasetChanged(), NOW, POLICY).status is Status.SUPERSEDED


def test_trouble_is_shown_while_it_lasts_and_forgotten_when_a_look_works():
    troubled = decide(a_run(Status.TRAINING), Unobserved(message="unauthorized: 403"), NOW, POLICY).run
    assert (troubled.trouble, troubled.failures) == ("unauthorized: 403", 1)

    recovered = decide(troubled, Training(job=a_job("ftjob-1")), NOW, POLICY).run
    assert (recovered.trouble, recovered.failures) == (None, 0)


def test_an_effect_that_keeps_failing_pauses_longer_and_longer_although_looks_work():
    run, seen = (
        a_run(Status.SUBMITTING, attempt=ATTEMPT),
        Submitting(jobs=(), claim_holder="0123456789abcdef0123"),
    )
    for count in range(1, 5):
        run = after_error(run, Throttled("429"), NOW, POLICY)
        assert (run.failures, run.trouble) == (count, "throttled: 429")
        run = decide(run, seen, NOW + timedelta(hours=1), POLICY).run
        run = run.evolve(attempt=run.attempt)


def test_a_companion_that_was_overwritten_says_what_to_drop_again():
    error = DatasetChanged("validation.jsonl was overwritten", remedy="Drop the training file again.")
    run = after_error(a_run(Status.VALIDATING), error, NOW, POLICY)

    assert (run.status, run.failure.remedy) == (Status.SUPERSEDED, "Drop the training file again.")


def test_a_late_duplicate_is_one_that_lives_on_the_same_file_while_the_run_is_under_way():
    run = a_run(Status.AWAITING_APPROVAL, training_file_id="file-t", job_id="ftjob-1")
    elsewhere = Job(id="ftjob-4", status="running", created_at=1, training_file="file-x", base_model="m")
    jobs = [a_job("ftjob-1"), a_job("ftjob-2"), a_job("ftjob-3", "succeeded"), elsewhere]

    assert live_duplicates(run, jobs) == ("ftjob-2",)
    assert live_duplicates(run.evolve(job_id=None), jobs) == (), (
        "none is the run's own yet: it may be adopted"
    )
    assert live_duplicates(ended(), jobs) == (), "what comes after the end is swept with the rest"


@pytest.mark.parametrize(
    ("job_s", "candidate_s", "files_s", "removed"),
    [
        (60, 60, 0, (False, True)),
        (60, 0, 60, (True, False)),
        (0, 60, 60, (False, False)),
        (0, 60, 0, (False, True)),
        (60, 0, 0, (True, True)),
    ],
)
def test_candidate_and_files_each_have_a_window_of_their_own(job_s, candidate_s, files_s, removed):
    """Seconds are those that are left of each window; at its very end it is over."""

    def left(seconds):
        return NOW - timedelta(seconds=POLICY.sweep_window_s - seconds)

    run = ended(
        job_attempted_at=left(job_s),
        candidate_attempted_at=left(candidate_s),
        files_attempted_at=left(files_s),
    )
    after = decide(run, Ended(), NOW, POLICY).run

    assert (after.candidate_removed, after.files_removed) == removed
