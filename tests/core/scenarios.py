"""Situations in which something is decided, one for each way that a decision can go; what comes out lies in `golden/`.

The other tests of the core say why each rule is as it is; these hold every field and every word of the result, because people
act on the words and the next step on the fields.
"""

from datetime import timedelta

import msgspec

from shared.core import identity, models, naming, people
from shared.core.decide import after_error, decide
from shared.core.endings import Ending
from shared.core.errors import (
    Conflict,
    DatasetChanged,
    FinetuneError,
    OutcomeUnknown,
    QuotaExhausted,
    Refused,
    Throttled,
    Unavailable,
)
from shared.core.history import events_between
from shared.core.observations import (
    AwaitingApproval,
    Champion,
    Claim,
    Deploying,
    DeploymentView,
    Ended,
    Evaluating,
    EvaluationPlan,
    FoundryFile,
    Job,
    Nothing,
    Place,
    Proof,
    Queueing,
    Received,
    SmokeResult,
    Staging,
    Submitting,
    Training,
    Unobserved,
    Uploading,
    Validating,
    Verifying,
)
from shared.core.offered import Foreseen
from shared.core.people import Person, cancel, insist_on_judge, rejudge, retry
from shared.core.pipeline.file import parse_pipeline
from shared.core.pipeline.remarks import Remark
from shared.core.policy import Policy
from shared.core.run import Attempt, Companion, Failure, GateDecision, Judging, Status, Wish
from shared.core.spec import Approval
from shared.core.steps import closing
from tests.support.builders import BETTER, DATASET, NOW, SECOND, SUMMARY, a_policy, a_run

POLICY = a_policy()
S = Status
DAY = timedelta(days=1)
SOON = NOW + timedelta(minutes=20)
ADA, BOB = Person(id="ada", name="Ada"), Person(id="bob", name="Bob")
UMA = Person(id="uploader-oid", name="Uma")
MINE = Claim(holder="0123456789abcdef0123")
NAMES = {
    "training": "0123456789abcdef0123-training-aaaaaaaa.jsonl",
    "validation": "0123456789abcdef0123-validation-bbbbbbbb.jsonl",
}
MODEL = "gpt-4.1-2025-04-14.ft-1-summaries"
TYPO = Remark(line=3, column=5, path="modle", message="unknown key", remedy="Use model.")
COMPANION = Companion(role="validation", name="summaries/a/validation.jsonl", etag="0x2", size_bytes=9)
MANY = tuple(f"p{number:02d}" for number in range(23))
REINFORCED = """\
model: o4-mini-2025-04-16
suffix: r
seed: 7
metadata: {team: a}
integrations: [{type: wandb, wandb: {project: p}}]
method:
  type: reinforcement
  reinforcement:
    grader: {type: string_check, name: g, input: "{{sample.output_text}}", reference: "{{item.answer}}", operation: eq}
    response_format: {type: json_schema, json_schema: {name: s, schema: {type: object}}}
"""


def a_file(role, status="processed", identity=None, **changes):
    values = {"id": identity or f"file-{role[0]}", "filename": NAMES[role], "size_bytes": 1, "status": status}
    return FoundryFile(**(values | changes))


def files(*found):
    return Uploading(files={file.filename: file for file in found})


def a_job(identity="ftjob-1", status="running", **changes):
    values = {"created_at": 100, "training_file": "file-t", "base_model": "gpt-4.1-2025-04-14"}
    return Job(id=identity, status=status, **(values | changes))


def a_view(state="Succeeded", model=MODEL, name="summaries-candidate-01234567"):
    return DeploymentView(name=name, model=model, state=state, sku="DeveloperTier", capacity=50)


SERVING = a_view(name="summaries-0123456789ab")


def an_attempt(effect, at=NOW - SECOND, count=1, **changes):
    return Attempt(effect=effect, count=count, at=at, **changes)


OTHER = Champion(deployment="d", model="m", run_id="other", since=NOW)
NEWER = Champion(deployment="e", model="n", run_id="newer", since=NOW)
SHARED = Champion(deployment="summaries", model="m", run_id="other", since=NOW)
AFTER_OTHER = msgspec.structs.replace(BETTER, champion="other")
AUTOMATIC = a_policy("approval: {mode: automatic}\n")
PUT = an_attempt("PutDeployment:summaries-01234567")
BACK = an_attempt("PutBackChampion:summaries")


def asked_anew(**said):
    return Submitting(jobs=(), claim_holder=MINE.holder, foreseen=Foreseen(**said))


def at_deployment_gate(extra="approval: {approvers: 2}\n", summary=BETTER):
    policy = a_policy(extra)
    return decide(a_run(S.EVALUATING), Evaluating(plan=None, summary=summary), NOW, policy).run


def at_spend_gate(extra="budget: {approve_above_usd: 1}\n"):
    run = a_run(S.VALIDATING, summary=SUMMARY, committed_at=NOW)
    return decide(run, Validating(summary=SUMMARY, claim=MINE), NOW, a_policy(extra)).run


def ruled(run, *decisions, gate="deployment"):
    for person, decision, at in decisions:
        digest = run.gates[gate].digest
        run = people.vote(
            run, gate, person, decision=decision, digest=digest, comment="", now=at, app_version="1.2.3"
        ).run
    return run


def validating(**changes):
    return a_run(S.VALIDATING, **({"summary": SUMMARY} | changes))


def paid(**changes):
    return validating(committed_at=NOW - SECOND, **changes)


def ended(status=S.DEPLOYED, **changes):
    values = {
        "training_file_id": "file-t",
        "job_id": "ftjob-1",
        "model": "m",
        "candidate": "summaries-candidate-01234567",
        "job_attempted_at": NOW - timedelta(hours=2),
    }
    return a_run(status, **(values | changes))


def stopped(status, **changes):
    return a_run(status, cancel=Wish(person="bob", name="Bob", at=NOW - SECOND), **changes)


def failed_at(step, **changes):
    failure = Failure(step=step, code="x", message="m", remedy="r", can_retry=True)
    values = {
        "status_since": NOW - SECOND,
        "failure": failure,
        "candidate_removed": True,
        "files_removed": True,
    }
    return msgspec.structs.replace(a_run(step), status=S.FAILED, **(values | changes))


JUDGING = Judging(
    pin="sha256:" + "a" * 64, changed=("evaluation.graders",), person="ada", name="Ada", at=NOW - SECOND
)


