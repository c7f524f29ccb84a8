"""A hold asks something: it is kept, shown and answered, and nothing else follows from it."""

from datetime import timedelta

import msgspec
import pytest

from shared.core import approval, people
from shared.core.decide import decide
from shared.core.errors import Expired, GateClosed, Malformed, StaleDigest
from shared.core.history import events_between
from shared.core.holds import hold, needs_answer
from shared.core.observations import AwaitingApproval
from shared.core.people import Person
from shared.core.run import Status
from tests.core.scenarios import at_deployment_gate, at_spend_gate
from tests.support.builders import BETTER, NOW, SECOND, a_policy, a_run

ADA = Person(id="ada", name="Ada", role="FineTune.Approver")
BOB = Person(id="bob", name="Bob", role="FineTune.Approver")
UMA = Person(id="UPLOADER-oid", name="Uma", role="FineTune.Approver")
RUN = at_deployment_gate()
GATE = RUN.gates["deployment"]
POLICY = a_policy("approval: {approvers: 2}\n")
UNPROVEN = msgspec.structs.replace(BETTER, outcome="unproven")


def held(run, person=ADA, comment="Why is slice B worse?", now=NOW, gate="deployment", digest=None):
    digest = digest or run.gates[gate].digest if gate in run.gates else digest or "sha256:x"
    return hold(run, gate, person, digest=digest, comment=comment, now=now, app_version="0.3.0")


def voted(run, person, decision="approve", now=NOW + SECOND, comment=""):
    digest = run.gates["deployment"].digest
    given = {"decision": decision, "digest": digest, "comment": comment, "now": now, "app_version": "0.3.0"}
    return people.vote(run, "deployment", person, **given).run


CID = Person(id="cid", name="Cid", role="FineTune.Approver")
DECIDED = voted(voted(RUN, BOB), CID)
REJECTED = voted(RUN, BOB, "reject")


def test_a_hold_is_kept_with_who_said_it_and_nothing_else_changes():
    ruling = held(RUN)
    (entry,) = ruling.run.gates["deployment"].holds

    assert (entry.decision, entry.person, entry.name) == ("hold", "ada", "Ada")
    assert (entry.role, entry.comment) == ("FineTune.Approver", "Why is slice B worse?")
    assert (ruling.is_new, ruling.approvals_missing) == (True, 2)
    gate = msgspec.structs.replace(ruling.run.gates["deployment"], holds=())
    assert ruling.run.evolve(gates={"deployment": gate}) == RUN


@pytest.mark.parametrize("make", [at_deployment_gate, at_spend_gate])
def test_both_gates_take_holds_also_of_the_uploader(make):
    run = make()
    name = run.gate.name
    assert held(run, UMA, gate=name).run.gates[name].holds


def test_it_stops_no_clock():
    run = held(RUN, now=GATE.approve_by - SECOND).run
    moved = decide(run, AwaitingApproval(), GATE.approve_by, POLICY).run

    assert moved.status is Status.EXPIRED
    assert decide(run, AwaitingApproval(), NOW, POLICY).run == decide(
        RUN, AwaitingApproval(), NOW, POLICY
    ).run.evolve(gates=run.gates)


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_whoever_holds_may_vote_later_and_others_too(decision):
    run = voted(voted(held(RUN).run, ADA, decision), BOB)

    assert [vote.decision for vote in run.gates["deployment"].decisions] == [decision, "approve"]
    assert run.gates["deployment"].approvals == (2 if decision == "approve" else 1)


def test_whoever_approved_may_hold_and_the_approval_stays():
    run = held(voted(RUN, ADA), now=NOW + 2 * SECOND)

    assert run.run.gates["deployment"].approvals == 1
    assert run.approvals_missing == 1


def test_the_same_words_again_change_nothing_until_somebody_else_speaks():
    once = held(RUN).run
    again = held(once, Person(id="ADA", name="Ada L."), now=NOW + SECOND)
    assert (again.run, again.is_new) == (once, False)
    other = held(once, comment="And slice C?").run
    answered = held(once, BOB, now=NOW + SECOND).run

    assert len(other.gates["deployment"].holds) == 2
    assert len(held(answered).run.gates["deployment"].holds) == 3


