"""What an effect showed is remembered before anything follows from it; what is not remembered is asked for again."""

import pytest

from shared.core.decide import decide
from shared.core.observations import Deploying, Proof, Validating
from shared.core.people import Person, retry
from shared.core.run import Failure, Status, Wish
from shared.core.smoke import SmokeResult
from shared.core.spec import Approval
from tests.support.builders import BETTER, NOW, SUMMARY, a_policy, a_run

POLICY = a_policy()
SMOKE = SmokeResult(passed=True, message="")


@pytest.mark.parametrize(
    ("status", "proof", "changes"),
    [
        (Status.VALIDATING, Proof(summary=SUMMARY, files={"report.json": "a"}), {"summary": SUMMARY}),
        (Status.EVALUATING, Proof(evaluation=BETTER), {"evaluation": BETTER}),
        (Status.VERIFYING, Proof(smoke=SMOKE), {"smoke": SMOKE}),
        (Status.EVALUATING, Proof(warnings=("one",)), {"warnings": ("zero", "one")}),
    ],
)
def test_it_stands_in_the_row_and_nothing_else_happens(status, proof, changes):
    run = a_run(status, warnings=("zero",), evidence={"x": "y"})
    decision = decide(run, proof, NOW, POLICY)

    assert decision.effect is None
    assert decision.run == run.evolve(**changes, evidence={"x": "y"} | proof.files, due_at=NOW)


def test_what_counts_no_more_is_forgotten():
    run = a_run(Status.EVALUATING, evidence={"evaluation/answers/a": "1", "evaluation/plan.json": "2"})
    proof = Proof(files={"evaluation/plan.json": "3"}, forgets=("evaluation/answers",))

    assert decide(run, proof, NOW, POLICY).run.evidence == {"evaluation/plan.json": "3"}


def test_a_wish_to_cancel_waits_for_it():
    wish = Wish(person="ada", name="Ada", at=NOW)
    run = a_run(Status.EVALUATING, cancel=wish)

    assert decide(run, Proof(files={"a": "b"}), NOW, POLICY).run.status is Status.EVALUATING


def test_files_that_are_prepared_again_are_prepared_once():
    run = a_run(Status.VALIDATING, summary=SUMMARY, is_to_prepare=True)

    assert decide(run, Validating(summary=None), NOW, POLICY).effect
    assert not decide(run, Proof(summary=SUMMARY), NOW, POLICY).run.is_to_prepare


def test_a_verdict_that_does_not_hold_is_given_anew():
    run = a_run(Status.DEPLOYING)
    seen = Deploying(deployment=None, contradiction="Computed again, it is another.")
    again = decide(run, seen, NOW, a_policy("approval: {mode: automatic}\n")).run

    assert (again.status, again.evaluation, again.evaluation_round) == (Status.QUEUEING, None, 1)
    assert again.warnings == ("Computed again, it is another. It is measured again.",)


def test_the_row_knows_prepared_files_by_its_summary():
    run = a_run(Status.UPLOADING, evidence={"report.json": "r"})

    assert run.known_files == {
        "report.json": "r",
        "prepared/training.jsonl": "a" * 64,
        "prepared/validation.jsonl": "b" * 64,
        "prepared/evaluation.jsonl": "c" * 64,
    }


@pytest.mark.parametrize(("code", "is_to_prepare"), [("artifact_gone", True), ("file_rejected", False)])
def test_a_retry_prepares_files_again_that_were_changed(code, is_to_prepare):
    failure = Failure(step=Status.UPLOADING, code=code, message="m", remedy="r", can_retry=True)
    known = {"report.json": "1", "training/job.json": "2"}
    run = a_run(Status.FAILED, summary=SUMMARY, failure=failure, evidence=known)
    again = retry(run, Person(id="ada", name="Ada"), Approval(), NOW)

    assert (again.status, again.is_to_prepare) == (Status.VALIDATING, is_to_prepare)
    assert again.evidence == {"report.json": "1"}
