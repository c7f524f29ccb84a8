"""Only votes with a line of their own in the history count; money needs its approval to the last."""

from datetime import timedelta

import msgspec
import pytest

from shared.core import approval
from shared.core.decide import decide
from shared.core.history import Event, events_between
from shared.core.identity import spend_digest
from shared.core.observations import Submitting, Uploading
from shared.core.run import Gate, GateDecision, Status
from tests.support.builders import NOW, a_policy, a_run

DIGEST = "sha256:" + "9" * 64
DEAR = a_policy("budget: {approve_above_usd: 1}\n")


def a_vote(person="ada", name="Ada", decision="approve", digest=DIGEST):
    return GateDecision(person=person, name=name, decision=decision, digest=digest, comment="", at=NOW)


def a_gate(*votes, name="deployment", digest=DIGEST, needed=1):
    return Gate(
        name=name,
        digest=digest,
        reason="",
        opened_at=NOW,
        approve_by=NOW + timedelta(days=1),
        approvals_needed=needed,
        decisions=votes,
    )


def at_gate(*votes):
    return a_run(Status.AWAITING_APPROVAL, gates={"deployment": a_gate(*votes)})


def lines(*votes, person=None):
    """The history of votes; `person=""`: as 0.2.0 wrote it."""
    return [
        Event(
            sequence=number,
            at=NOW,
            kind="decision",
            after=vote.decision,
            detail=f"deployment: {vote.name} on {vote.digest}",
            person=vote.person if person is None else person,
        )
        for number, vote in enumerate(votes)
    ]


BACK, RENAMED = a_vote(decision="withdraw"), a_vote(name="Ada L.", decision="withdraw")
ADA, BOB, FORGED = a_vote(), a_vote("bob", "Bob"), a_vote("mallory", "Ada")


@pytest.mark.parametrize(
    ("votes", "history", "kept"),
    [
        ([ADA, BOB], lines(ADA, BOB), [ADA, BOB]),
        ([ADA, BOB], lines(ADA), [ADA]),
        ([ADA], [], []),
        ([ADA, FORGED], lines(ADA), [ADA]),
        ([FORGED], lines(ADA), []),
        ([ADA, BOB], lines(ADA, BOB, person=""), [ADA, BOB]),
        ([ADA, FORGED], lines(ADA, person=""), [ADA]),
        ([ADA], lines(a_vote(decision="reject")), []),
        ([ADA], lines(a_vote(digest="sha256:" + "8" * 64)), []),
        ([ADA], [msgspec.structs.replace(lines(ADA)[0], kind="note")], []),
        ([ADA], lines(ADA, a_vote(decision="withdraw")), []),
        ([ADA], lines(ADA, a_vote(decision="withdraw"), ADA), [ADA]),
        ([ADA, BACK], lines(ADA, BACK), [ADA, BACK]),
        ([ADA, BACK, ADA], lines(ADA, BACK, ADA), [ADA, BACK, ADA]),
        ([ADA, BACK], lines(ADA), [ADA]),
        ([ADA, BOB], lines(ADA, BOB, BACK), [BOB]),
        ([ADA], lines(ADA, person="") + lines(BACK), []),
        ([ADA], lines(ADA, RENAMED), []),
        ([ADA, a_vote("ADA")], lines(ADA), [ADA]),
    ],
)
def test_votes_count_by_their_lines(votes, history, kept):
    run = at_gate(*votes)
    counted = approval.counted(run, history)

    assert list(counted.gates["deployment"].decisions) == kept
    assert len(counted.warnings) == len(votes) - len(kept)
    assert all("is not in the history; it does not count" in warning for warning in counted.warnings)
    assert counted == run or kept != votes


def test_it_is_said_once():
    once = approval.counted(at_gate(ADA), [])
    twice = approval.counted(once.evolve(gates=at_gate(ADA).gates), [])

    assert twice.warnings == once.warnings


def test_a_vote_has_its_line_also_where_a_forged_one_is_dropped_at_the_same_time():
    before, after = at_gate(FORGED), at_gate(BOB)
    _, events = events_between(before, after)

    assert [(event.kind, event.after, event.person) for event in events] == [("decision", "approve", "bob")]


def test_each_second_thought_has_its_line_even_at_the_same_moment():
    _, events = events_between(at_gate(ADA, BACK), at_gate(ADA, BACK, ADA))

    assert [(event.kind, event.after, event.person) for event in events] == [("decision", "approve", "ada")]


# -- money ------------------------------------------------------------------------------------------------------------


def spending(status, *votes, digest=None, needed=1):
    run = a_run(status)
    digest = digest or spend_digest(run)
    votes = [a_vote(vote.person, vote.name, vote.decision, digest) for vote in votes]
    return run.evolve(gates={"spend": a_gate(*votes, name="spend", digest=digest, needed=needed)})


UNAPPROVED = {
    "no gate": a_run(Status.UPLOADING),
    "no vote": spending(Status.UPLOADING),
    "too few": spending(Status.UPLOADING, ADA, needed=2),
    "no vote, and the row asks for none": spending(Status.UPLOADING, needed=0),
    "another price": spending(Status.UPLOADING, ADA, digest=DIGEST),
}


@pytest.mark.parametrize("run", UNAPPROVED.values(), ids=UNAPPROVED)
def test_nothing_is_sent_or_paid_that_is_not_approved(run):
    sent = decide(run, Uploading(files={}), NOW, DEAR)
    at_the_job = a_run(Status.SUBMITTING).evolve(gates=run.gates)
    paid = decide(at_the_job, Submitting(jobs=(), claim_holder=run.id), NOW, DEAR)

    for decision in (sent, paid):
        assert decision.effect is None
        assert decision.run.failure.code == "spend_not_approved"


@pytest.mark.parametrize("policy", [DEAR, a_policy(), a_policy("budget: {approve_above_usd: 1.5}\n")])
def test_what_is_approved_or_needs_nobody_is_paid(policy):
    run = spending(Status.UPLOADING, ADA) if policy is DEAR else a_run(Status.UPLOADING)
    at_the_job = a_run(Status.SUBMITTING).evolve(gates=run.gates)

    assert decide(run, Uploading(files={}), NOW, policy).effect
    assert decide(at_the_job, Submitting(jobs=(), claim_holder=run.id), NOW, policy).effect
