"""From prepared files to a tuned model: `queueing`, `uploading`, `submitting`, `training`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.core import approval, endings, naming
from shared.core.anew import deletion
from shared.core.decision import Decision, poll, wait
from shared.core.effects import CancelJob, CreateJob, StoreTrainingResults, TakePlace, UploadFile
from shared.core.errors import QuotaExhausted
from shared.core.observations import Job, Queueing, Submitting, Training, Uploading
from shared.core.offered import Foreseen
from shared.core.policy import Policy
from shared.core.run import Run, Status
from shared.core.spec import PipelineSpec
from shared.core.steps.attempts import begin


def queueing(run: Run, seen: Queueing, now: datetime, policy: Policy) -> Decision:
    """Is there a place among the runs in flight?  A run that was paid before goes on with its model.

    If a person sent it back to work while its clean-up was deleting the candidate's deployment, that comes first: a request that
    is on its way would delete what is deployed anew.
    """
    if attempt := deletion(run):
        gone_at = attempt.at + timedelta(seconds=policy.effect_lease_s)
        if now < gone_at:
            return wait(run, gone_at)
    if seen.has_place:
        return Decision(run=run.move(_after_place(run, seen), now))
    if seen.free is None:  # when the poller wakes the run, no pause after failures may be left
        rested = run.evolve(attempt=None, failures=0, trouble=None)
        return wait(rested, now + timedelta(seconds=policy.queue_look_s))
    effect = TakePlace(number=seen.free.number, previous_holder=seen.free.previous_holder)
    return begin(run.evolve(place=seen.free.number), effect, now, policy)


def _after_place(run: Run, seen: Queueing) -> Status:
    """What is done in the place; a candidate that owes no answer need not be deployed to be judged."""
    if not run.model:
        return Status.UPLOADING
    return Status.EVALUATING if seen.is_answered else Status.STAGING


def upload_names(run: Run) -> dict[str, str]:
    """File names in Foundry, by role, of the files that the job needs."""
    assert run.summary
    roles = ("training", "validation") if run.summary.validation_examples else ("training",)
    return {role: naming.foundry_file(run.id, role, run.summary.files[role]) for role in roles}


def uploading(run: Run, seen: Uploading, now: datetime, policy: Policy) -> Decision:
    """Are the files there and processed?  One upload at a time, each looked for before it is made."""
    states = []
    for role, filename in upload_names(run).items():
        field = f"{role}_file_id"
        file = seen.files.get(filename)
        if getattr(run, field) is None:
            if file is None:
                return _unapproved(run, now, policy) or begin(
                    run, UploadFile(role=role, filename=filename), now, policy
                )
            return Decision(run=run.evolve(**{field: file.id, "due_at": now}))
        states.append(file.status if file else "unseen")
        if file and file.status in {"error", "deleted", "deleting"}:
            words = file.error or "no detail given"
            message = f"Foundry ended the {role} file {filename} as {file.status}: {words}."
            return Decision(run=run.end(endings.FILE_REJECTED, now, message))
    if all(state == "processed" for state in states):
        return Decision(run=run.move(Status.SUBMITTING, now))
    return poll(run, now)


def job_body(run: Run, spec: PipelineSpec) -> dict[str, Any]:
    """Arguments of `fine_tuning.jobs.create`; `trainingType` is always sent (without it Azure blames the base model)."""
    method: dict[str, Any] = {"hyperparameters": dict(spec.method.hyperparameters)}
    if spec.method.grader is not None:
        method["grader"] = spec.method.grader
    if spec.method.response_format is not None:
        method["response_format"] = spec.method.response_format
    body: dict[str, Any] = {
        "model": spec.model,
        "training_file": run.training_file_id,
        "seed": spec.seed if spec.seed is not None else naming.job_seed(run.id),
        "method": {"type": str(spec.method.type), str(spec.method.type): method},
        "extra_body": {"trainingType": spec.training_type},
    }
    optional = {
        "validation_file": run.validation_file_id,
        "suffix": spec.suffix,
        "metadata": dict(spec.metadata) or None,
        "integrations": list(spec.integrations) or None,
    }
    return body | {key: value for key, value in optional.items() if value is not None}


def submitting(run: Run, seen: Submitting, now: datetime, policy: Policy) -> Decision:
    """Adopt the job that is there; else create one, but only when the last attempt has surely settled."""
    earlier_files = set(run.retired_files) - {run.training_file_id}  # the same upload may serve again
    earlier = [job for job in seen.jobs if job.id in run.retired_jobs or job.training_file in earlier_files]
    if running := next((job for job in earlier if job.is_live), None):
        return begin(run, CancelJob(job_id=running.id), now, policy)  # a retry pays for one job, not for two
    mine = sorted((job for job in seen.jobs if job not in earlier), key=lambda job: (job.created_at, job.id))
    live = [job for job in mine if job.status != "cancelled"]
    if job := next(iter(live or mine), None):
        mismatches = tuple(_echo_mismatches(job, policy.spec))
        adopted = run.evolve(warnings=run.warnings + mismatches)
        return Decision(run=adopted.move(Status.TRAINING, now, job_id=job.id, job_status=job.status))
    if seen.claim_holder != run.id:
        message = f"Run {seen.claim_holder} took over the same work before this one started its job."
        return Decision(run=run.end(endings.CLAIM_LOST, now, message))
    if decision := _unapproved(run, now, policy):
        return decision
    warned = run.warned(seen.foreseen.warnings)
    decision = begin(warned, CreateJob(body=job_body(run, policy.spec)), now, policy)
    return (_held_back(warned, seen.foreseen, now, policy) or decision) if decision.effect else decision


def _held_back(run: Run, foreseen: Foreseen, now: datetime, policy: Policy) -> Decision | None:
    """What Azure says right before the job is paid for: that it cannot be, or that there is no room for it or its model now."""
    if foreseen.retired:
        return Decision(run=run.end(endings.MODEL_RETIRED, now, foreseen.retired))
    if foreseen.full:
        trouble = f"{QuotaExhausted.code}: {' '.join(foreseen.full)}"
        return wait(run.evolve(trouble=trouble), now + timedelta(seconds=policy.quota_wait_s))
    return None


def _unapproved(run: Run, now: datetime, policy: Policy) -> Decision | None:
    """The run ended, if what it will cost is not approved: checked again before anything is sent, and before it is paid."""
    problem = approval.spend_objection(run, policy.spec)
    return Decision(run=run.end(endings.SPEND_NOT_APPROVED, now, problem)) if problem else None


def _echo_mismatches(job: Job, spec: PipelineSpec) -> Iterator[str]:
    """Hyperparameters that the service took otherwise than asked (it has been seen to ignore some)."""
    for name, asked in spec.method.hyperparameters.items():
        echoed = job.hyperparameters.get(name)
        if asked == "auto" or echoed is None or isinstance(asked, str):
            continue
        if not isinstance(echoed, int | float) or abs(float(echoed) - float(asked)) > 1e-9:
            yield f"asked for {name} = {asked}, the job says {echoed}"


def training(run: Run, seen: Training, now: datetime, policy: Policy) -> Decision:
    """How is the job?  Its own status is mirrored as it is; an unknown one means that it is not finished."""
    job = seen.job
    if job is None:
        return _missing(run, now, policy)
    is_nameless = job.status == "succeeded" and job.model is None
    run = run.evolve(
        job_status=job.status,
        trained_tokens=job.trained_tokens,
        job_trouble_since=(run.job_trouble_since or now) if is_nameless else None,
    )
    if job.status == "failed":
        message = f"Foundry ended job {job.id} as failed: {job.error or 'no detail given'}."
        return Decision(run=run.end(endings.JOB_FAILED, now, message))
    if job.status == "cancelled":
        message = f"Job {job.id} was cancelled outside of this app."
        return Decision(run=run.end(endings.JOB_CANCELLED, now, message))
    if job.status != "succeeded":
        return poll(run, now)
    if job.model is None:
        return _nameless(run, now, policy)
    run = run.evolve(model=job.model)
    if not seen.has_results:
        return begin(run, StoreTrainingResults(job_id=job.id), now, policy)
    return Decision(run=run.move(Status.STAGING, now))


def _nameless(run: Run, now: datetime, policy: Policy) -> Decision:
    """The job succeeded, and its model has no name yet; it may follow."""
    assert run.job_trouble_since
    if now < run.job_trouble_since + timedelta(seconds=policy.nameless_model_s):
        return poll(run, now)
    message = (
        f"Job {run.job_id} succeeded, but there is no model since {run.job_trouble_since:%Y-%m-%d %H:%M} UTC."
    )
    return Decision(run=run.end(endings.JOB_WITHOUT_MODEL, now, message))


def _missing(run: Run, now: datetime, policy: Policy) -> Decision:
    """The service does not know the job.  The run fails only after it reported so for the whole settle time."""
    if run.job_trouble_since is None:
        return Decision(run=run.evolve(job_trouble_since=now, job_status="missing"))
    if now < run.job_trouble_since + timedelta(seconds=policy.settle_s):
        return poll(run, now)
    message = f"Foundry does not know job {run.job_id} any more; it was deleted."
    return Decision(run=run.end(endings.JOB_GONE, now, message))
