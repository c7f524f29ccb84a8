"""From a tuned model to the one in use: measured, approved, deployed, tested, in this order."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.decide import decide
from shared.core.effects import (
    AnswerExamples,
    CompareAnswers,
    DeleteDeployment,
    PlanEvaluation,
    PromoteChampion,
    PutDeployment,
    SmokeTest,
)
from shared.core.identity import deployment_digest
from shared.core.observations import (
    AwaitingApproval,
    Champion,
    Deploying,
    DeploymentView,
    Evaluating,
    EvaluationPlan,
    SmokeResult,
    Staging,
    Verifying,
)
from shared.core.people import Person, retry
from shared.core.run import Attempt, Gate, GateDecision, Status
from shared.core.spec import Approval
from tests.support.builders import BETTER, NOW, SECOND, a_policy, a_run

POLICY = a_policy()
MODEL = "gpt-4.1-2025-04-14.ft-1-summaries"
CANDIDATE = "summaries-candidate-01234567"
PRODUCTION = "summaries-01234567"


def a_deployment(name, state="Succeeded", model=MODEL, tags=None):
    return DeploymentView(
        name=name, model=model, state=state, sku="GlobalStandard", capacity=50, tags=tags or {}
    )


def marked(purpose, run="0123456789abcdef0123"):
    return {"finetune-run": run, "finetune-pipeline": "summaries", "finetune-purpose": purpose}


def test_the_candidate_is_deployed_on_the_evaluation_sku():
    decision = decide(a_run(Status.STAGING), Staging(deployment=None), NOW, POLICY)

    assert decision.effect == PutDeployment(
        name=CANDIDATE,
        model=MODEL,
        model_format="OpenAI",
        sku="DeveloperTier",
        capacity=50,
        tags=marked("candidate"),
    )
    assert decision.run.candidate == CANDIDATE


@pytest.mark.parametrize(
    ("state", "answers", "after"),
    [
        ("Accepted", False, Status.STAGING),
        ("Creating", False, Status.STAGING),
        ("Succeeded", False, Status.STAGING),
        ("Succeeded", True, Status.EVALUATING),
    ],
)
def test_evaluation_waits_until_the_candidate_really_answers(state, answers, after):
    seen = Staging(deployment=a_deployment(CANDIDATE, state), is_answering=answers)

    assert decide(a_run(Status.STAGING), seen, NOW, POLICY).run.status is after


def test_a_deployment_of_another_model_is_never_touched():
    seen = Staging(deployment=a_deployment(CANDIDATE, model="somebody-elses"))
    failed = decide(a_run(Status.STAGING), seen, NOW, POLICY).run

    assert failed.failure.code == "deployment_name_taken"


@pytest.mark.parametrize("state", ["Failed", "Canceled", "Disabled"])
def test_a_broken_deployment_is_made_anew_by_a_retry_only(state):
    seen = Staging(deployment=a_deployment(CANDIDATE, state))
    tried = a_run(Status.STAGING, attempt=Attempt(effect=f"PutDeployment:{CANDIDATE}", count=1, at=NOW))

    assert decide(tried, seen, NOW, POLICY).run.failure.code == "deployment_failed"
    wanted = (
        DeleteDeployment if state == "Failed" else PutDeployment
    )  # Azure takes no other over a failed one
    assert isinstance(decide(a_run(Status.STAGING), seen, NOW, POLICY).effect, wanted)


def test_what_was_deleted_to_be_made_anew_is_put_once_it_is_gone():
    deleted = a_run(Status.STAGING, attempt=Attempt(effect="DeleteDeployment", count=1, at=NOW))

    def after(view):
        return decide(deleted, Staging(deployment=view), NOW + SECOND, POLICY)

    assert after(a_deployment(CANDIDATE, "Failed")).effect is None  # asked for, and not to be seen yet
    assert after(a_deployment(CANDIDATE, "Deleting")).effect is None
    assert isinstance(after(None).effect, PutDeployment)


@pytest.mark.parametrize(
    ("tags", "keeper", "is_deleted"),
    [
        (marked("production"), None, True),
        (marked("production", run="another"), None, False),
        ({}, None, True),  # a release before 0.3.0 made it: its model says whose it is
        ({"team": "a"}, None, True),
        (marked("production"), "champion", False),
        (marked("production"), "previous", False),
        ({}, "champion", False),
    ],
)
@pytest.mark.parametrize("status", [Status.STAGING, Status.DEPLOYING])
def test_a_failed_deployment_is_deleted_only_if_it_is_surely_of_this_run(status, tags, keeper, is_deleted):
    """With the strategy `replace` it may bear the pipeline's name while clients are still answered."""
    if status is Status.STAGING:
        run, seen, name = a_run(status), Staging, CANDIDATE
    else:
        run, seen, name = approved(), Deploying, PRODUCTION
    decision = decide(
        run, seen(deployment=a_deployment(name, "Failed", tags=tags), keeper=keeper), NOW, POLICY
    )

    if is_deleted:
        assert decision.effect == DeleteDeployment(name=name)
    else:
        assert decision.effect is None
        assert decision.run.failure.code == "deployment_failed"
        whose = f"that of the {keeper}" if keeper else "not carry the mark of this run"
        assert whose in decision.run.failure.message