@pytest.mark.parametrize("comment", ["", " \n", "\x00\u200b\u2060"])
def test_a_hold_needs_words(comment):
    with pytest.raises(Malformed, match="words"):
        held(RUN, comment=comment)


@pytest.mark.parametrize(
    ("run", "given", "error"),
    [
        (a_run(Status.TRAINING), {}, GateClosed),
        (RUN, {"digest": "sha256:other"}, StaleDigest),
        (RUN, {"now": GATE.approve_by}, Expired),
        (RUN.move(Status.EXPIRED, NOW), {}, Expired),
        (RUN.move(Status.DEPLOYING, NOW), {}, GateClosed),
        (DECIDED, {}, GateClosed),
        (REJECTED, {}, GateClosed),
        (RUN.move(Status.REJECTED, NOW), {"now": NOW + timedelta(days=99)}, GateClosed),
    ],
)
def test_only_at_an_open_gate_about_what_it_shows(run, given, error):
    with pytest.raises(error):
        held(run, **given)


def test_there_is_room_for_twenty():
    run = RUN
    for number in range(20):
        run = held(run, comment=f"{number}").run
    with pytest.raises(GateClosed, match="20 holds"):
        held(run, comment="one more")
    assert held(run, comment="19").is_new is False


def test_what_was_asked_last_needs_an_answer_until_its_author_votes_or_the_uploader_answers():
    asked = held(RUN).run

    def is_open(run):
        return needs_answer(run, run.gates["deployment"])

    assert not is_open(RUN)
    assert not is_open(voted(voted(asked, BOB), CID))
    assert not is_open(voted(asked, BOB, decision="reject"))
    assert is_open(asked)
    assert is_open(voted(asked, BOB))
    assert not is_open(voted(asked, ADA))
    assert not is_open(voted(asked, ADA, now=NOW))
    assert not is_open(held(asked, UMA, "The labels were wrong.", NOW + SECOND).run)
    assert is_open(held(voted(asked, ADA), now=NOW + 2 * SECOND, comment="Again?").run)


def test_it_is_a_line_of_history_with_its_words_and_only_with_that_it_is_shown():
    before, first = events_between(None, RUN)
    after, lines = events_between(before, held(before).run)
    ((kind, said, role, words),) = [(e.kind, e.after, e.role, e.comment) for e in lines]
    approved, more = events_between(after, voted(after, ADA))

    assert (kind, said, role, words) == ("hold", "hold", "FineTune.Approver", "Why is slice B worse?")
    assert approval.counted(approved, (*first, *lines, *more)) == approved
    forged = approval.counted(approved, (*first, *more))
    assert forged.gates["deployment"].holds == ()
    assert forged.gates["deployment"].approvals == 1
    other_words = [msgspec.structs.replace(line, comment="Fine.") for line in lines]
    assert approval.counted(approved, (*first, *other_words, *more)).gates["deployment"].holds == ()


def test_an_unproven_verdict_is_approved_with_words_only():
    run = at_deployment_gate(summary=UNPROVEN)
    for words in ("", "  ", "\u200b"):
        with pytest.raises(Malformed, match="unproven"):
            voted(run, ADA, comment=words)
    approved = voted(run, ADA, comment="checked 40 answers by hand")

    assert approved.gates["deployment"].approvals == 1
    assert voted(approved, ADA, "withdraw", NOW + 2 * SECOND).gates["deployment"].approvals == 0
    assert voted(run, ADA, "reject").gates["deployment"].decisions
    assert voted(RUN, ADA).gates["deployment"].approvals == 1
    assert people.needs_words(run, "deployment")
    assert not people.needs_words(run, "spend")
    assert not people.needs_words(at_spend_gate(), "deployment")


def test_votes_and_holds_are_what_the_history_is_asked_about():
    assert not approval.has_said(RUN)
    assert approval.has_said(held(RUN).run)
    assert approval.has_said(voted(RUN, ADA))
