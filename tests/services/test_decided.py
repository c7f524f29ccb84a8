"""What was decided stays on the page of a run and in its file: what it was about, its digest, who said what."""

from datetime import timedelta

import msgspec
import pytest

from shared.core import holds
from shared.core.people import Person
from shared.core.run import Status
from shared.people import People
from shared.views.run_decided import decided
from tests.core.scenarios import at_deployment_gate, at_spend_gate, ruled
from tests.services.run_pages import FILE, drop, page_of
from tests.support.builders import NOW, a_policy
from tests.support.product import APPROVER, Product

SPEC = a_policy("approval: {approvers: 2}\n").spec


@pytest.fixture(scope="module")
def product():
    """A product whose run was asked about, and approved with words."""
    made = Product()
    made.world.pipeline_files.put("boxes.yaml", FILE)
    drop(made, 60)
    made.gate = made.until(Status.AWAITING_APPROVAL)
    asked = {"digest": made.gate.gate.digest, "comment": "Is it cheap?"}
    People(made.world).hold(made.gate.id, "deployment", Person(id="g", name="Grace"), **asked)
    made.world.clock.advance(1)
    made.approve(made.gate)
    made.run = made.until(Status.DEPLOYED)
    return made


@pytest.mark.parametrize("is_saved", [False, True])
def test_the_page_of_a_deployed_run_has_all_that_was_approved(product, is_saved):
    before = {fact.what: fact.said for fact in page_of(product.world, product.run.id).decided[0].facts}
    page = page_of(product.world, product.run.id, is_saved=is_saved)
    [one] = page.decided

    assert page.subject == ()
    assert before["digest"] == product.gate.gate.digest
    assert before["evaluation"] == product.gate.evaluation.digest
    assert (before["model"], before["deployment"]) == (product.run.model, product.run.production)
    assert one.outcome == "It was approved: 1 of 1 approvals."
    assert one.note == ""
    assert [(said.who, said.what, said.words) for said in one.said] == [
        ("Grace", "hold", "Is it cheap?"),
        (APPROVER.name, "approve", "seen"),
    ]


def test_an_open_gate_is_no_decision_until_it_is_decided():
    run = at_deployment_gate()
    assert decided(run, SPEC, NOW) == ()
    gate = msgspec.structs.replace(run.gate, approvals_needed=0)
    [one] = decided(run.evolve(gates={"deployment": gate}), SPEC, NOW)
    assert one.outcome == "It was approved: 0 of 0 approvals."


def test_a_rejection_and_an_expiry_say_so():
    run, digest = at_deployment_gate(), at_deployment_gate().gate.digest
    held = holds.hold(
        run, "deployment", Person(id="a", name="A"), digest=digest, comment="Why?", now=NOW, app_version="1"
    ).run
    [expired] = decided(held.move(Status.EXPIRED, NOW), SPEC, NOW)
    assert expired.outcome == "It was not decided: 0 of 2 approvals."
    assert [said.what for said in expired.said] == ["hold"]
    [rejected] = decided(ruled(run, (Person(id="b", name="Bo"), "reject", NOW)), SPEC, NOW)
    assert rejected.outcome == "Bo rejected it."


def test_of_what_was_replaced_since_the_digest_alone_is_told():
    run = at_spend_gate().move(Status.QUEUEING, NOW)
    [whole] = decided(run, SPEC, NOW)
    [other] = decided(run.evolve(spend_round=1), SPEC, NOW)

    assert [fact.what for fact in whole.facts][-1] == "estimated cost"
    assert [fact.what for fact in other.facts] == ["digest"]
    assert "was replaced since" in other.note
    assert "It counts no more" in other.outcome


def test_what_counts_no_more_says_why():
    run = at_deployment_gate()
    stale = run.evolve(stale_digests={run.gate.digest: "Run x became the champion."})
    [one] = decided(stale.move(Status.QUEUEING, NOW), SPEC, NOW)
    [unknown] = decided(stale.move(Status.QUEUEING, NOW), None, NOW)

    assert one.note == "Run x became the champion."
    assert [fact.what for fact in unknown.facts] == ["digest"]


def test_gates_come_in_the_order_in_which_they_were_opened():
    spend, run = at_spend_gate().gate, at_deployment_gate()
    opened = msgspec.structs.replace(spend, opened_at=NOW - timedelta(hours=3))
    both = run.evolve(gates=run.gates | {"spend": opened}).move(Status.DEPLOYING, NOW)

    assert [one.gate for one in decided(both, SPEC, NOW)] == ["spend", "deployment"]
