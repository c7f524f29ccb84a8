"""Where a run stands, in every status."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.run import Failure, GateDecision, Status, Wish
from shared.core.spec import Approval
from shared.core.standing import standing
from shared.core.status import FINISHED, STATUSES
from tests.core.scenarios import at_deployment_gate, at_spend_gate
from tests.support.builders import NOW, a_run

GATES = {Status.AWAITING_SPEND_APPROVAL: at_spend_gate, Status.AWAITING_APPROVAL: at_deployment_gate}


def failure(step=Status.TRAINING, *, can_retry=True):
    return Failure(step=step, code="x", message="It broke.", remedy="Mend it.", can_retry=can_retry)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence_for_now_and_one_for_what_comes_next(status):
    run = GATES[status]() if status in GATES else a_run(status)

    found = standing(run, Approval(), NOW)

    assert found.now.endswith(".")
    assert found.then.endswith(".")
    assert (found.by is None) == (status in FINISHED)
    assert bool(found.by_then) == (found.by is not None)


def test_a_gate_waits_until_its_time_and_says_why_a_person_is_asked():
    run = at_deployment_gate()

    found = standing(run, Approval(), NOW)

    assert (found.by, found.why) == (run.gate.approve_by, run.gate.reason)
    assert found.by_then == "without a decision the run ends as expired."


def test_a_status_with_a_question_waits_until_its_deadline():
    run = a_run(Status.TRAINING)

    found = standing(run, Approval(), NOW)

    assert found.by == run.status_since + timedelta(seconds=STATUSES[Status.TRAINING].deadline_s)
    assert found.why == "Foundry reports the job as running."
    assert "fails" in found.by_then


def test_trouble_says_why_it_waits():
    found = standing(a_run(Status.QUEUEING, trouble="throttled: come back"), Approval(), NOW)

    assert found.why == "It waits because of throttled: come back"


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (a_run(Status.FAILED, failure=failure()), "tried again"),
        (a_run(Status.FAILED, failure=failure(can_retry=False)), None),
        (a_run(Status.FAILED), None),
        (a_run(Status.NOT_PROMOTED, model="m", failure=failure(Status.EVALUATING)), "judged again"),
        (a_run(Status.NOT_PROMOTED), None),
        (a_run(Status.REJECTED, model="m", failure=failure(Status.AWAITING_APPROVAL)), "judged again"),
        (a_run(Status.EXPIRED, failure=failure(Status.AWAITING_SPEND_APPROVAL)), None),
        (a_run(Status.EXPIRED, model="m"), None),
    ],
)
def test_an_end_that_a_person_may_undo_says_until_when(run, what):
    found = standing(run, Approval(expires_after_s=3600), NOW)

    assert found.by_then == (f"after that it cannot be {what} any more." if what else "")
    assert found.by == (run.status_since + timedelta(hours=1) if what else None)
    later = standing(run, Approval(expires_after_s=60), NOW + timedelta(days=2))
    assert (later.by, later.by_then) == (None, "")


def test_failures_are_told_with_their_remedy_and_duplicates_with_the_other_run():
    assert standing(a_run(Status.FAILED, failure=failure()), Approval(), NOW).why == "It broke. Mend it."
    duplicate = a_run(Status.DUPLICATE, duplicate_of="other")
    assert standing(duplicate, Approval(), NOW).why == "The same work is done by run other."


def test_a_wish_to_stop_and_an_approval_change_what_comes_next():
    wish = Wish(person="p", name="Ada", at=NOW)
    assert standing(a_run(Status.TRAINING, cancel=wish), Approval(), NOW).then.startswith("Ada asked to stop")
    assert "Ada" not in standing(a_run(Status.CANCELLED, cancel=wish), Approval(), NOW).then
    run = at_deployment_gate()
    approved = run.evolve(gates={"deployment": msgspec.structs.replace(run.gate, approvals_needed=0)})
    assert standing(approved, Approval(), NOW).then == "It is approved; the run goes on at its next step."
    assert standing(approved, Approval(), NOW).by is None


def test_a_rejection_ends_what_a_gate_waits_for():
    run = at_deployment_gate()
    vote = GateDecision(person="p", name="Ada", decision="reject", digest=run.gate.digest, at=NOW, comment="")
    rejected = run.evolve(gates={"deployment": msgspec.structs.replace(run.gate, decisions=(vote,))})
    told = standing(rejected, Approval(), NOW)

    assert told.then == "It is rejected; the run ends at its next step."
    assert (told.by, told.by_then) == (None, "")
