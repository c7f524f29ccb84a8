"""A decision counts once, for the digest it names, before expiry, from somebody who may decide."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.decide import decide
from shared.core.errors import Expired, Forbidden, GateClosed, StaleDigest
from shared.core.observations import AwaitingApproval, Evaluating
from shared.core.people import Person, cancel, rejudge, retry, vote
from shared.core.run import FINISHED, Attempt, Failure, Judging, Status
from tests.support.builders import BETTER, NOW, SECOND, a_policy, a_run

POLICY = a_policy("approval: {approvers: 2}\n")
ADA, BOB = Person(id="ada-oid", name="Ada"), Person(id="bob-oid", name="Bob")
UPLOADER = Person(id="uploader-oid", name="Uma")


def waiting(policy=POLICY):
    return decide(a_run(Status.EVALUATING), Evaluating(plan=None, summary=BETTER), NOW, policy).run


def ruled(run, person=ADA, decision="approve", digest=None, at=NOW + SECOND, gate="deployment"):
    digest = digest or run.gates["deployment"].digest
    return vote(
        run, gate, person, decision=decision, digest=digest, comment="fine", now=at, app_version="1.2.3"
    )


def test_a_decision_is_recorded_with_who_what_and_when():
    ruling = ruled(waiting())

    entry = ruling.run.gates["deployment"].decisions[0]
    assert (entry.person, entry.decision, entry.at, entry.comment, entry.app_version) == (
        "ada-oid",
        "approve",
        NOW + SECOND,
        "fine",
        "1.2.3",
    )
    assert (ruling.is_new, ruling.approvals_missing) == (True, 1)
    assert ruling.run.status is Status.AWAITING_APPROVAL
    assert ruling.run.due_at == NOW + SECOND


def test_the_same_decision_again_changes_nothing_whenever_it_comes():
    first = ruled(waiting()).run
    again = ruled(first, at=NOW + timedelta(days=30))

    assert (again.run, again.is_new) == (first, False)
    both = ruled(first, BOB).run
    deploying = decide(both, AwaitingApproval(), NOW + SECOND, POLICY).run
    assert deploying.status is Status.DEPLOYING
    assert ruled(deploying).is_new is False


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"digest": "sha256:" + "0" * 64}, StaleDigest),
        ({"at": NOW + timedelta(days=7)}, Expired),
        ({"person": UPLOADER}, Forbidden),
        ({"gate": "spend"}, GateClosed),
    ],
)
def test_what_does_not_count_is_refused_with_its_own_error(change, error):
    with pytest.raises(error):
        ruled(waiting(), **change)


def test_nobody_changes_their_mind():
    with pytest.raises(GateClosed, match="you decided to approve before"):
        ruled(ruled(waiting()).run, decision="reject")


def test_a_gate_that_was_decided_is_closed_for_others():
    run = decide(ruled(waiting(), decision="reject").run, AwaitingApproval(), NOW + SECOND, POLICY).run

    assert run.status is Status.REJECTED
    with pytest.raises(GateClosed, match="rejected"):
        ruled(run, BOB)


def test_an_expired_run_says_that_it_expired():
    run = waiting()
    run = decide(run, AwaitingApproval(), run.gates["deployment"].approve_by, POLICY).run

    with pytest.raises(Expired):
        ruled(run)


def test_a_run_without_a_gate_cannot_be_decided():
    with pytest.raises(GateClosed, match="is not open; the run is training"):
        vote(
            a_run(Status.TRAINING),
            "deployment",
            ADA,
            decision="approve",
            digest="d",
            comment="",
            now=NOW,
            app_version="",
        )


def test_the_pipeline_may_let_uploaders_decide():
    run = waiting(a_policy("approval: {uploader_may_approve: true}\n"))

    assert ruled(run, UPLOADER).is_new


@pytest.mark.parametrize("status", sorted(FINISHED | {Status.DEPLOYING, Status.VERIFYING}))
def test_what_has_ended_or_is_being_deployed_cannot_be_cancelled(status):
    with pytest.raises(GateClosed):
        cancel(a_run(status), ADA, NOW)


def test_cancelling_twice_is_cancelling_once():
    first = cancel(a_run(Status.TRAINING), ADA, NOW)

    assert cancel(first, BOB, NOW + SECOND) is first


def failed_at(step, **changes):
    failure = Failure(step=step, code="x", message="m", remedy="r", can_retry=True)
    before = {"status_since": NOW, "failure": failure}
    return msgspec.structs.replace(a_run(step), status=Status.FAILED, **(before | changes))


@pytest.mark.parametrize(
    ("step", "resumes"),
    [
        (Status.RECEIVED, Status.RECEIVED),
        (Status.VALIDATING, Status.VALIDATING),
        (Status.QUEUEING, Status.VALIDATING),
        (Status.UPLOADING, Status.VALIDATING),
        (Status.SUBMITTING, Status.VALIDATING),
        (Status.TRAINING, Status.VALIDATING),
        (Status.STAGING, Status.QUEUEING),
        (Status.EVALUATING, Status.QUEUEING),
        (Status.DEPLOYING, Status.DEPLOYING),
        (Status.VERIFYING, Status.DEPLOYING),
    ],
)
def test_a_retry_goes_back_to_where_nothing_is_paid_twice(step, resumes):
    again = retry(failed_at(step), NOW)

    assert (again.status, again.failure, again.attempt) == (resumes, None, None)
    keeps_model = resumes in {Status.QUEUEING, Status.DEPLOYING}
    assert (again.model is not None) == keeps_model
    assert (again.job_id is not None) == keeps_model


@pytest.mark.parametrize("step", [Status.QUEUEING, Status.TRAINING])
def test_a_retry_of_a_run_that_has_its_model_does_not_pay_again(step):
    again = retry(failed_at(step, model="gpt-4.1.ft-1", job_id="ftjob-1"), NOW)

    assert (again.status, again.model, again.job_id) == (Status.QUEUEING, "gpt-4.1.ft-1", "ftjob-1")


def test_a_retry_remembers_the_job_that_failed():
    again = retry(failed_at(Status.TRAINING, training_file_id="file-t"), NOW)

    assert (again.retired_jobs, again.retired_files) == (("ftjob-1",), ("file-t",))
    assert again.training_files == {"file-t"}
    assert again.evolve(training_file_id="file-u").training_files == {"file-t", "file-u"}


def test_what_no_retry_can_mend_is_refused():
    final = Failure(step=Status.TRAINING, code="x", message="m", remedy="r", can_retry=False)

    with pytest.raises(GateClosed):
        retry(failed_at(Status.TRAINING, failure=final), NOW)
    with pytest.raises(GateClosed):
        retry(a_run(Status.DEPLOYED), NOW)


JUDGING = Judging(pin="sha256:" + "a" * 64, changed=(), person="ada-oid", name="Ada", at=NOW)


def ended(status, step, **changes):
    return msgspec.structs.replace(failed_at(step, **changes), status=status)


def judged(run, **options):
    return rejudge(run, JUDGING, NOW, **{"is_answered": True} | options)


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (Status.NOT_PROMOTED, Status.EVALUATING),
        (Status.EXPIRED, Status.AWAITING_APPROVAL),
        (Status.FAILED, Status.EVALUATING),
        (Status.FAILED, Status.STAGING),
        (Status.REJECTED, Status.AWAITING_APPROVAL),
    ],
)
def test_what_ended_at_its_verdict_is_judged_again_and_keeps_what_was_paid_for(status, step):
    run = ended(status, step, candidate_removed=True)
    again = judged(run)

    assert (again.status, again.judging, again.evaluation_round) == (Status.QUEUEING, JUDGING, 1)
    assert (again.model, again.job_id, again.summary) == (run.model, run.job_id, run.summary)
    assert (again.evaluation, again.failure, again.candidate_removed) == (None, None, False)


@pytest.mark.parametrize(
    "run",
    [
        ended(Status.EXPIRED, Status.AWAITING_SPEND_APPROVAL),
        ended(Status.FAILED, Status.DEPLOYING),
        ended(Status.FAILED, Status.QUEUEING, model=None),
        ended(Status.REJECTED, Status.AWAITING_SPEND_APPROVAL),
        a_run(Status.DEPLOYED),
        a_run(Status.EVALUATING),
    ],
    ids=lambda run: f"{run.status} in {run.failure and run.failure.step}",
)
def test_what_has_no_verdict_to_give_again_is_refused(run):
    with pytest.raises(GateClosed, match="cannot be judged again"):
        judged(run)


def test_a_clean_up_that_is_deleting_the_candidate_is_remembered_where_the_candidate_is_needed():
    deleting = Attempt(effect="DeleteDeployment", count=1, at=NOW)
    run = ended(Status.NOT_PROMOTED, Status.EVALUATING, attempt=deleting)

    assert judged(run, is_answered=False).attempt == deleting
    assert judged(run).attempt is None
    settled = run.evolve(attempt=Attempt(effect="DeleteDeployment", count=1, at=NOW, is_settled=True))
    assert judged(settled, is_answered=False).attempt is None
    assert judged(run.evolve(attempt=None), is_answered=False).attempt is None
    assert (
        judged(run.evolve(attempt=Attempt(effect="DeleteFiles", count=1, at=NOW)), is_answered=False).attempt
        is None
    )
    assert retry(failed_at(Status.EVALUATING, attempt=deleting), NOW).attempt == deleting
    assert retry(failed_at(Status.DEPLOYING, attempt=deleting), NOW).attempt is None


def test_a_vote_on_the_gate_before_it_was_judged_again_counts_no_more():
    run = msgspec.structs.replace(
        waiting(),
        status=Status.EXPIRED,
        failure=Failure(step="awaiting_approval", code="c", message="m", remedy="r"),
    )
    with pytest.raises(StaleDigest, match="Ada had the run judged again"):
        ruled(judged(run))


def test_the_gate_that_is_open_is_the_one_of_the_status():
    run = waiting()
    spend = msgspec.structs.replace(run.gates["deployment"], name="spend")

    assert run.gate is run.gates["deployment"]
    asked = msgspec.structs.replace(
        run, status=Status.AWAITING_SPEND_APPROVAL, gates=run.gates | {"spend": spend}
    )
    assert asked.gate is spend
    assert msgspec.structs.replace(run, status=Status.DEPLOYING).gate is None
