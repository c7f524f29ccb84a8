"""From a dropped file to money that may be spent: `received`, `validating`, `awaiting_spend_approval`."""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta

from shared.core import approval, endings, identity, naming
from shared.core.costs import PriceKind
from shared.core.decision import Decision, wait
from shared.core.effects import PinPipeline, TakeClaim, ValidateDataset
from shared.core.observations import Nothing, Received, Validating
from shared.core.pipeline.remarks import PROBLEMS_MAX
from shared.core.policy import Policy
from shared.core.run import Gate, Run, Status
from shared.core.steps.attempts import begin


def received(run: Run, seen: Received, now: datetime, policy: Policy) -> Decision:
    """Is this a training file of an existing pipeline?  Then pin everything that the run depends on."""
    if refused := _refused_name(run, now) or _refusal(run, seen, now):
        return Decision(run=refused)
    if seen.is_pinned:
        moved = run.move(Status.VALIDATING, now, spec_digest=seen.spec_digest, companions=seen.companions)
        return Decision(run=moved)
    settled_at = run.dataset.modified_at + timedelta(seconds=policy.companion_settle_s)
    if now < settled_at:
        return wait(run, settled_at)
    return begin(run, PinPipeline(), now, policy)


def _refused_name(run: Run, now: datetime) -> Run | None:
    """The run ended, if a dataset of this name is not even looked for."""
    if naming.is_safe(run.dataset.name):
        return None
    message = f"{run.dataset.name} has a segment . or .., or control characters; it was not read."
    return run.end(endings.UNSAFE_NAME, now, message)


def _refusal(run: Run, seen: Received, now: datetime) -> Run | None:
    """The run ended, if this dataset cannot be used here."""
    name = run.dataset.name
    if seen.dataset is None:
        return run.end(endings.DATASET_GONE, now, "The blob was deleted before it was read.")
    if seen.dataset.etag != run.dataset.etag:
        return run.end(endings.DATASET_CHANGED, now, "The blob was overwritten before it was read.")
    if not name.endswith(".jsonl"):
        return run.end(endings.WRONG_SUFFIX, now, f"{name} does not end in .jsonl.")
    if not naming.PIPELINE_NAME.fullmatch(run.pipeline):
        message = f"{name} does not lie in a pipeline's folder."
        return run.end(endings.NO_PIPELINE, now, message, known=_known(seen))
    if seen.is_pinned:
        return None
    if not seen.has_pipeline:
        message = f"There is no pipeline file pipelines/{run.pipeline}.yaml."
        close = difflib.get_close_matches(run.pipeline, seen.known_pipelines, n=1)
        nearest = f"Did you mean {close[0]}? " if close else ""
        return run.end(endings.UNKNOWN_PIPELINE, now, message, nearest=nearest, known=_known(seen))
    if seen.problems:
        first = seen.problems[0]
        least = "at least " if len(seen.problems) >= PROBLEMS_MAX else ""
        count = f" ({least}{len(seen.problems) - 1} more problems in the file)"
        more = count if len(seen.problems) > 1 else ""
        where = f"pipelines/{run.pipeline}.yaml:{first.line}:{first.column}: {first.path}"
        message = f"{where}: {first.message}{more}"
        return run.end(endings.PIPELINE_FILE_INVALID, now, message, first=first.remedy)
    return None


def _known(seen: Received) -> str:
    names = ", ".join(seen.known_pipelines[:20])
    return f"pipelines here: {names}." if names else "there are no pipeline files yet."


def validating(run: Run, seen: Validating, now: datetime, policy: Policy) -> Decision:
    """Report, Azure's word, claim, budget, in this order: nothing is spent before all four."""
    if seen.summary is None:
        return begin(run, ValidateDataset(), now, policy)
    if seen.summary.errors:
        count = seen.summary.errors
        message = f"{count} error{'s' if count > 1 else ''} in the dataset. First: {seen.first_error}"
        return Decision(run=run.evolve(summary=seen.summary).end(endings.DATASET_INVALID, now, message))
    if seen.foreseen.retired:
        return Decision(
            run=run.evolve(summary=seen.summary).end(endings.MODEL_RETIRED, now, seen.foreseen.retired)
        )
    if run.summary is None:
        return Decision(run=run.evolve(summary=seen.summary, due_at=now))
    run = run.warned((*seen.foreseen.full, *seen.foreseen.warnings))
    return _claim(run, seen, now, policy) or _budget(run, seen, now, policy)


def _claim(run: Run, seen: Validating, now: datetime, policy: Policy) -> Decision | None:
    assert run.summary
    claim = seen.claim
    if claim is None:
        return begin(run, TakeClaim(fingerprint=run.summary.fingerprint), now, policy)
    if claim.holder == run.id:
        return None
    if claim.has_ended_without_model:
        effect = TakeClaim(fingerprint=run.summary.fingerprint, previous_holder=claim.holder)
        return begin(run, effect, now, policy)
    message = f"Run {claim.holder} does the same work: same examples, same companions, same job."
    return Decision(run=run.evolve(duplicate_of=claim.holder).end(endings.DUPLICATE, now, message))


def _budget(run: Run, seen: Validating, now: datetime, policy: Policy) -> Decision:
    assert run.summary
    budget, usd = policy.spec.budget, run.summary.estimated_usd
    if usd is not None and budget.per_run_usd is not None and usd > budget.per_run_usd:
        return _too_dear(run, now, f"${usd:.2f} is more than budget.per_run_usd = ${budget.per_run_usd:.2f}.")
    if run.committed_at is None or not seen.is_committed:
        return Decision(run=run.evolve(committed_at=now, due_at=now))
    total = seen.committed_before_usd + (usd or 0.0)
    if usd is not None and budget.per_month_usd is not None and total > budget.per_month_usd:
        return _too_dear(
            run,
            now,
            f"${usd:.2f} on top of ${seen.committed_before_usd:.2f} already committed this month is more than "
            f"budget.per_month_usd = ${budget.per_month_usd:.2f}.",
        )
    return _spend_gate(run, now, policy)


def _too_dear(run: Run, now: datetime, message: str) -> Decision:
    return Decision(run=run.end(endings.BUDGET_EXCEEDED, now, f"Estimated cost: {message}"))


def _spend_gate(run: Run, now: datetime, policy: Policy) -> Decision:
    assert run.summary
    if approval.spend_objection(run, policy.spec) is None:
        return Decision(run=run.move(Status.QUEUEING, now))
    limit, usd = policy.spec.budget.approve_above_usd, run.summary.estimated_usd
    if usd is None or run.summary.price is PriceKind.SEED:
        reason = ("" if usd is None else f"estimated ${usd:.2f}: ") + run.summary.estimate_basis
    else:
        reason = f"estimated ${usd:.2f} is above approve_above_usd = ${limit:.2f}"
    spec = policy.spec.approval
    opened = Gate(
        name="spend",
        digest=identity.spend_digest(run),
        reason=reason,
        opened_at=now,
        approve_by=now + timedelta(seconds=spec.expires_after_s),
        approvals_needed=1,
        uploader_may_approve=spec.uploader_may_approve,
    )
    return Decision(
        run=run.move(
            Status.AWAITING_SPEND_APPROVAL,
            now,
            gates=run.gates | {opened.name: opened},
            due_at=approval.next_look(opened, now, policy),
        )
    )


def awaiting_spend_approval(run: Run, _seen: Nothing, now: datetime, policy: Policy) -> Decision:
    """Has a person decided on the money?"""
    return approval.conclude(run, now, policy) or Decision(run=run.move(Status.QUEUEING, now))