def test_a_failed_deployment_that_carries_the_mark_is_deleted_whatever_model_it_has():
    seen = a_deployment(CANDIDATE, "Failed", model="an earlier try's", tags=marked("candidate"))
    assert decide(a_run(Status.STAGING), Staging(deployment=seen), NOW, POLICY).effect == DeleteDeployment(
        name=CANDIDATE
    )
    foreign = a_deployment(CANDIDATE, "Failed", model="somebody's")
    failed = decide(a_run(Status.STAGING), Staging(deployment=foreign), NOW, POLICY).run
    assert failed.failure.code == "deployment_name_taken"


def test_a_failed_deployment_of_the_champion_is_not_put_over():
    """Azure would refuse it, and to delete it would take from clients what they may still have."""
    run = approved().evolve(production="summaries")
    shared = Champion(deployment="summaries", model="older", run_id="earlier", since=NOW)
    run = run.evolve(evaluation=msgspec.structs.replace(run.evaluation, champion="earlier"))
    policy = a_policy("deployment: {strategy: replace}\n")
    gate = run.gates["deployment"]
    gate = msgspec.structs.replace(
        gate,
        digest=deployment_digest(run, policy.spec),
        decisions=tuple(
            msgspec.structs.replace(d, digest=deployment_digest(run, policy.spec)) for d in gate.decisions
        ),
    )
    run = run.evolve(gates={"deployment": gate})

    def over(state, keeper):
        seen = Deploying(
            deployment=a_deployment("summaries", state, model="older"), champion=shared, keeper=keeper
        )
        return decide(run, seen, NOW, policy)

    assert isinstance(over("Succeeded", None).effect, PutDeployment)
    assert over("Failed", "champion").run.failure.code == "deployment_failed"


PLAN = EvaluationPlan(
    targets={"candidate": CANDIDATE, "baseline-1": "gpt-4.1"},
    labels={"candidate": "candidate", "baseline-1": "gpt-4.1"},
    prompts={},
    models={"candidate": MODEL, "baseline-1": "gpt-4.1"},
    items=10,
    chunk_size=8,
)


def test_missing_answers_are_fetched_chunk_by_chunk_and_then_compared():
    run, fetched = a_run(Status.EVALUATING), []
    assert decide(run, Evaluating(plan=None), NOW, POLICY).effect == PlanEvaluation()
    stored = frozenset()
    while isinstance(
        effect := decide(run, Evaluating(plan=PLAN, chunks=stored), NOW, POLICY).effect, AnswerExamples
    ):
        key = f"{effect.target}:{effect.chunk}"
        fetched.append(key)
        stored |= {key}

    assert fetched == ["candidate:0", "candidate:1", "baseline-1:0", "baseline-1:1"]
    assert effect == CompareAnswers()


def measured(outcome, extra=""):
    summary = msgspec.structs.replace(BETTER, outcome=outcome)
    seen = Evaluating(plan=None, summary=summary)
    return decide(a_run(Status.EVALUATING), seen, NOW, a_policy(extra)).run


