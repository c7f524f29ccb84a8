"""A decision counts once, for the digest it names, before expiry, from somebody who may decide."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.decide import decide
from shared.core.errors import Expired, Forbidden, GateClosed, Malformed, StaleDigest
from shared.core.history import events_between
from shared.core.observations import AwaitingApproval, Claim, Evaluating, Nothing, Validating
from shared.core.people import Person, cancel, insist_on_judge, rejudge, retry, vote
from shared.core.run import FINISHED, Attempt, Failure, Judging, Status, Wish
from shared.core.spec import Approval
from tests.support.builders import BETTER, NOW, SECOND, SUMMARY, a_policy, a_run

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


def withdrawn(run, person=ADA, **changes):
    return ruled(run, person, "withdraw", **changes)


def test_an_approval_is_withdrawn_while_others_are_missing():
    back = withdrawn(ruled(waiting()).run)
    gate = back.run.gates["deployment"]

    assert (back.is_new, back.approvals_missing, gate.approvals) == (True, 2, 0)
    assert [d.decision for d in gate.decisions] == ["approve", "withdraw"]
    assert ruled(back.run, BOB).approvals_missing == 1
    assert withdrawn(back.run).is_new is False
    assert ruled(back.run).approvals_missing == 1  # who withdrew may decide again
    rejected = decide(ruled(back.run, decision="reject").run, AwaitingApproval(), NOW + SECOND, POLICY).run
    assert rejected.status is Status.REJECTED


def test_a_withdrawn_approval_deploys_nothing():
    back = ruled(withdrawn(ruled(waiting()).run).run, BOB).run

    assert decide(back, AwaitingApproval(), NOW + SECOND, POLICY).run.status is Status.AWAITING_APPROVAL
    both = ruled(back).run
    assert decide(both, AwaitingApproval(), NOW + SECOND, POLICY).run.status is Status.DEPLOYING


def test_nothing_is_withdrawn_that_was_not_given_or_that_counts_already():
    with pytest.raises(GateClosed, match="nothing to withdraw"):
        withdrawn(waiting())
    with pytest.raises(GateClosed, match="nothing to withdraw"):
        withdrawn(ruled(waiting()).run, BOB)
    with pytest.raises(GateClosed, match="nothing to withdraw"):
        withdrawn(ruled(waiting(), decision="reject").run)
    with pytest.raises(GateClosed, match="has all its approvals"):
        withdrawn(ruled(ruled(waiting()).run, BOB).run)
    with pytest.raises(Expired):
        withdrawn(ruled(waiting()).run, at=NOW + timedelta(days=7))


def test_nobody_fills_the_row_with_second_thoughts():
    run = waiting()
    for _ in range(20):
        run = withdrawn(ruled(run).run).run
    run = ruled(run).run
    with pytest.raises(GateClosed, match="20 approvals were withdrawn"):
        withdrawn(run)
    assert ruled(run, BOB).approvals_missing == 0


@pytest.mark.parametrize(
    "spelt",
    [
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        " 6f9619ff-8b86-d011-b42d-00c04fc964ff\n",
        "{6f9619ff-8b86-d011-b42d-00c04fc964ff}",
        "6f9619ff8b86d011b42d00c04fc964ff",
        "urn:uuid:6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ],
)
def test_the_uploader_is_known_however_their_id_is_spelt(spelt):
    run = waiting()
    run = run.evolve(dataset=msgspec.structs.replace(run.dataset, uploaded_by=spelt))
    uma = Person(id="6f9619ff-8b86-d011-b42d-00c04fc964ff", name="Uma")

    with pytest.raises(Forbidden, match="uploaded this dataset"):
        ruled(run, uma)
    assert ruled(run, Person(id="6f9619ff-8b86-d011-b42d-00c04fc964fe", name="Una")).is_new
    nobody = run.evolve(dataset=msgspec.structs.replace(run.dataset, uploaded_by=None))
    assert ruled(nobody, uma).is_new


def test_one_person_counts_once_however_their_id_is_spelt():
    once = ruled(waiting()).run

    assert ruled(once, Person(id="ADA-OID", name="Ada")).is_new is False
    row = once.gates["deployment"].decisions[0]
    twice = msgspec.structs.replace(
        once.gates["deployment"], decisions=(row, msgspec.structs.replace(row, person="ADA-OID"))
    )
    assert twice.approvals == 1


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


def retried(run, now=NOW, *, person=ADA, rule=None):
    return retry(run, person, rule or Approval(), now)


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
    again = retried(failed_at(step), NOW)

    assert (again.status, again.failure, again.attempt) == (resumes, None, None)
    keeps_model = resumes in {Status.QUEUEING, Status.DEPLOYING}
    assert (again.model is not None) == keeps_model
    assert (again.job_id is not None) == keeps_model


@pytest.mark.parametrize("step", [Status.QUEUEING, Status.TRAINING])
def test_a_retry_of_a_run_that_has_its_model_does_not_pay_again(step):
    again = retried(failed_at(step, model="gpt-4.1.ft-1", job_id="ftjob-1"), NOW)

    assert (again.status, again.model, again.job_id) == (Status.QUEUEING, "gpt-4.1.ft-1", "ftjob-1")


def test_a_retry_remembers_the_job_that_failed():
    again = retried(failed_at(Status.TRAINING, training_file_id="file-t"), NOW)

    assert (again.retired_jobs, again.retired_files) == (("ftjob-1",), ("file-t",))
    assert again.training_files == {"file-t"}
    assert again.evolve(training_file_id="file-u").training_files == {"file-t", "file-u"}


def test_what_no_retry_can_mend_is_refused():
    final = Failure(step=Status.TRAINING, code="x", message="m", remedy="r", can_retry=False)

    with pytest.raises(GateClosed):
        retried(failed_at(Status.TRAINING, failure=final), NOW)
    with pytest.raises(GateClosed):
        retried(a_run(Status.DEPLOYED), NOW)


def test_a_retry_says_who_asked_and_when():
    again = retried(failed_at(Status.TRAINING), NOW + SECOND, person=BOB)

    assert again.retry == Wish(person="bob-oid", name="Bob", at=NOW + SECOND)
    told = events_between(failed_at(Status.TRAINING), again)[1]
    assert [event.detail for event in told if event.kind == "status"] == ["to be tried again, asked by Bob"]


@pytest.mark.parametrize("step", [Status.TRAINING, Status.DEPLOYING])
def test_the_uploader_sends_nothing_back_to_work_where_they_may_not_approve(step):
    with pytest.raises(Forbidden, match="may not have it tried again"):
        retried(failed_at(step), person=UPLOADER)
    assert retried(failed_at(step), person=UPLOADER, rule=Approval(uploader_may_approve=True))


def test_a_retry_is_in_time_or_not_at_all():
    rule = Approval(expires_after_s=3600)

    assert retried(failed_at(Status.TRAINING), NOW + timedelta(seconds=3599), rule=rule)
    with pytest.raises(Expired, match="ended at"):
        retried(failed_at(Status.TRAINING), NOW + timedelta(seconds=3600), rule=rule)


def test_who_has_a_run_judged_again_is_held_to_the_same():
    over = ended(Status.NOT_PROMOTED, Status.EVALUATING)
    insist_on_judge(over, ADA, Approval(), NOW)
    with pytest.raises(Forbidden, match="may not have it judged again"):
        insist_on_judge(over, UPLOADER, Approval(), NOW)
    with pytest.raises(Expired):
        insist_on_judge(over, ADA, Approval(expires_after_s=1), NOW + SECOND)
    insist_on_judge(
        waiting(), ADA, Approval(expires_after_s=1), NOW + SECOND
    )  # its gate has a time of its own


def test_there_is_room_for_so_many_words_and_always_for_a_vote_without():
    words = "\x01" * 1000  # each takes six characters in a row
    run = waiting()
    for _ in range(7):
        run = withdrawn(vote_with(run, words).run).run
    with pytest.raises(Malformed, match="no room for these words"):
        vote_with(run, words)
    assert vote_with(run, "").is_new
    assert vote_with(run, "a short reason").is_new


def vote_with(run, comment, decision="approve"):
    given = {"digest": run.gates["deployment"].digest, "now": NOW, "app_version": "1"}
    return vote(run, "deployment", ADA, decision=decision, comment=comment, **given)


def test_a_run_is_judged_20_times_again_and_no_more():
    over = ended(Status.NOT_PROMOTED, Status.EVALUATING)
    judging = Judging(pin="sha256:x", changed=(), person="ada", name="Ada", at=NOW, before=("x",) * 19)
    insist_on_judge(over.evolve(judging=judging), ADA, Approval(), NOW)
    more = msgspec.structs.replace(judging, before=("x",) * 20)
    with pytest.raises(GateClosed, match="was judged 20 times"):
        insist_on_judge(over.evolve(judging=more), ADA, Approval(), NOW)


SPEND = a_policy("budget: {approve_above_usd: 0.01}\n")


def priced(run, policy=SPEND):
    """A run at the point where its money is decided on."""
    seen = Validating(
        summary=SUMMARY,
        first_error=None,
        claim=Claim(holder=run.id),
        is_committed=True,
        committed_before_usd=0.0,
    )
    run = run.evolve(summary=SUMMARY, committed_at=NOW)
    return decide(run, seen, NOW, policy).run


def paid():
    """A run whose spend was approved once, and whose job failed."""
    asked = priced(a_run(Status.VALIDATING))
    digest = asked.gates["spend"].digest
    run = ruled(asked, gate="spend", digest=digest).run
    return failed_at(Status.TRAINING, gates=run.gates, summary=SUMMARY, has_spent=True), digest


def test_each_job_needs_a_spend_approval_of_its_own():
    failed, digest = paid()
    again = priced(retried(failed))

    assert again.status is Status.AWAITING_SPEND_APPROVAL
    assert again.gates["spend"].digest != digest
    assert again.gates["spend"].approvals == 0
    with pytest.raises(StaleDigest):
        ruled(again, gate="spend", digest=digest)
    approved = ruled(again, BOB, gate="spend", digest=again.gates["spend"].digest).run
    assert decide(approved, Nothing(), NOW + SECOND, SPEND).run.status is Status.QUEUEING


def test_an_approval_that_paid_for_no_job_still_counts():
    failed, digest = paid()
    unspent = msgspec.structs.replace(
        failed, failure=failed_at(Status.UPLOADING).failure, has_spent=False, job_id=None
    )
    again = priced(retried(unspent))

    assert (again.status, again.gates["spend"].digest) == (Status.QUEUEING, digest)


def test_a_job_that_an_older_release_asked_for_counts_too():
    failed, _ = paid()
    assert retried(failed.evolve(has_spent=False)).spend_round == 1


@pytest.mark.parametrize("limit", ["null", "1000000"])
def test_where_nobody_is_asked_before_money_is_spent_a_retry_asks_nobody(limit):

    policy = a_policy(f"budget: {{approve_above_usd: {limit}}}\n")

    assert priced(retried(failed_at(Status.TRAINING, has_spent=True)), policy).status is Status.QUEUEING


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
        (Status.CANCELLED, Status.EVALUATING),
    ],
)
def test_what_ended_at_its_verdict_is_judged_again_and_keeps_what_was_paid_for(status, step):
    run = ended(status, step, candidate_removed=True)
    again = judged(run)

    assert (again.status, again.judging, again.evaluation_round) == (Status.QUEUEING, JUDGING, 1)
    assert (again.model, again.job_id, again.summary) == (run.model, run.job_id, run.summary)
    assert (again.evaluation, again.failure, again.candidate_removed) == (None, None, False)


def smoke_failed(**changes):
    run = ended(Status.FAILED, Status.VERIFYING, **changes)
    return run.evolve(failure=msgspec.structs.replace(run.failure, code="smoke_test_failed"))


def test_what_failed_by_its_smoke_test_is_judged_again_by_a_test_that_is_right():
    assert judged(smoke_failed(production="p-1")).status is Status.QUEUEING


@pytest.mark.parametrize(
    "run",
    [
        ended(Status.EXPIRED, Status.AWAITING_SPEND_APPROVAL),
        ended(Status.FAILED, Status.DEPLOYING),
        ended(Status.FAILED, Status.VERIFYING, production="p"),
        smoke_failed(production=a_run(Status.FAILED).pipeline),
        ended(Status.FAILED, Status.QUEUEING, model=None),
        ended(Status.CANCELLED, Status.TRAINING, model=None),
        ended(Status.REJECTED, Status.AWAITING_SPEND_APPROVAL),
        a_run(Status.DEPLOYED),
        a_run(Status.EVALUATING),
    ],
    ids=lambda run: f"{run.status} in {run.failure and run.failure.step}, {run.production}",
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
    assert retried(failed_at(Status.EVALUATING, attempt=deleting), NOW).attempt == deleting
    assert retried(failed_at(Status.DEPLOYING, attempt=deleting), NOW).attempt is None


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
