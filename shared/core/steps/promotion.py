"""From a tuned model to the one in use: `staging`, `evaluating`, `awaiting_approval`, `deploying`, `verifying`."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared.core import approval, champion, endings, identity, naming
from shared.core.decision import Decision, poll
from shared.core.effects import (
    AnswerExamples,
    CompareAnswers,
    PlanEvaluation,
    PromoteChampion,
    PutDeployment,
    SmokeTest,
)
from shared.core.endings import OTHER_TEST, OTHER_TEST_IN_PLACE
from shared.core.errors import NotReady
from shared.core.observations import (
    AwaitingApproval,
    Champion,
    Deploying,
    DeploymentView,
    Evaluating,
    Staging,
    Verifying,
)
from shared.core.policy import Policy
from shared.core.run import EvaluationSummary, Gate, Run, Status
from shared.core.steps.attempts import begin
from shared.core.steps.deployments import deploy
from shared.core.steps.measuring_again import measure_again, take_back


def staging(run: Run, seen: Staging, now: datetime, policy: Policy) -> Decision:
    """Is the candidate deployed, and does it answer?  ARM's `Succeeded` alone does not say so."""
    spec = policy.spec
    assert run.model
    name = naming.candidate_deployment(run.pipeline, run.id)
    marks = naming.marks(run.id, run.pipeline, "candidate")
    put = PutDeployment.of(name, run.model, spec.model, spec.evaluation.candidate, marks)
    run = run.evolve(candidate=put.name, candidate_removed=False)
    if decision := deploy(run, seen.deployment, put, now, policy, keeper=seen.keeper):
        return decision
    if seen.is_answering:
        return Decision(run=run.move(Status.EVALUATING, now))
    trouble = f"{NotReady.code}: {seen.unanswered}" if seen.unanswered else run.trouble
    return poll(run.evolve(trouble=trouble), now)


def evaluating(run: Run, seen: Evaluating, now: datetime, policy: Policy) -> Decision:
    """Let every target answer every held-out example, chunk by chunk, then compare."""
    if seen.summary is not None:
        return _verdict(run, seen.summary, now, policy)
    if seen.plan is None:
        return begin(run, PlanEvaluation(), now, policy)
    for target in seen.plan.targets:
        for chunk in range(seen.plan.chunks):
            if f"{target}:{chunk}" not in seen.chunks:
                return begin(run, AnswerExamples(target=target, chunk=chunk), now, policy)
    return begin(run, CompareAnswers(), now, policy)


def _verdict(run: Run, summary: EvaluationSummary, now: datetime, policy: Policy) -> Decision:
    run = run.evolve(evaluation=summary)
    if summary.outcome == "not_better":
        return Decision(run=run.end(endings.NOT_BETTER, now, summary.reason))
    spec = policy.spec.approval
    run = run.evolve(
        production=naming.production_deployment(run.pipeline, run.id, policy.spec.deployment.strategy)
    )
    if approval.needs_nobody(run, policy.spec):
        # What an earlier verdict asked is over.
        others = {name: gate for name, gate in run.gates.items() if name != "deployment"}
        return Decision(run=run.move(Status.DEPLOYING, now, gates=others))
    gate = Gate(
        name="deployment",
        digest=identity.deployment_digest(run, policy.spec),
        reason=_question(run, summary, spec.mode),
        opened_at=now,
        approve_by=now + timedelta(seconds=spec.expires_after_s),
        approvals_needed=spec.approvers,
        uploader_may_approve=spec.uploader_may_approve,
    )
    opened = run.move(
        Status.AWAITING_APPROVAL,
        now,
        gates=run.gates | {gate.name: gate},
        due_at=approval.next_look(gate, now, policy),
    )
    return Decision(run=opened)