@pytest.mark.parametrize(
    ("outcome", "extra", "status"),
    [
        ("better", "", Status.AWAITING_APPROVAL),
        ("unproven", "", Status.AWAITING_APPROVAL),
        ("not_better", "", Status.NOT_PROMOTED),
        ("better", "approval: {mode: automatic}\n", Status.DEPLOYING),
        ("unproven", "approval: {mode: automatic}\n", Status.AWAITING_APPROVAL),
        ("not_better", "approval: {mode: automatic}\n", Status.NOT_PROMOTED),
    ],
)
def test_only_a_proof_deploys_without_a_person(outcome, extra, status):
    assert measured(outcome, extra).status is status


@pytest.mark.parametrize(
    ("mode", "doubts", "asked"),
    [
        (
            "automatic",
            ("few groups", "new looks"),
            "better by 0.3 A person is asked because few groups; new looks.",
        ),
        ("manual", ("few groups", "new looks"), "better by 0.3"),
        ("automatic", (), None),
    ],
)
def test_where_nobody_need_be_asked_the_question_says_why_one_is(mode, doubts, asked):
    summary = msgspec.structs.replace(BETTER, doubts=doubts)
    seen = Evaluating(plan=None, summary=summary)
    run = decide(a_run(Status.EVALUATING), seen, NOW, a_policy(f"approval: {{mode: {mode}}}\n")).run

    assert run.status is (Status.AWAITING_APPROVAL if asked else Status.DEPLOYING)
    assert (run.gates["deployment"].reason if asked else None) == asked


def test_an_unproven_result_without_doubts_is_asked_about_as_it_is():
    assert measured("unproven", "approval: {mode: automatic}\n").gates["deployment"].reason == "better by 0.3"


def test_the_gate_shows_the_digest_of_what_would_be_deployed():
    run = measured("better")

    assert run.production == PRODUCTION
    assert run.gates["deployment"].digest == deployment_digest(run, POLICY.spec)
    assert run.due_at == NOW + timedelta(seconds=POLICY.gate_look_s)


def decided(run, *decisions):
    gate = msgspec.structs.replace(
        run.gates["deployment"],
        decisions=tuple(
            GateDecision(
                person=who,
                name=who,
                decision=what,
                digest=digest or run.gates["deployment"].digest,
                comment="",
                at=at,
            )
            for who, what, digest, at in decisions
        ),
    )
    return run.evolve(gates={"deployment": gate})


@pytest.mark.parametrize(
    ("approvers", "decisions", "status"),
    [
        (1, [], Status.AWAITING_APPROVAL),
        (1, [("a", "approve", None, NOW)], Status.DEPLOYING),
        (2, [("a", "approve", None, NOW)], Status.AWAITING_APPROVAL),
        (2, [("a", "approve", None, NOW), ("a", "approve", None, NOW)], Status.AWAITING_APPROVAL),
        (2, [("a", "approve", None, NOW), ("b", "approve", None, NOW)], Status.DEPLOYING),
        (1, [("a", "approve", "sha256:other", NOW)], Status.AWAITING_APPROVAL),
        (2, [("a", "approve", None, NOW), ("b", "reject", None, NOW)], Status.REJECTED),
    ],
)
def test_enough_different_persons_must_approve_this_digest(approvers, decisions, status):
    run = decided(measured("better", f"approval: {{approvers: {approvers}}}\n"), *decisions)

    assert decide(run, AwaitingApproval(), NOW + SECOND, POLICY).run.status is status


def test_an_approval_in_time_counts_even_when_it_is_read_late_and_a_late_one_does_not():
    run = measured("better")
    last = run.gates["deployment"].approve_by

    in_time = decided(run, ("a", "approve", None, last - SECOND))
    too_late = decided(run, ("a", "approve", None, last))

    assert decide(in_time, AwaitingApproval(), last + SECOND, POLICY).run.status is Status.DEPLOYING
    assert decide(too_late, AwaitingApproval(), last + SECOND, POLICY).run.status is Status.EXPIRED
    assert decide(run, AwaitingApproval(), last, POLICY).run.status is Status.EXPIRED


