"""Parts of a run as they are answered: from what is stored to what is served."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from shared.core import artifacts, holds, people, served
from shared.core.evaluation.outlook import Outlook
from shared.core.history import Event
from shared.core.observations import Champion
from shared.core.run import EvaluationSummary, Failure, GateDecision, Judging, Run, Wish
from shared.core.serving import Call, Route, call_of
from shared.core.status import Status
from shared.ports import RunSummary

_as_evaluation: Final = msgspec.json.Decoder(served.Evaluation).decode
_as_outlook: Final = msgspec.json.Decoder(served.Outlook).decode


def iso(at: datetime) -> str:
    """A time as it is answered, exact to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row(summary: RunSummary) -> served.RunRow:
    """A run in a listing."""
    return served.RunRow(
        id=summary.run_id,
        pipeline=summary.pipeline,
        dataset=summary.dataset_name,
        status=summary.status,
        status_since=iso(summary.status_since),
        created_at=iso(summary.created_at),
        job_id=summary.job_id,
        job_status=summary.job_status,
    )


def dataset(run: Run) -> served.Dataset:
    """What a run is about."""
    return served.Dataset(
        container=run.dataset.container,
        name=run.dataset.name,
        etag=run.dataset.etag,
        size_bytes=run.dataset.size_bytes,
        uploaded_by=run.dataset.uploaded_by,
        companions=tuple(companion.name for companion in run.companions),
        prepared_sha256=run.summary.files if run.summary else {},
    )


def job(run: Run) -> served.Job | None:
    """Its job."""
    if run.job_id is None:
        return None
    return served.Job(
        id=run.job_id, status=run.job_status, model=run.model, trained_tokens=run.trained_tokens
    )


def report(run: Run) -> served.Report | None:
    """What validation found, in numbers."""
    found = run.summary
    if found is None:
        return None
    return served.Report(
        examples=found.examples,
        validation_examples=found.validation_examples,
        evaluation_examples=found.evaluation_examples,
        tokens=found.tokens,
        billable_tokens=found.billable_tokens,
        errors=found.errors,
        warnings=found.warnings,
        fingerprint=found.fingerprint,
        estimated_usd=found.estimated_usd,
        estimate_basis=found.estimate_basis,
        price=found.price,
    )


def outlook(stored: Outlook | None) -> served.Outlook | None:
    """What the comparison will be able to show."""
    return _as_outlook(msgspec.json.encode(stored)) if stored else None


def evaluation(stored: EvaluationSummary | None) -> served.Evaluation | None:
    """What was measured."""
    return _as_evaluation(msgspec.json.encode(stored)) if stored else None


def failure(stored: Failure | None) -> served.Failure | None:
    """Why it ended without success."""
    if stored is None:
        return None
    return served.Failure(
        step=stored.step,
        code=stored.code,
        message=stored.message,
        remedy=stored.remedy,
        can_retry=stored.can_retry,
    )


def wish(stored: Wish | None) -> served.Wish | None:
    """Who asked for something."""
    return served.Wish(name=stored.name, at=iso(stored.at)) if stored else None


def judged_again(judging: Judging | None) -> served.JudgedAgain | None:
    """That it was judged again."""
    if judging is None:
        return None
    return served.JudgedAgain(
        name=judging.name,
        at=iso(judging.at),
        changed=judging.changed,
        notes=judging.notes,
        before=judging.before,
        pinned=artifacts.pinned_again(judging.pin).name,
    )


def gate(run: Run, sentences: tuple[str, ...] = (), azure: tuple[str, ...] = ()) -> served.Gate | None:
    """The open gate; before money is spent with what the comparison will be able to show, and what Azure said, in sentences."""
    stored = run.gate
    if stored is None:
        return None
    return served.Gate(
        name=stored.name,
        digest=stored.digest,
        reason=stored.reason,
        outlook=sentences if stored.name == "spend" else (),
        azure=azure if stored.name == "spend" else (),
        opened_at=iso(stored.opened_at),
        approve_by=iso(stored.approve_by),
        approvals_needed=stored.approvals_needed,
        approvals=stored.approvals,
        decisions=tuple(map(vote, stored.decisions)),
        holds=tuple(map(vote, stored.holds)),
        needs_answer=holds.needs_answer(run, stored),
        needs_words=people.needs_words(run, stored.name),
    )


def vote(stored: GateDecision) -> served.Vote:
    """What one person said at a gate."""
    return served.Vote(
        name=stored.name,
        decision=stored.decision,
        comment=stored.comment,
        at=iso(stored.at),
        app_version=stored.app_version or None,
        role=stored.role or None,
    )


def event(stored: Event) -> served.Event:
    """A line of its history."""
    return served.Event(
        sequence=stored.sequence,
        at=iso(stored.at),
        kind=stored.kind,
        before=stored.before,
        after=stored.after,
        detail=stored.detail,
        app_version=stored.app_version or None,
        role=stored.role or None,
        comment=stored.comment,
    )


def links(run: Run) -> dict[str, str]:
    """Paths of what is near."""
    base = f"/api/runs/{run.id}"
    found = {"self": base}
    if run.gate:
        found["gate"] = f"{base}/gates/{run.gate.name}"
    if run.duplicate_of:
        found["duplicate_of"] = f"/api/runs/{run.duplicate_of}"
    return found


def champion(stored: Champion | None, endpoint: str) -> served.Champion | None:
    """A deployment in use; `endpoint` is that of the project."""
    if stored is None:
        return None
    return served.Champion(
        deployment=stored.deployment,
        model=stored.model,
        run_id=stored.run_id,
        since=iso(stored.since),
        route=route(call_of(stored.deployment, stored.model, stored.route, endpoint)),
    )


def route(call: Call) -> served.Route:
    """How clients ask a deployment."""
    return served.Route(
        name="project" if call.route is Route.PROJECT else "account",
        url=call.url,
        base_url=call.base_url,
        path=call.path,
        model=call.model,
        audience=call.audience,
        scope=call.scope,
    )


def deployment(run: Run, endpoint: str) -> served.Deployments:
    """A run's deployments; `endpoint` is that of the project."""
    call = call_of_run(run, endpoint)
    return served.Deployments(
        candidate=run.candidate, production=run.production, route=route(call) if call else None
    )


def call_of_run(run: Run, endpoint: str) -> Call | None:
    """How clients ask what a run deployed; None before."""
    if run.status is not Status.DEPLOYED or run.production is None or run.model is None:
        return None
    return call_of(run.production, run.model, run.smoke.route if run.smoke else None, endpoint)