#: name -> run, what is seen, and where it differs the policy and the time
DECISIONS = {
    # received
    "received: gone": (a_run(S.RECEIVED), Received(dataset=None)),
    "received: overwritten": (
        a_run(S.RECEIVED),
        Received(dataset=msgspec.structs.replace(DATASET, etag="x")),
    ),
    "received: suffix": (
        a_run(S.RECEIVED, dataset=msgspec.structs.replace(DATASET, name="summaries/a.csv")),
        Received(dataset=DATASET),
    ),
    "received: a name that leads elsewhere": (
        a_run(S.RECEIVED, dataset=msgspec.structs.replace(DATASET, name="p/../../pipelines/x.jsonl")),
        Received(dataset=msgspec.structs.replace(DATASET, name="p/../../pipelines/x.jsonl")),
    ),
    "received: folder": (a_run(S.RECEIVED, pipeline="No Name"), Received(dataset=DATASET)),
    "received: folder, others": (
        a_run(S.RECEIVED, pipeline="No Name"),
        Received(dataset=DATASET, known_pipelines=MANY),
    ),
    "received: unknown pipeline": (
        a_run(S.RECEIVED, pipeline="sumaries"),
        Received(dataset=DATASET, has_pipeline=False, known_pipelines=("tools", "summaries")),
    ),
    "received: unlike any pipeline": (
        a_run(S.RECEIVED, pipeline="zzz"),
        Received(dataset=DATASET, has_pipeline=False, known_pipelines=("tools",)),
    ),
    "received: one problem": (a_run(S.RECEIVED), Received(dataset=DATASET, problems=(TYPO,))),
    "received: two problems": (a_run(S.RECEIVED), Received(dataset=DATASET, problems=(TYPO,) * 2)),
    "received: pinned with companions": (
        a_run(S.RECEIVED),
        Received(dataset=DATASET, is_pinned=True, spec_digest="sha256:x", companions=(COMPANION,)),
    ),
    "received: three problems": (a_run(S.RECEIVED), Received(dataset=DATASET, problems=(TYPO,) * 3)),
    "received: companions may come": (
        a_run(S.RECEIVED, dataset=msgspec.structs.replace(DATASET, modified_at=NOW - SECOND)),
        Received(dataset=DATASET),
    ),
    "received: pin": (a_run(S.RECEIVED), Received(dataset=DATASET)),
    "received: pinned": (
        a_run(S.RECEIVED, attempt=an_attempt("PinPipeline"), failures=2, trouble="t"),
        Received(dataset=DATASET, is_pinned=True, spec_digest="sha256:x", spec=POLICY.spec),
    ),
    "received: pinned though a problem came later": (
        a_run(S.RECEIVED),
        Received(
            dataset=DATASET, is_pinned=True, spec_digest="sha256:x", problems=(TYPO,), has_pipeline=False
        ),
    ),
    "received: too long": (
        a_run(S.RECEIVED, attempt=an_attempt("PinPipeline", NOW + timedelta(hours=6)), status_since=NOW),
        Received(dataset=DATASET),
        POLICY,
        NOW + timedelta(hours=6),
    ),
    # validating
    "validating: begin": (a_run(S.VALIDATING), Validating(summary=None)),
    "validating: being done": (
        a_run(S.VALIDATING, attempt=an_attempt("ValidateDataset")),
        Validating(summary=None),
    ),
    "validating: lost": (
        a_run(S.VALIDATING, attempt=an_attempt("ValidateDataset", count=3), status_since=NOW - SECOND),
        Validating(summary=None),
        POLICY,
        SOON,
    ),
    "validating: known not done": (
        a_run(
            S.VALIDATING,
            attempt=an_attempt("ValidateDataset", count=8, is_settled=True),
            failures=4,
            trouble="t",
        ),
        Validating(summary=None),
    ),
    "validating: lost too often": (
        a_run(S.VALIDATING, attempt=an_attempt("ValidateDataset", count=8), status_since=NOW - SECOND),
        Validating(summary=None),
        POLICY,
        SOON,
    ),
    "validating: Azure has retired the model": (
        validating(),
        Validating(
            summary=SUMMARY, claim=MINE, foreseen=Foreseen(retired="Azure has not tuned m since then.")
        ),
    ),
    "validating: Azure warns, and knows no room": (
        validating(),
        Validating(
            summary=SUMMARY,
            foreseen=Foreseen(full=("100 jobs.",), warnings=("It ends soon.",), not_known=("the quota",)),
        ),
    ),
    "validating: one error": (
        a_run(S.VALIDATING),
        Validating(summary=msgspec.structs.replace(SUMMARY, errors=1), first_error="a:1: no"),
    ),
    "validating: two errors": (
        a_run(S.VALIDATING),
        Validating(summary=msgspec.structs.replace(SUMMARY, errors=2), first_error="a:1: no"),
    ),
    "validating: report": (a_run(S.VALIDATING, due_at=NOW - DAY), Validating(summary=SUMMARY)),
    "validating: claim": (validating(), Validating(summary=SUMMARY)),
    "validating: duplicate": (validating(), Validating(summary=SUMMARY, claim=Claim(holder="other"))),
    "validating: claim taken over": (
        validating(attempt=an_attempt("TakeClaim:")),
        Validating(summary=SUMMARY, claim=Claim(holder="other", has_ended_without_model=True)),
    ),
    "validating: too dear": (
        validating(),
        Validating(summary=SUMMARY, claim=MINE),
        a_policy("budget: {per_run_usd: 1.25}\n"),
    ),
    "validating: as dear as allowed": (
        validating(due_at=NOW - DAY),
        Validating(summary=SUMMARY, claim=MINE),
        a_policy("budget: {per_run_usd: 1.5}\n"),
    ),
    "validating: month used up": (
        paid(),
        Validating(summary=SUMMARY, claim=MINE, committed_before_usd=9.0),
        a_policy("budget: {per_month_usd: 10}\n"),
    ),
    "validating: month just enough": (
        paid(),
        Validating(summary=SUMMARY, claim=MINE, committed_before_usd=8.5),
        a_policy("budget: {per_month_usd: 10}\n"),
    ),
    "validating: cheap": (
        paid(),
        Validating(summary=SUMMARY, claim=MINE),
        a_policy("budget: {approve_above_usd: 1.5}\n"),
    ),
    "validating: to be approved": (
        paid(),
        Validating(summary=SUMMARY, claim=MINE),
        a_policy(
            "budget: {approve_above_usd: 1}\napproval: {expires_after: PT1H, uploader_may_approve: true}\n"
        ),
    ),
    "validating: price unknown": (
        paid(summary=msgspec.structs.replace(SUMMARY, estimated_usd=None, estimate_basis="no price known")),
        Validating(summary=SUMMARY, claim=MINE, committed_before_usd=10.0),
        a_policy("budget: {approve_above_usd: 1, per_month_usd: 10, per_run_usd: 1}\n"),
    ),
    "validating: approved before": (
        msgspec.structs.replace(
            ruled(at_spend_gate(), (ADA, "approve", NOW), gate="spend"), status=S.VALIDATING
        ),
        Validating(summary=SUMMARY, claim=MINE),
        a_policy("budget: {approve_above_usd: 1}\n"),
    ),
    "validating: approved at another price": (
        msgspec.structs.replace(
            ruled(at_spend_gate(), (ADA, "approve", NOW), gate="spend"),
            status=S.VALIDATING,
            summary=msgspec.structs.replace(SUMMARY, estimated_usd=2.5),
        ),
        Validating(summary=SUMMARY, claim=MINE),
        a_policy("budget: {approve_above_usd: 1}\n"),
    ),
    # gates
    "spend gate: waiting": (at_spend_gate(), Nothing(), POLICY, NOW + SECOND),
    "spend gate: approved": (ruled(at_spend_gate(), (ADA, "approve", NOW), gate="spend"), Nothing()),
    "spend gate: rejected": (ruled(at_spend_gate(), (ADA, "reject", NOW), gate="spend"), Nothing()),
    "spend gate: expired": (at_spend_gate(), Nothing(), POLICY, NOW + 8 * DAY),
    "deployment gate: waiting": (at_deployment_gate(), AwaitingApproval(), POLICY, NOW + SECOND),
    "deployment gate: looked at again": (
        at_deployment_gate(),
        AwaitingApproval(),
        POLICY,
        NOW + timedelta(hours=1),
    ),
    "deployment gate: looked at when due": (
        at_deployment_gate(),
        AwaitingApproval(),
        POLICY,
        NOW + timedelta(minutes=15),
    ),
    "deployment gate: one of two": (ruled(at_deployment_gate(), (ADA, "approve", NOW)), AwaitingApproval()),
    "deployment gate: two of two": (
        ruled(at_deployment_gate(), (ADA, "approve", NOW), (BOB, "approve", NOW)),
        AwaitingApproval(),
    ),
    "deployment gate: rejected": (
        ruled(at_deployment_gate(), (ADA, "approve", NOW), (BOB, "reject", NOW)),
        AwaitingApproval(),
    ),
    "deployment gate: expired": (
        ruled(at_deployment_gate(), (ADA, "approve", NOW)),
        AwaitingApproval(),
        POLICY,
        NOW + 7 * DAY,
    ),
    "deployment gate: withdrawn": (
        ruled(at_deployment_gate(), (ADA, "approve", NOW), (ADA, "withdraw", NOW)),
        AwaitingApproval(),
    ),
    "deployment gate: withdrawn and approved again": (
        ruled(at_deployment_gate(), (ADA, "approve", NOW), (ADA, "withdraw", NOW), (ADA, "approve", NOW)),
        AwaitingApproval(),
    ),
    "deployment gate: rejected with a reason": (
        people.vote(
            at_deployment_gate(),
            "deployment",
            ADA,
            decision="reject",
            digest=at_deployment_gate().gates["deployment"].digest,
            comment="too slow",
            now=NOW,
            app_version="1.2.3",
        ).run,
        AwaitingApproval(),
    ),
    # queueing
    "queueing: a free place": (a_run(S.QUEUEING), Queueing(free=Place(number=3))),
    "queueing: the place of a run that has ended": (
        a_run(S.QUEUEING, place=7),
        Queueing(free=Place(number=4, previous_holder="other@then")),
    ),
    "queueing: the place is being taken": (
        a_run(S.QUEUEING, place=3, attempt=an_attempt("TakePlace:3:")),
        Queueing(free=Place(number=3)),
    ),
    "queueing: has a place and a model": (
        a_run(S.QUEUEING, place=3, model="gpt-4.1.ft-1", job_id="ftjob-1"),
        Queueing(has_place=True),
    ),
    "queueing: has a place and all answers": (
        a_run(S.QUEUEING, place=3, model="gpt-4.1.ft-1", job_id="ftjob-1"),
        Queueing(has_place=True, is_answered=True),
    ),
    "queueing: its candidate may still be deleted": (
        a_run(S.QUEUEING, model="gpt-4.1.ft-1", attempt=an_attempt("DeleteDeployment")),
        Queueing(free=Place(number=3)),
    ),
    "queueing: its candidate was deleted": (
        a_run(S.QUEUEING, model="gpt-4.1.ft-1", attempt=an_attempt("DeleteDeployment", NOW - DAY)),
        Queueing(free=Place(number=3)),
    ),
    "queueing: no place": (a_run(S.QUEUEING), Queueing()),
    "queueing: has a place": (a_run(S.QUEUEING, place=3), Queueing(has_place=True)),
    "queueing: for too long": (a_run(S.QUEUEING, status_since=NOW - 60 * DAY), Queueing()),
    # uploading
    "uploading: training file": (a_run(S.UPLOADING), files()),
    "uploading: unsettled": (a_run(S.UPLOADING, attempt=an_attempt("UploadFile:training")), files()),
    "uploading: found": (a_run(S.UPLOADING, due_at=NOW - DAY), files(a_file("training"))),
    "uploading: validation file": (
        a_run(S.UPLOADING, training_file_id="file-t", attempt=an_attempt("UploadFile:training")),
        files(a_file("training")),
    ),
    "uploading: no validation file": (
        a_run(
            S.UPLOADING,
            training_file_id="file-t",
            summary=msgspec.structs.replace(SUMMARY, validation_examples=0),
        ),
        files(a_file("training")),
    ),
    "uploading: rejected": (
        a_run(S.UPLOADING, training_file_id="file-t"),
        files(a_file("training", "error", error="line 3")),
    ),
    "uploading: deleted": (
        a_run(S.UPLOADING, training_file_id="file-t"),
        files(a_file("training", "deleted")),
    ),
    "uploading: being deleted": (
        a_run(S.UPLOADING, training_file_id="file-t"),
        files(a_file("training", "deleting")),
    ),
    "uploading: not listed": (
        a_run(S.UPLOADING, training_file_id="file-t", validation_file_id="file-v", due_at=NOW + SECOND),
        files(),
    ),
    "uploading: done": (
        a_run(S.UPLOADING, training_file_id="file-t", validation_file_id="file-v"),
        files(a_file("training"), a_file("validation")),
    ),
    # submitting
    "submitting: create": (a_run(S.SUBMITTING), Submitting(jobs=(), claim_holder=MINE.holder)),
    "submitting: create, reinforcement": (
        a_run(S.SUBMITTING, validation_file_id=None),
        Submitting(jobs=(), claim_holder=MINE.holder),
        "reinforced",
    ),
    "submitting: unsettled": (
        a_run(S.SUBMITTING, attempt=an_attempt("CreateJob")),
        Submitting(jobs=(), claim_holder=MINE.holder),
    ),
    "submitting: again": (
        a_run(S.SUBMITTING, attempt=an_attempt("CreateJob")),
        Submitting(jobs=(), claim_holder=MINE.holder),
        POLICY,
        SOON,
    ),
    "submitting: Azure has retired the model": (
        a_run(S.SUBMITTING),
        asked_anew(retired="Azure has not tuned m."),
    ),
    "submitting: no room now": (a_run(S.SUBMITTING), asked_anew(full=("100 jobs.", "No quota."))),
    "submitting: Azure warns": (
        a_run(S.SUBMITTING, warnings=("said before",)),
        asked_anew(warnings=("said before", "It ends soon."), not_known=("the quota",)),
    ),
    "submitting: no room, and one is asked for": (
        a_run(S.SUBMITTING, attempt=an_attempt("CreateJob")),
        asked_anew(full=("100 jobs.",)),
    ),
    "submitting: claim lost": (a_run(S.SUBMITTING), Submitting(jobs=(), claim_holder="other")),
    "submitting: the job of an earlier try still costs": (
        a_run(S.SUBMITTING, retired_jobs=("ftjob-0",)),
        Submitting(jobs=(a_job("ftjob-0"),), claim_holder=MINE.holder),
    ),
    "submitting: adopt the oldest that lives": (
        a_run(S.SUBMITTING, retired_jobs=("ftjob-0",)),
        Submitting(
            jobs=(
                a_job("ftjob-3", created_at=9),
                a_job("ftjob-0", "cancelled", created_at=1),
                a_job("ftjob-1", "cancelled", created_at=2),
                a_job(
                    "ftjob-2",
                    created_at=8,
                    hyperparameters={
                        "n_epochs": "auto",
                        "batch_size": 2,
                        "learning_rate_multiplier": 1.0 + 1e-10,
                    },
                ),
            )
        ),
    ),
    "submitting: adopt one that took other numbers": (
        a_run(S.SUBMITTING),
        Submitting(
            jobs=(
                a_job(hyperparameters={"n_epochs": "auto", "batch_size": 2, "learning_rate_multiplier": 0.5}),
            )
        ),
        a_policy().for_pipeline(
            parse_pipeline(
                "model: gpt-4.1\nmethod: {type: supervised, supervised: {hyperparameters: "
                "{batch_size: 1, learning_rate_multiplier: 1.0}}}",
                name="p",
            ).spec
        ),
    ),
    "submitting: adopt a cancelled one": (a_run(S.SUBMITTING), Submitting(jobs=(a_job(status="cancelled"),))),
    # training
    "training: running": (a_run(S.TRAINING, due_at=NOW + SECOND), Training(job=a_job(trained_tokens=5))),
    "training: unknown status": (a_run(S.TRAINING), Training(job=a_job(status="meditating"))),
    "training: failed": (a_run(S.TRAINING), Training(job=a_job(status="failed", error="bad rows"))),
    "training: failed without a word": (a_run(S.TRAINING), Training(job=a_job(status="failed"))),
    "training: cancelled elsewhere": (a_run(S.TRAINING), Training(job=a_job(status="cancelled"))),
    "training: succeeded without model": (a_run(S.TRAINING), Training(job=a_job(status="succeeded"))),
    "training: results": (
        a_run(S.TRAINING),
        Training(job=a_job(status="succeeded", model="m", trained_tokens=9)),
    ),
    "training: over": (
        a_run(S.TRAINING, job_trouble_since=NOW - SECOND),
        Training(job=a_job(status="succeeded", model="m"), has_results=True),
    ),
    "training: missing": (a_run(S.TRAINING), Training(job=None)),
    "training: missing for a while": (
        a_run(S.TRAINING, job_trouble_since=NOW - SECOND, due_at=NOW + SECOND),
        Training(job=None),
    ),
    "training: succeeded without a model": (a_run(S.TRAINING), Training(job=a_job(status="succeeded"))),
    "training: succeeded without a model for a day": (
        a_run(S.TRAINING, job_trouble_since=NOW - DAY),
        Training(job=a_job(status="succeeded")),
    ),
    "training: gone": (a_run(S.TRAINING, job_trouble_since=NOW), Training(job=None), POLICY, SOON),
    # staging
    "staging: put": (a_run(S.STAGING, candidate_removed=True), Staging(deployment=None)),
    "staging: creating": (a_run(S.STAGING, due_at=NOW + SECOND), Staging(deployment=a_view("Creating"))),
    "staging: silent": (a_run(S.STAGING, due_at=NOW + SECOND), Staging(deployment=a_view())),
    "staging: answers": (a_run(S.STAGING), Staging(deployment=a_view(), is_answering=True)),
    "staging: name taken": (a_run(S.STAGING), Staging(deployment=a_view(model="other"))),
    "staging: broken before": (a_run(S.STAGING), Staging(deployment=a_view("Failed"))),
    **{
        f"staging: {state}": (
            a_run(S.STAGING, attempt=an_attempt("PutDeployment:summaries-candidate-01234567")),
            Staging(deployment=a_view(state)),
        )
        for state in ("Failed", "Canceled", "Disabled", "Deleting")
    },
    # evaluating
    "evaluating: plan": (a_run(S.EVALUATING), Evaluating(plan=None)),
    **{
        f"evaluating: {len(chunks)} chunks": (
            a_run(S.EVALUATING),
            Evaluating(
                plan=EvaluationPlan(
                    targets={"candidate": "c", "baseline-1": "b"},
                    labels={},
                    prompts={},
                    models={},
                    items=9,
                    chunk_size=8,
                ),
                chunks=frozenset(chunks),
            ),
        )
        for chunks in (
            (),
            ("candidate:0",),
            ("candidate:0", "candidate:1"),
            ("candidate:0", "candidate:1", "baseline-1:1"),
            ("candidate:0", "candidate:1", "baseline-1:0", "baseline-1:1"),
        )
    },
    "evaluating: not better": (
        a_run(S.EVALUATING),
        Evaluating(plan=None, summary=msgspec.structs.replace(BETTER, outcome="not_better")),
    ),
    "evaluating: better": (
        a_run(S.EVALUATING),
        Evaluating(plan=None, summary=BETTER),
        a_policy("approval: {approvers: 2, expires_after: PT1M, uploader_may_approve: true}\n"),
    ),
    "evaluating: replace": (
        a_run(S.EVALUATING),
        Evaluating(plan=None, summary=BETTER),
        a_policy("deployment: {strategy: replace}\n"),
    ),
    "evaluating: better, automatic": (
        a_run(S.EVALUATING),
        Evaluating(plan=None, summary=BETTER),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "evaluating: better, automatic, judged again": (
        a_run(S.EVALUATING, judging=JUDGING, evaluation_round=1),
        Evaluating(plan=None, summary=BETTER),
        AUTOMATIC,
    ),
    "evaluating: better, judged again": (
        a_run(S.EVALUATING, judging=JUDGING, evaluation_round=1),
        Evaluating(plan=None, summary=BETTER),
    ),
    "deploying: judged again, and nobody asked": (
        a_run(S.DEPLOYING, judging=JUDGING, evaluation_round=1),
        Deploying(deployment=None),
        AUTOMATIC,
    ),
    "evaluating: unproven, automatic": (
        a_run(S.EVALUATING),
        Evaluating(plan=None, summary=msgspec.structs.replace(BETTER, outcome="unproven")),
        a_policy("approval: {mode: automatic}\n"),
    ),
    # deploying
    "deploying: nobody approved": (a_run(S.DEPLOYING), Deploying(deployment=None)),
    "deploying: automatic without proof": (
        a_run(S.DEPLOYING, evaluation=msgspec.structs.replace(BETTER, outcome="unproven")),
        Deploying(deployment=None),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: automatic without evaluation": (
        a_run(S.DEPLOYING, evaluation=None),
        Deploying(deployment=None),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: automatic": (
        a_run(S.DEPLOYING),
        Deploying(deployment=None),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: too few": (
        msgspec.structs.replace(ruled(at_deployment_gate(), (ADA, "approve", NOW)), status=S.DEPLOYING),
        Deploying(deployment=None),
    ),
    "deploying: another model": (
        msgspec.structs.replace(
            ruled(at_deployment_gate(""), (ADA, "approve", NOW)), status=S.DEPLOYING, model="other"
        ),
        Deploying(deployment=None),
    ),
    "deploying: there": (
        a_run(S.DEPLOYING),
        Deploying(deployment=a_view(name="summaries-01234567")),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: creating": (
        a_run(S.DEPLOYING, due_at=NOW + SECOND),
        Deploying(deployment=a_view("Creating", name="summaries-01234567")),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: name taken": (
        a_run(S.DEPLOYING),
        Deploying(deployment=a_view(model="other", name="summaries-01234567")),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: replaced": (
        a_run(S.DEPLOYING, production="summaries", evaluation=AFTER_OTHER),
        Deploying(
            deployment=a_view(model="other", name="summaries"),
            champion=Champion(deployment="summaries", model="other", run_id="other", since=NOW),
        ),
        a_policy("approval: {mode: automatic}\ndeployment: {strategy: replace}\n"),
    ),
    "deploying: to replace what is not the pipeline's": (
        a_run(S.DEPLOYING, production="summaries"),
        Deploying(deployment=a_view(model="other", name="summaries")),
        a_policy("approval: {mode: automatic}\ndeployment: {strategy: replace}\n"),
    ),
    "deploying: replacing nothing": (
        a_run(S.DEPLOYING, production="summaries"),
        Deploying(deployment=None),
        a_policy("approval: {mode: automatic}\ndeployment: {strategy: replace}\n"),
    ),
    # verifying
    "verifying: ask": (a_run(S.VERIFYING), Verifying(deployment=SERVING)),
    "deploying: served; what it answered before is forgotten": (
        a_run(S.DEPLOYING, smoke=SmokeResult(passed=True, message="")),
        Deploying(deployment=SERVING),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "deploying: the verdict does not hold": (
        a_run(S.DEPLOYING),
        Deploying(deployment=None, contradiction="Computed again, it is another."),
        a_policy("approval: {mode: automatic}\n"),
    ),
    "uploading: not approved": (
        a_run(S.UPLOADING),
        Uploading(files={}),
        a_policy("budget: {approve_above_usd: 1}\n"),
    ),
    "submitting: not approved": (
        a_run(S.SUBMITTING),
        Submitting(jobs=(), claim_holder=a_run(S.SUBMITTING).id),
        a_policy("budget: {approve_above_usd: 1}\n"),
    ),
    "evaluating: what was compared is remembered": (
        a_run(S.EVALUATING, evidence={"evaluation/plan.json": "1"}),
        Proof(files={"evaluation/comparison.json": "2"}, evaluation=BETTER, warnings=("w",)),
    ),
    "verifying: failed": (
        a_run(S.VERIFYING, attempt=an_attempt("SmokeTest"), smoke=SmokeResult(passed=False, message="no")),
        Verifying(deployment=SERVING),
    ),
    "verifying: failed in place": (
        a_run(S.VERIFYING, attempt=an_attempt("SmokeTest"), smoke=SmokeResult(passed=False, message="no")),
        Verifying(deployment=SERVING),
        a_policy("deployment: {strategy: replace}\n"),
    ),
    "verifying: promote": (
        a_run(S.VERIFYING, attempt=an_attempt("SmokeTest"), smoke=SmokeResult(passed=True, message="")),
        Verifying(deployment=SERVING),
    ),
    "verifying: another is champion": (
        a_run(
            S.VERIFYING,
            attempt=an_attempt("SmokeTest"),
            evaluation=AFTER_OTHER,
            smoke=SmokeResult(passed=True, message=""),
        ),
        Verifying(
            deployment=SERVING,
            champion=OTHER,
        ),
    ),
    "verifying: champion": (
        a_run(S.VERIFYING, smoke=SmokeResult(passed=True, message="")),
        Verifying(
            deployment=SERVING,
            champion=Champion(deployment="d", model="m", run_id=MINE.holder, since=NOW),
        ),
    ),
    "verifying: overtaken": (
        a_run(S.VERIFYING, attempt=an_attempt("SmokeTest"), smoke=SmokeResult(passed=True, message="")),
        Verifying(deployment=a_view(model="other")),
    ),
    "verifying: gone": (
        a_run(S.VERIFYING, attempt=an_attempt("SmokeTest"), smoke=SmokeResult(passed=True, message="")),
        Verifying(deployment=None),
    ),
    # another champion than the one that was measured against
    "deployment gate: approved after the champion changed": (
        ruled(at_deployment_gate(), (ADA, "approve", NOW), (BOB, "approve", NOW)),
        AwaitingApproval(champion=OTHER),
    ),
    "deployment gate: the champion changed while some approve": (
        ruled(at_deployment_gate(summary=AFTER_OTHER), (ADA, "approve", NOW)),
        AwaitingApproval(champion=NEWER),
    ),
    "deployment gate: expired after the champion changed": (
        at_deployment_gate(),
        AwaitingApproval(champion=OTHER),
        POLICY,
        NOW + 7 * DAY,
    ),
    "deployment gate: the champion was taken away": (
        at_deployment_gate(summary=AFTER_OTHER),
        AwaitingApproval(),
    ),
    "evaluating: better again, automatic": (
        msgspec.structs.replace(at_deployment_gate(), status=S.EVALUATING),
        Evaluating(plan=None, summary=BETTER),
        AUTOMATIC,
    ),
    "deploying: approved before the champion changed": (
        msgspec.structs.replace(
            ruled(at_deployment_gate(""), (ADA, "approve", NOW)),
            status=S.DEPLOYING,
            stale_digests={at_deployment_gate("").gates["deployment"].digest: "Because."},
        ),
        Deploying(deployment=None),
    ),
    **{
        f"deploying: the champion changed, {name}": (
            a_run(S.DEPLOYING, **changes),
            Deploying(deployment=there, champion=OTHER),
            AUTOMATIC,
        )
        for name, there, changes in (
            ("nothing is put", None, {}),
            ("a put may come", None, {"attempt": PUT}),
            ("a put did not come", None, {"attempt": an_attempt(PUT.effect, NOW - DAY)}),
            ("a put was refused", None, {"attempt": an_attempt(PUT.effect, is_settled=True)}),
            ("put", a_view(name="summaries-01234567"), {"attempt": PUT}),
            ("being removed", a_view("Deleting", name="summaries-01234567"), {}),
            ("removed", None, {"attempt": an_attempt("DeleteDeployment")}),
            ("somebody else's is there", a_view(model="other", name="summaries-01234567"), {}),
        )
    },
    **{
        f"verifying: the champion changed in place, {name}": (
            a_run(S.VERIFYING, production="summaries", **changes),
            Verifying(deployment=there, champion=SHARED),
            a_policy("approval: {mode: automatic}\ndeployment: {strategy: replace}\n"),
        )
        for name, there, changes in (
            ("ours is there", a_view(name="summaries"), {}),
            ("being put back", a_view("Creating", "m", "summaries"), {"attempt": BACK}),
            ("put back", a_view("Succeeded", "m", "summaries"), {"attempt": BACK}),
            (
                "putting back failed",
                a_view("Failed", "m", "summaries"),
                {"attempt": an_attempt(BACK.effect, NOW - DAY)},
            ),
            ("another run's is there", a_view("Creating", "another", "summaries"), {}),
            ("nothing is there", None, {}),
        )
    },
    "verifying: the champion was taken away, in place": (
        a_run(S.VERIFYING, production="summaries", evaluation=AFTER_OTHER),
        Verifying(deployment=a_view(name="summaries")),
        a_policy("deployment: {strategy: replace}\n"),
    ),
    # stopping
    "cancelling: nothing began": (stopped(S.VALIDATING), Validating(summary=None)),
    "cancelling: a job may come": (
        stopped(S.SUBMITTING, job_attempted_at=NOW - SECOND),
        Submitting(jobs=(a_job(status="cancelled"),)),
    ),
    "cancelling: no job came": (
        stopped(S.SUBMITTING, job_attempted_at=NOW),
        Submitting(jobs=()),
        POLICY,
        SOON,
    ),
    "cancelling: the job that came": (
        stopped(S.SUBMITTING),
        Submitting(jobs=(a_job("a", "failed"), a_job("b"))),
    ),
    "cancelling: no job was asked for": (stopped(S.SUBMITTING), Submitting(jobs=())),
    "cancelling: the job": (stopped(S.TRAINING), Training(job=a_job(status="queued"))),
    "cancelling: the job has ended": (stopped(S.TRAINING), Training(job=a_job(status="cancelled"))),
    "cancelling: the job is gone": (stopped(S.TRAINING), Training(job=None)),
    "cancelling: at a gate": (
        msgspec.structs.replace(at_deployment_gate(), cancel=Wish(person="bob", name="Bob", at=NOW)),
        AwaitingApproval(),
    ),
    # after the end
    "closing: live duplicate": (ended(), Ended(jobs=(a_job(), a_job("ftjob-2")))),
    "closing: dead duplicate": (ended(due_at=NOW - DAY), Ended(jobs=(a_job("ftjob-2", "succeeded"),))),
    "closing: cancelled duplicate": (
        ended(candidate=None, files_removed=True),
        Ended(jobs=(a_job("ftjob-2", "cancelled"), a_job("ftjob-1", "succeeded"))),
    ),
    "closing: known ones and another": (
        ended(orphans=("ftjob-2",), retired_jobs=("ftjob-3",)),
        Ended(
            jobs=(a_job("ftjob-2", "failed"), a_job("ftjob-3", "failed"), a_job("ftjob-1"), a_job("ftjob-4"))
        ),
    ),
    "closing: own job without a model": (ended(S.FAILED, model=None), Ended(jobs=(a_job(),))),
    "closing: candidate": (ended(), Ended(candidate=a_view())),
    "closing: candidate goes": (ended(due_at=NOW + SECOND), Ended(candidate=a_view("Deleting"))),
    "closing: candidate went": (
        ended(attempt=an_attempt("DeleteDeployment"), due_at=NOW - DAY),
        Ended(),
        POLICY,
        NOW + 2 * DAY,
    ),
    "closing: files": (ended(candidate_removed=True), Ended(file_ids=("file-t",))),
    "closing: files went": (
        ended(candidate_removed=True, attempt=an_attempt("DeleteFiles"), due_at=NOW - DAY),
        Ended(),
        POLICY,
        NOW + 2 * DAY,
    ),
    "closing: sweeping": (ended(candidate_removed=True, files_removed=True), Ended()),
    "closing: swept": (
        ended(candidate_removed=True, files_removed=True, due_at=NOW + 9 * DAY),
        Ended(),
        POLICY,
        NOW + timedelta(hours=22),
    ),
    "closing: nothing was asked for": (
        a_run(S.INVALID, due_at=NOW + SECOND),
        Ended(),
    ),
    "closing: deletion lost too often": (
        ended(attempt=an_attempt("DeleteDeployment", count=8), due_at=NOW + 2 * DAY),
        Ended(candidate=a_view()),
        POLICY,
        SOON,
    ),
    # when the look fails
    "unobserved": (a_run(S.TRAINING, failures=2), Unobserved(message="m")),
    "unobserved: told to wait": (a_run(S.TRAINING), Unobserved(message="m", retry_after_s=777.0)),
    "unobserved: quota": (a_run(S.TRAINING), Unobserved(message="m", quota=True)),
    "unobserved: quota, patient already": (
        a_run(S.TRAINING),
        Unobserved(message="m", quota=True, retry_after_s=999.0),
    ),
    "unobserved: too long": (a_run(S.STAGING, status_since=NOW), Unobserved(message="m"), POLICY, NOW + DAY),
}

ERRORS = {
    "conflict": (S.DEPLOYING, Conflict()),
    "unknown": (S.SUBMITTING, OutcomeUnknown()),
    "changed": (S.VALIDATING, DatasetChanged("a is no longer b")),
    "changed too late": (S.UPLOADING, DatasetChanged("a is no longer b")),
    "refused": (S.SUBMITTING, Refused("no", remedy="r")),
    "refused before anything is read": (S.VALIDATING, Refused("no")),
    "refused after the end": (S.DEPLOYED, Refused("no")),
    "throttled": (S.STAGING, Throttled("busy", retry_after_s=1234.0)),
    "away": (S.STAGING, Unavailable("away")),
    "quota": (S.SUBMITTING, QuotaExhausted("full")),
    "quota, patient already": (S.SUBMITTING, QuotaExhausted("full", retry_after_s=4321.0)),
}


def said(error):
    return {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}


def asked(call, *given, **options):
    """What a person's wish leads to: a run or ruling, or the error with its words."""
    try:
        return call(*given, **options)
    except FinetuneError as error:
        return said(error)


def the_reinforced_policy():
    return Policy().for_pipeline(parse_pipeline(REINFORCED, name="summaries").spec)


def decisions():
    """What is decided in all situations."""
    found = {}
    for name, (run, seen, *rest) in DECISIONS.items():
        policy = rest[0] if rest else POLICY
        policy = the_reinforced_policy() if policy == "reinforced" else policy
        decision = decide(run, seen, rest[1] if len(rest) > 1 else NOW, policy)
        effect = decision.effect and {"key": decision.effect.key, **msgspec.to_builtins(decision.effect)}
        found[name] = {"effect": effect, "run": changes_of(run, decision.run)}
    return found


def changes_of(before, after):
    """What the next state has that the one before had not: every field, those that were emptied too."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return {key: value for key, value in new.items() if old[key] != value}


def errors():
    """What an effect's error means."""
    run_of = {
        name: a_run(status, attempt=an_attempt("X"), failures=1, status_since=NOW - SECOND, trouble="before")
        for name, (status, _) in ERRORS.items()
    }
    return {
        name: changes_of(run_of[name], after_error(run_of[name], error, NOW, POLICY))
        for name, (_, error) in ERRORS.items()
    } | {
        "without an attempt": changes_of(
            a_run(S.STAGING), after_error(a_run(S.STAGING), Unavailable("x"), NOW, POLICY)
        )
    }


def ended_as(status, step, **changes):
    """A run that has its model, and ended in a step."""
    failure = Failure(step=step, code="x", message="m", remedy="r")
    run = a_run(S.EVALUATING, failure=failure, candidate_removed=True, evaluation=BETTER, **changes)
    return msgspec.structs.replace(run, status=status)


ENDED = {
    "not promoted": ended_as(S.NOT_PROMOTED, S.EVALUATING),
    "not promoted, with an old gate": ended_as(
        S.NOT_PROMOTED, S.EVALUATING, gates=at_deployment_gate().gates, evaluation_round=1
    ),
    "expired before its deployment": ended_as(
        S.EXPIRED, S.AWAITING_APPROVAL, gates=at_deployment_gate().gates
    ),
    "expired before its job": ended_as(S.EXPIRED, S.AWAITING_SPEND_APPROVAL, model=None),
    "failed while it was measured": ended_as(S.FAILED, S.EVALUATING),
    "failed while it was staged": ended_as(S.FAILED, S.STAGING),
    "failed while it queued": ended_as(S.FAILED, S.QUEUEING),
    "failed while it queued, without a model": ended_as(S.FAILED, S.QUEUEING, model=None),
    "failed while it was deployed": ended_as(S.FAILED, S.DEPLOYING),
    "rejected": ended_as(S.REJECTED, S.AWAITING_APPROVAL),
    "cancelled": ended_as(S.CANCELLED, S.EVALUATING),
    "deployed": a_run(S.DEPLOYED),
    "under way": a_run(S.EVALUATING),
}


def wishes():
    """What persons ask for, and what becomes of it."""
    gate, spend = at_deployment_gate(), at_spend_gate()
    digest, price = gate.gates["deployment"].digest, spend.gates["spend"].digest
    once = ruled(gate, (ADA, "approve", NOW))
    back = ruled(once, (ADA, "withdraw", NOW))

    def vote(run, person=ADA, name="deployment", decision="approve", digest=digest, now=NOW, **more):
        return asked(
            people.vote,
            run,
            name,
            person,
            decision=decision,
            digest=digest,
            comment="c",
            now=now,
            app_version="1.2.3",
            **more,
        )

    replaced = gate.evolve(stale_digests={digest: "Because."})
    why = {"replacement": "Run b became the champion."}
    asks = {
        "approve what counts no more": vote(replaced),
        "approve what counts no more, again": vote(once.evolve(stale_digests={digest: "Because."})),
        "approve while it is measured again": vote(msgspec.structs.replace(replaced, status=S.EVALUATING)),
        "approve after the champion changed": vote(gate, **why),
        "approve again after the champion changed": vote(once, **why),
        "approve another digest after the champion changed": vote(gate, digest="sha256:0", **why),
        "approve too late, after the champion changed": vote(gate, now=NOW + 7 * DAY, **why),
        "approve what is being deployed, after the champion changed": vote(
            msgspec.structs.replace(gate, status=S.DEPLOYING), **why
        ),
        "approve": vote(gate),
        "approve again": vote(once),
        "approve as the second": vote(once, BOB),
        "approve as the third": vote(ruled(once, (BOB, "approve", NOW)), Person(id="c", name="C")),
        "change one's mind": vote(once, decision="reject"),
        "withdraw": vote(once, decision="withdraw"),
        "withdraw again": vote(back, decision="withdraw"),
        "withdraw nothing": vote(gate, decision="withdraw"),
        "withdraw as somebody else": vote(once, BOB, decision="withdraw"),
        "withdraw a rejection": vote(ruled(gate, (ADA, "reject", NOW)), decision="withdraw"),
        "withdraw when there are enough": vote(ruled(once, (BOB, "approve", NOW)), BOB, decision="withdraw"),
        "withdraw once too often": vote(
            ruled(once, *((ADA, "withdraw", NOW), (ADA, "approve", NOW)) * 20), decision="withdraw"
        ),
        "withdraw too late": vote(once, decision="withdraw", now=NOW + 7 * DAY),
        "withdraw while it is deployed": vote(
            msgspec.structs.replace(once, status=S.DEPLOYING), decision="withdraw"
        ),
        "withdraw another digest": vote(once, decision="withdraw", digest="sha256:0"),
        "approve after it was withdrawn": vote(back),
        "reject after it was withdrawn": vote(back, decision="reject"),
        "approve as the second after it was withdrawn": vote(back, BOB),
        "approve another digest": vote(gate, digest="sha256:0"),
        "approve too late": vote(gate, now=NOW + 7 * DAY),
        "approve at the last moment": vote(gate, now=NOW + 7 * DAY - SECOND),
        "approve an expired run": vote(msgspec.structs.replace(gate, status=S.EXPIRED)),
        "approve what is being deployed": vote(msgspec.structs.replace(gate, status=S.DEPLOYING)),
        "approve one's own": vote(gate, UMA),
        "approve one's own, spelt otherwise": vote(gate, Person(id=" UPLOADER-OID", name="Uma")),
        "approve again, spelt otherwise": vote(once, Person(id="ADA", name="Ada")),
        "approve the money": vote(spend, name="spend", digest=price),
        "approve the money twice": vote(
            ruled(spend, (ADA, "approve", NOW), gate="spend"), name="spend", digest=price
        ),
        "approve money that nobody asks for": vote(gate, name="spend"),
        "approve a deployment that nobody asks for": vote(spend),
        "reject the money": vote(spend, name="spend", digest=price, decision="reject"),
    }
    for status in (S.TRAINING, S.DEPLOYING, S.DEPLOYED):
        asks[f"cancel while {status}"] = asked(cancel, a_run(status), BOB, NOW + SECOND)
    for step in (
        S.RECEIVED,
        S.VALIDATING,
        S.QUEUEING,
        S.UPLOADING,
        S.TRAINING,
        S.STAGING,
        S.EVALUATING,
        S.DEPLOYING,
        S.VERIFYING,
    ):
        asks[f"retry {step}"] = tried(failed_at(step, retired_jobs=("ftjob-0",)))
    again = {"judging": JUDGING, "now": NOW + SECOND, "is_answered": True}
    for name, end in ENDED.items():
        asks[f"judge again {name}"] = asked(rejudge, end, **again)
    deleting = ENDED["not promoted"].evolve(attempt=an_attempt("DeleteDeployment"))
    asks["judge again while its candidate is deleted"] = asked(
        rejudge, deleting, **again | {"is_answered": False}
    )
    asks["retry while its candidate is deleted"] = tried(
        failed_at(S.EVALUATING, attempt=an_attempt("DeleteDeployment"))
    )
    final = Failure(step=S.TRAINING, code="x", message="m", remedy="r")
    asks["retry what cannot be retried"] = tried(failed_at(S.TRAINING, failure=final))
    asks["retry what failed without a reason"] = tried(failed_at(S.TRAINING, failure=None))
    asks["retry what did not fail"] = tried(a_run(S.TRAINING))
    asks["retry what is over"] = tried(a_run(S.DEPLOYED))
    failed = failed_at(S.TRAINING)
    asks["retry one's own"] = tried(failed, UMA)
    asks["retry one's own, where that is allowed"] = tried(failed, UMA, Approval(uploader_may_approve=True))
    asks["retry at the last moment"] = tried(failed, now=failed.status_since + 7 * DAY - SECOND)
    asks["retry too late"] = tried(failed, now=failed.status_since + 7 * DAY)
    asks["retry the second time"] = tried(failed.evolve(spend_round=1, has_spent=True, job_id=None))
    waiting, over = at_deployment_gate(), ENDED["not promoted"]
    judges = {
        "may": (waiting, BOB, NOW + 9 * DAY),
        "may after its end": (over, BOB, NOW),
        "uploaded it": (waiting, UMA, NOW),
        "is late": (over, BOB, over.status_since + 7 * DAY),
        "asks before there is a verdict": (a_run(S.TRAINING), BOB, NOW),
    }
    for name, (run, person, now) in judges.items():
        asks[f"have judged again, who {name}"] = asked(insist_on_judge, run, person, Approval(), now)
    return msgspec.to_builtins(asks)


def tried(run, person=ADA, rule=Approval(), now=NOW + SECOND):  # noqa: B008  it cannot be changed
    """What becomes of the wish to try a run again."""
    return asked(retry, run, person, rule, now)


def histories():
    """How changes are told."""
    run = a_run(S.TRAINING, revision=7, warnings=("old",))
    gate = at_deployment_gate()
    other = msgspec.structs.replace(gate.gates["deployment"], digest="sha256:other")
    pairs = {
        "new": (None, a_run(S.RECEIVED)),
        "job": (run, run.evolve(job_status="succeeded")),
        "nothing": (run, run),
        "warning": (run, run.evolve(warnings=("old", "new"))),
        "cancel": (run, cancel(run, BOB, NOW)),
        "tried again": (failed_at(S.TRAINING), retry(failed_at(S.TRAINING), ADA, Approval(), NOW)),
        "withdrawal": (
            ruled(gate, (ADA, "approve", NOW)),
            ruled(gate, (ADA, "approve", NOW), (ADA, "withdraw", NOW)),
        ),
        "attempt": (run, run.evolve(attempt=an_attempt("X", count=2))),
        "trouble": (run.evolve(trouble="a"), run.evolve(trouble="b")),
        "trouble of an effect": (run, run.evolve(trouble="b", attempt=an_attempt("X"))),
        "trouble is over": (run.evolve(trouble="a"), run),
        "the champion changed": (gate, decide(gate, AwaitingApproval(champion=OTHER), NOW, POLICY).run),
        "judged again": (
            ENDED["not promoted"],
            rejudge(ENDED["not promoted"], JUDGING, NOW, is_answered=True),
        ),
        "orphan": (run, run.evolve(orphans=("ftjob-9",))),
        "late duplicate": (run, run.evolve(duplicates=("ftjob-9",))),
        "failure": (run, run.end(Ending(code="c", status=S.FAILED, about="", remedy="r"), NOW, "m")),
        "duplicate": (validating(), decide(*DECISIONS["validating: duplicate"], NOW, POLICY).run),
        "gate opens": (a_run(S.EVALUATING), gate),
        "decision": (gate, ruled(gate, (ADA, "approve", NOW))),
        "second decision": (
            ruled(gate, (ADA, "approve", NOW)),
            ruled(gate, (ADA, "approve", NOW), (BOB, "approve", NOW)),
        ),
        "money": (at_spend_gate(), ruled(at_spend_gate(), (ADA, "approve", NOW), gate="spend")),
        "gate opens anew": (
            ruled(gate, (ADA, "approve", NOW)),
            gate.evolve(
                gates={
                    "deployment": msgspec.structs.replace(
                        other,
                        decisions=(
                            GateDecision(
                                person="b",
                                name="B",
                                decision="approve",
                                digest="sha256:other",
                                comment="",
                                at=NOW,
                            ),
                        ),
                    )
                }
            ),
        ),
    }
    return {name: msgspec.to_builtins(events_between(*pair)[1]) for name, pair in pairs.items()}


def names():
    """Keys, digests and pauses: what is stored outside must not change from release to release."""
    run = at_deployment_gate()
    return {
        "run id": identity.run_id("datasets", "p/ä.jsonl", '"0x1"'),
        "run id again": identity.run_id("datasets", "p/ä.jsonl", "0x1"),
        "companions": [
            naming.companion_names("p/a.jsonl", "validation"),
            naming.companion_names("a.jsonl", "evaluation"),
        ],
        "roles": [
            naming.companion_role(n)
            for n in ("a/validation.jsonl", "x.evaluation.jsonl", "validation.csv", "a\nb.validation.jsonl")
        ],
        "pipelines": [
            naming.pipeline_of(n) for n in ("a/b.jsonl", "a", "-a/b", "A/b", "a" * 40 + "/b", "a" * 41 + "/b")
        ],
        "newest first": naming.newest_first(NOW, "r"),
        "partitions": [naming.index_partition(name) for name in ("a", "What/ever", "\udcff")],
        "seed": [naming.job_seed("ffffffff00"), naming.job_seed("0000000a00")],
        "digest": identity.digest({"b": 1, "a": [None, "ä"]}),
        "formats": [
            models.model_format(n) for n in ("GPT-OSS-20b", "Ministral-3B", "Llama-3", "qwen3", "gpt-4.1")
        ],
        "temperature": [models.takes_temperature(n) for n in ("o4-mini", "GPT-5", "gpt-4.1", "foo-o1")],
        "artifact": naming.artifact("r", "n"),
        "file": naming.foundry_file("r", "training", "0123456789abcdef"),
        "deployments": [
            naming.candidate_deployment("p", "0123456789"),
            naming.production_deployment("p", "0123456789", "blue_green"),
            naming.production_deployment("p", "0123456789", "replace"),
        ],
        "deployment digest": identity.deployment_digest(run, POLICY.spec),
        "deployment digest, with the champion": [
            identity.deployment_digest(at_deployment_gate(summary=summary), POLICY.spec)
            for summary in (AFTER_OTHER, msgspec.structs.replace(BETTER, champion=None))
        ],
        "spend digest": identity.spend_digest(run),
        "pauses": [
            POLICY.backoff("r", count, retry_after_s).total_seconds()
            for count, retry_after_s in (
                (1, None),
                (2, None),
                (7, None),
                (8, None),
                (29, None),
                (999, None),
                (1, 60.0),
            )
        ],
        "pauses elsewhere": POLICY.backoff("s", 1, None).total_seconds(),
        "settle": [POLICY.settle_s, POLICY.upload_settle_s],
        "settled": {
            name: closing.is_settled(run, NOW, POLICY)
            for name, run in {
                "running": a_run(S.TRAINING),
                "nothing to clear": a_run(S.INVALID),
                "sweeping": a_run(S.FAILED, job_attempted_at=NOW - SECOND),
                "swept": a_run(S.FAILED, job_attempted_at=NOW - DAY),
                "candidate there": a_run(S.FAILED, candidate="c"),
                "candidate gone": a_run(S.FAILED, candidate="c", candidate_removed=True),
                "files there": a_run(S.FAILED, training_file_id="f"),
                "files gone, candidate there": a_run(
                    S.FAILED, training_file_id="f", files_removed=True, candidate="c"
                ),
            }.items()
        },
        "swept until": str(closing.sweep_until(ended(), POLICY)),
    }


GOLDEN = {"decisions": decisions, "errors": errors, "wishes": wishes, "histories": histories, "names": names}