def approved():
    run = decided(measured("better"), ("a", "approve", None, NOW))
    return decide(run, AwaitingApproval(), NOW + SECOND, POLICY).run


def test_what_was_approved_is_deployed():
    run = approved()
    decision = decide(run, Deploying(deployment=None), NOW, POLICY)

    assert decision.effect == PutDeployment(
        name=PRODUCTION,
        model=MODEL,
        model_format="OpenAI",
        sku="GlobalStandard",
        capacity=50,
        tags=marked("production"),
    )
    assert (
        decide(run, Deploying(deployment=a_deployment(PRODUCTION)), NOW, POLICY).run.status
        is Status.VERIFYING
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "another-model"},
        {"production": "another-name"},
        {"spec_digest": "sha256:another"},
        {"evaluation": msgspec.structs.replace(BETTER, digest="sha256:another")},
        {"gates": {}},
    ],
)
def test_nothing_but_what_was_approved_is_deployed(changes):
    failed = decide(approved().evolve(**changes), Deploying(deployment=None), NOW, POLICY)

    assert (failed.effect, failed.run.failure.code) == (None, "approval_mismatch")
    assert not failed.run.failure.can_retry


def test_an_approval_that_is_taken_back_from_the_row_stops_the_deployment():
    run = approved()
    bare = run.evolve(gates={"deployment": msgspec.structs.replace(run.gates["deployment"], decisions=())})

    assert decide(bare, Deploying(deployment=None), NOW, POLICY).run.failure.code == "approval_mismatch"


@pytest.mark.parametrize("needed", [0, 1])
def test_a_row_that_asks_for_fewer_approvals_than_the_pin_deploys_nothing(needed):
    two = a_policy("approval: {approvers: 2}\n")
    run = approved()
    gate = msgspec.structs.replace(run.gates["deployment"], approvals_needed=needed)
    fewer = run.evolve(gates={"deployment": gate})

    failed = decide(fewer, Deploying(deployment=None), NOW, two).run.failure
    assert (failed.code, "Only 1 of 2" in failed.message) == ("approval_mismatch", True)
    assert decide(fewer, Deploying(deployment=None), NOW, POLICY).run.failure is None


@pytest.mark.parametrize("spelt", ["uploader-oid", "UPLOADEROID"])
def test_a_row_that_lets_the_uploader_decide_where_the_pin_does_not_deploys_nothing(spelt):
    own = decided(approved(), (spelt, "approve", None, NOW))
    let = {"deployment": msgspec.structs.replace(own.gates["deployment"], uploader_may_approve=True)}
    allowed = a_policy("approval: {uploader_may_approve: true}\n")

    failed = decide(own.evolve(gates=let), Deploying(deployment=None), NOW, POLICY).run.failure
    assert (failed.code, "Only 0 of 1" in failed.message) == ("approval_mismatch", True)
    assert decide(own.evolve(gates=let), Deploying(deployment=None), NOW, allowed).run.failure is None
    unknown = own.evolve(dataset=msgspec.structs.replace(own.dataset, uploaded_by=None))
    assert decide(unknown, Deploying(deployment=None), NOW, POLICY).run.failure is None


def test_replace_updates_the_pipelines_own_deployment():
    policy = a_policy("deployment: {strategy: replace}\n")
    run = a_run(Status.EVALUATING)
    ours = Champion(deployment="summaries", model="older-model", run_id="earlier", since=NOW)
    measured = msgspec.structs.replace(BETTER, champion="earlier")
    run = decide(run, Evaluating(plan=None, summary=measured), NOW, policy).run
    seen = AwaitingApproval(champion=ours)
    run = decide(decided(run, ("a", "approve", None, NOW)), seen, NOW + SECOND, policy).run
    old = a_deployment("summaries", model="older-model")

    assert run.production == "summaries"
    seen = Deploying(deployment=old, champion=ours)
    assert isinstance(decide(run, seen, NOW, policy).effect, PutDeployment)
    first = run.evolve(evaluation=BETTER, gates={})
    automatic = a_policy("approval: {mode: automatic}\ndeployment: {strategy: replace}\n")
    refused = decide(first, Deploying(deployment=old), NOW, automatic)
    assert refused.run.failure.code == "deployment_name_taken"  # nobody promoted it: it is somebody else's


