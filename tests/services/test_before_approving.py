"""What an approver reads before they decide: on the first card of a run, and beside the form that approves it."""

import msgspec
import pytest

from shared.core.evaluation.outlook import Outlook
from shared.core.people import Person
from shared.core.run import Judging, Status
from shared.views.acts import ActViews
from shared.views.before import before_approving
from tests.core.scenarios import at_deployment_gate, at_spend_gate
from tests.services.run_pages import FILE, ROLES, drop, page_of
from tests.support.builders import BETTER, NOW
from tests.support.product import Product

ADA = Person(id="oid", name="Ada", roles=frozenset({ROLES.approver}))
DOUBTS = (
    "similarity has not passed its self-test: wrong answers score high",
    "the candidate's answers score about as much when they are handed out at random (p 0.4)",
    "against base, a gain of -0.087 is all that is safe to say",
)
OUTLOOK = Outlook(
    examples=10,
    groups=10,
    compared_groups=10,
    can_be_better=True,
    smallest_gain=0.2,
    confidence=0.95,
    look=None,
    spread=0.5,
    is_spread_assumed=True,
    grader="similarity",
    has_passed=True,
    chance=0.1,
    missing=(),
    not_known=(),
    obstacles=(),
    sentences=("10 held-out examples.", "similarity decides; it passed its self-test. Guessing scores 0.10."),
)
JUDGING = Judging(
    pin="sha256:" + "1" * 64,
    changed=("evaluation.promote.confidence",),
    person="x",
    name="Grace",
    at=NOW,
    before=("unproven: too few.",),
    comment="the rule was too strict",
)


def told(outlook=OUTLOOK, judging=None, **changes):
    run = at_deployment_gate(summary=msgspec.structs.replace(BETTER, **changes)).evolve(judging=judging)
    return " ".join(before_approving(run, outlook))


def test_every_doubt_is_a_sentence():
    said = told(doubts=DOUBTS)

    assert all(f"{doubt[0].upper()}{doubt[1:]}." in said for doubt in DOUBTS)
    assert "similarity decides" not in said  # its self-test is told of once


def test_what_automatic_needs_is_told_as_what_it_takes_without_a_person():
    few = "there are 6 groups of held-out examples, and it takes 50"
    severe = "up to 39.3% may; at most 2% is asked for, which takes 149 groups without any"
    said = told(doubts=(few, severe))

    assert "There are 6 groups of held-out examples; to go without a person it takes 50." in said
    assert "at most 2% is asked for to go without a person, which takes 149 groups" in said


def test_without_a_doubt_the_self_test_is_told_of_all_the_same():
    assert told() == OUTLOOK.sentences[1]
    assert (
        told(outlook=None)
        == "Whether similarity passed its self-test before anything was trained is not known."
    )
    assert "not known" in told(metric="another")
    assert "it passed its self-test" in told(msgspec.structs.replace(OUTLOOK, sentences=()))


def test_what_scores_as_guessing_does_is_told_of_where_no_doubt_says_it():
    said = told(outcome="unproven", candidate_score=0.12)

    assert "answers handed out at random 0.100" in said
    assert "Nothing is proven" in said
    assert said.count("at random") == 1
    assert "Nothing is proven" not in told()


def test_who_had_it_judged_again_and_why():
    said = told(judging=JUDGING)

    assert "Grace had that done on 2026-11-23 10:00 UTC (“the rule was too strict”)" in said
    assert "evaluation.promote.confidence" in said
    assert "Judgement 1 was unproven: too few." in said
    assert "no reason was given" in told(judging=msgspec.structs.replace(JUDGING, comment=""))


def test_at_the_spend_gate_and_without_one_nothing_is_told():
    assert before_approving(at_spend_gate(), OUTLOOK) == ()
    assert before_approving(at_deployment_gate().evolve(evaluation=None), OUTLOOK) == ()


@pytest.fixture(scope="module")
def product():
    made = Product()
    made.world.pipeline_files.put("boxes.yaml", FILE + "deployment: {keep_previous: P1D}\n")
    drop(made, 60)
    made.run = made.until(Status.AWAITING_APPROVAL)
    return made


def test_card_and_form_tell_the_same_and_the_gain_that_the_rule_asks_for(product):
    page = page_of(product.world, product.run.id)
    form = ActViews(product.world, ROLES).page(product.run.id, "approve", ADA).gate
    gain = "; the rule asks for more than 0 (superior_by)."

    assert page.ask.before
    assert "self-test" in " ".join(page.ask.before)
    assert page.offers.gate.before == page.ask.before
    assert form.before[1:] == page.ask.before
    assert form.before[0].endswith(gain)
    assert gain in " ".join(page.ask.sure)


def test_how_it_is_undone_is_that_of_this_run(product):
    will = " ".join(ActViews(product.world, ROLES).page(product.run.id, "approve", ADA).will)

    assert "To undo it: there was no model before" in will
    assert "replace" not in will
