"""Runs that nobody can look at any more end by a wish or by time; what is only out of reach for a while waits."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.decide import after_error, decide
from shared.core.errors import GateClosed, OutcomeUnknown, Unforeseen
from shared.core.observations import Unobserved
from shared.core.people import Person, Reader, cancel, insist_on_verdict
from shared.core.policy import Policy
from shared.core.run import Status
from tests.core.scenarios import at_deployment_gate, ruled
from tests.support.builders import NOW, a_run

POLICY = Policy()
ADA, EVE = Person(id="ada", name="Ada"), Person(id="eve", name="Eve")
LASTING = Unobserved(message="unforeseen: KeyError", is_lasting=True)
PASSING = Unobserved(message="unavailable: HTTP 503")


def seen(run, how, now=NOW):
    return decide(run, how, now, POLICY).run


def test_a_wish_to_cancel_ends_a_run_that_cannot_be_looked_at():
    asked = cancel(a_run(Status.TRAINING), ADA, NOW)

    assert seen(asked, LASTING).status is Status.CANCELLED
    assert seen(asked, LASTING).failure.message == "Ada cancelled the run."
    assert seen(asked, PASSING).status is Status.TRAINING
    assert seen(a_run(Status.TRAINING), LASTING).status is Status.TRAINING


def test_a_run_says_why_it_cannot_be_looked_at_and_is_looked_at_again():
    run = seen(a_run(Status.TRAINING), LASTING)

    assert (run.trouble, run.failures) == ("unforeseen: KeyError", 1)
    assert run.due_at > NOW


def test_a_gate_that_nobody_decided_in_time_expires_unseen():
    run = at_deployment_gate()
    late = run.gate.approve_by
    half = ruled(run, (ADA, "approve", NOW))

    assert seen(run, LASTING, late - timedelta(seconds=1)).status is Status.AWAITING_APPROVAL
    assert seen(run, PASSING, late).status is Status.AWAITING_APPROVAL
    assert (
        seen(half, LASTING, late).failure.message
        == "Nobody decided the deployment gate in time (1 of 2 approvals)."
    )


def test_an_approved_gate_is_given_a_day_more():
    run = ruled(at_deployment_gate(), (ADA, "approve", NOW), (EVE, "approve", NOW)).evolve(
        trouble="unforeseen: KeyError"
    )
    late = run.gate.approve_by

    assert seen(run, LASTING, late + timedelta(hours=23)).status is Status.AWAITING_APPROVAL
    ended = seen(run, LASTING, late + timedelta(days=1))
    assert ended.status is Status.EXPIRED
    assert ended.failure.message.endswith(
        "was approved, but the run could not go on in time: unforeseen: KeyError"
    )


@pytest.mark.parametrize(
    ("error", "trouble"), [(Unforeseen("KeyError"), "unforeseen: KeyError"), (OutcomeUnknown(), None)]
)
def test_an_effect_whose_outcome_is_not_known_is_looked_for(error, trouble):
    run = a_run(Status.SUBMITTING)

    assert after_error(run, error, NOW, POLICY) == run.evolve(trouble=trouble)


def test_a_gate_that_was_approved_is_not_judged_again():
    run = msgspec.structs.replace(at_deployment_gate(), model="m")
    insist_on_verdict(run)

    with pytest.raises(GateClosed, match="what it shows was approved"):
        insist_on_verdict(ruled(run, (ADA, "approve", NOW), (EVE, "approve", NOW)))


def test_rows_are_for_the_role_that_may_see_them():
    def may(*roles):
        return Reader(person=msgspec.structs.replace(ADA, roles=frozenset(roles)), data_role="Data").sees_rows

    assert may("Data", "Reader")
    assert not may("Reader")
    assert not may()