GOOD = SmokeResult(passed=True, message="")
BAD = SmokeResult(passed=False, message="question 1: no")


def verification(champion=None, deployment=None):
    return Verifying(deployment=deployment or a_deployment(PRODUCTION), champion=champion)


def test_clients_get_the_model_only_after_it_answered():
    run = a_run(Status.VERIFYING)
    asked = run.evolve(attempt=Attempt(effect="SmokeTest", count=1, at=NOW), smoke=GOOD)
    champion = Champion(deployment=PRODUCTION, model=MODEL, run_id=run.id, since=NOW)
    other = Champion(deployment="d", model="m", run_id="other", since=NOW)

    assert decide(run, verification(), NOW, POLICY).effect == SmokeTest(deployment=PRODUCTION)
    promote = PromoteChampion(deployment=PRODUCTION, model=MODEL)
    assert decide(asked, verification(), NOW, POLICY).effect == promote
    measured = asked.evolve(evaluation=msgspec.structs.replace(BETTER, champion="other"))
    over = decide(measured, verification(other), NOW, POLICY).effect
    assert over == msgspec.structs.replace(promote, replacing="other")
    alone = a_policy("evaluation: {baselines: [{deployment: gpt-4.1}]}\n")
    assert decide(asked, verification(other), NOW, alone).effect == over
    assert decide(asked, verification(champion), NOW, POLICY).run.status is Status.DEPLOYED


def test_a_failed_smoke_test_leaves_the_champion_alone():
    asked = a_run(Status.VERIFYING, smoke=BAD)
    failed = decide(asked, verification(), NOW, POLICY).run

    assert failed.failure.code == "smoke_test_failed"
    assert "question 1: no" in failed.failure.message
    assert failed.failure.remedy.startswith("Clients have no model from this pipeline, as before. ")
    other = Champion(deployment="d", model="m", run_id="other", since=NOW)
    measured = asked.evolve(evaluation=msgspec.structs.replace(BETTER, champion="other"))
    kept = decide(measured, verification(other), NOW, POLICY).run.failure.remedy
    assert kept.startswith("The champion was not changed. ")


@pytest.mark.parametrize("smoke", [GOOD, BAD])
def test_what_an_earlier_deployment_answered_counts_for_nothing(smoke):
    run = a_run(Status.DEPLOYING, smoke=smoke)
    put = decide(
        run, Deploying(deployment=a_deployment(PRODUCTION)), NOW, a_policy("approval: {mode: automatic}\n")
    )

    assert (put.run.status, put.run.smoke) == (Status.VERIFYING, None)
    assert decide(put.run, verification(), NOW, POLICY).effect == SmokeTest(deployment=PRODUCTION)


@pytest.mark.parametrize(("found", "said"), [("other", "serves other now"), (None, "is gone now")])
def test_no_deployment_becomes_champion_that_no_longer_serves_the_model(found, said):
    asked = a_run(Status.VERIFYING, attempt=Attempt(effect="SmokeTest", count=1, at=NOW))
    there = a_deployment(PRODUCTION, model=found) if found else None
    seen = msgspec.structs.replace(verification(), deployment=there)
    failed = decide(asked, seen, NOW, POLICY).run

    assert (failed.status, failed.failure.code) == (Status.FAILED, "deployment_overtaken")
    assert said in failed.failure.message
    assert retry(failed, Person(id="ada-oid", name="Ada"), Approval(), NOW).status is Status.DEPLOYING


def test_a_gate_counts_a_person_once():
    said = GateDecision(person="a", name="A", decision="approve", digest="d", comment="", at=NOW)
    gate = Gate(
        name="deployment",
        digest="d",
        reason="",
        opened_at=NOW,
        approve_by=NOW + SECOND,
        approvals_needed=2,
        decisions=(said, said),
    )

    assert (gate.approvals, gate.is_approved) == (1, False)