def _question(run: Run, summary: EvaluationSummary, mode: str) -> str:
    """What a person reads before all else; under `automatic`, also why one is asked."""
    said = [summary.reason]
    again = ("it was judged again",) if run.judging else ()
    if mode == "automatic" and (doubts := (*again, *summary.doubts)):
        said.append(f"A person is asked because {'; '.join(doubts)}.")
    if run.judging:
        said.append(run.judging.sentence)
    return " ".join(said)


def awaiting_approval(run: Run, seen: AwaitingApproval, now: datetime, policy: Policy) -> Decision:
    """Have enough persons decided, and is the champion still the one that was measured against?"""
    concluded = approval.conclude(run, now, policy)
    if concluded and concluded.run.is_finished:
        return concluded
    if why := champion.replacement(run, seen.champion, seen.plan, policy.pipeline):
        return measure_again(run, why, now)
    return concluded or Decision(run=run.move(Status.DEPLOYING, now))


def deploying(run: Run, seen: Deploying, now: datetime, policy: Policy) -> Decision:
    """Deploy what was approved, and nothing else: the approval is checked again here."""
    spec = policy.spec
    if problem := approval.objection(run, spec):
        return Decision(run=run.end(endings.APPROVAL_MISMATCH, now, problem))
    if why := champion.replacement(run, seen.champion, seen.plan, spec) or seen.contradiction:
        return take_back(run, why, seen, now, policy)
    assert run.model
    assert run.production
    marks = naming.marks(run.id, run.pipeline, "production")
    put = PutDeployment.of(run.production, run.model, spec.model, spec.deployment, marks)
    # With the strategy `replace` all runs of the pipeline share the name.
    is_shared = seen.champion is not None and seen.champion.deployment == run.production
    return deploy(
        run, seen.deployment, put, now, policy, keeper=seen.keeper, may_replace=is_shared
    ) or Decision(run=run.move(Status.VERIFYING, now, smoke=None))


def verifying(run: Run, seen: Verifying, now: datetime, policy: Policy) -> Decision:
    """Does it answer?  Only then do clients get it."""
    assert run.production
    assert run.model
    if seen.champion and seen.champion.run_id == run.id:
        return Decision(run=run.move(Status.DEPLOYED, now))
    if why := champion.replacement(run, seen.champion, seen.plan, policy.spec):
        return take_back(run, why, seen, now, policy)
    if seen.deployment is None or seen.deployment.model != run.model:
        return Decision(run=_overtaken(run, seen.deployment, now))
    smoke = run.smoke  # of this try: it is forgotten when the run begins to verify
    if smoke is None:
        return begin(run, SmokeTest(deployment=run.production), now, policy)
    if not smoke.passed:
        message = f"{run.production} was deployed but failed its smoke test: {smoke.message}"
        clients = _effect_on_clients(policy, seen.champion)
        is_in_place = policy.spec.deployment.strategy == "replace"
        test = OTHER_TEST_IN_PLACE if is_in_place else OTHER_TEST
        ended = run.end(endings.SMOKE_TEST_FAILED, now, message, effect_on_clients=clients, other_test=test)
        return Decision(run=ended)
    replacing = seen.champion.run_id if seen.champion else None
    if run.evaluation and run.evaluation.champion is not msgspec.UNSET:
        replacing = run.evaluation.champion
    promote = PromoteChampion(
        deployment=run.production, model=run.model, route=smoke.route, replacing=replacing
    )
    return begin(run, promote, now, policy)


def _overtaken(run: Run, seen: DeploymentView | None, now: datetime) -> Run:
    """Somebody changed the deployment between its approval and its promotion: it does not become the champion."""
    present = f"serves {seen.model} now" if seen else "is gone now"
    message = f"{run.production} was deployed for this run, and {present}."
    return run.end(endings.DEPLOYMENT_OVERTAKEN, now, message, model=str(run.model))


def _effect_on_clients(policy: Policy, present: Champion | None) -> str:
    if policy.spec.deployment.strategy == "replace":
        return "Its strategy is `replace`: clients get the new model already."
    return (
        "The champion was not changed." if present else "Clients have no model from this pipeline, as before."
    )
