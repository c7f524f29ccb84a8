"""Gates: what people vote on, and what follows from their votes."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core import endings, identity
from shared.core.decision import Decision, wait
from shared.core.evaluation.verdict import PROMOTED
from shared.core.policy import Policy
from shared.core.run import Gate, Run
from shared.core.spec import PipelineSpec


def next_look(gate: Gate, now: datetime, policy: Policy) -> datetime:
    """When to look at an open gate again, if nothing signals a decision before."""
    return min(gate.approve_by, now + timedelta(seconds=policy.gate_look_s))


def conclude(run: Run, now: datetime, policy: Policy) -> Decision | None:
    """What the open gate leads to if it is not approved: rejection, expiry, more waiting.  None means approved."""
    gate = run.gate
    assert gate
    rejection = next((d for d in gate.decisions if d.decision == "reject"), None)
    if rejection:
        comment = f": {rejection.comment}" if rejection.comment else "."
        return Decision(
            run=run.end(endings.REJECTED, now, f"{rejection.name} rejected the {gate.name} gate{comment}")
        )
    if gate.is_approved:
        return None
    if now >= gate.approve_by:
        return Decision(
            run=run.end(
                endings.GATE_EXPIRED,
                now,
                f"Nobody decided the {gate.name} gate in time ({gate.approvals} of {gate.approvals_needed} approvals).",
            )
        )
    return wait(run, next_look(gate, now, policy) if run.due_at <= now else run.due_at)


def needs_nobody(run: Run, spec: PipelineSpec) -> bool:
    """Whether a run may deploy without a person: the pipeline file says so, it is proven, and nothing casts doubt on it.

    Never after it was judged again: whoever had that done knew the answers.
    """
    seen = run.evaluation
    is_proven = seen is not None and seen.outcome in PROMOTED and not seen.doubts
    return spec.approval.mode == "automatic" and is_proven and run.judging is None


def objection(run: Run, spec: PipelineSpec) -> str | None:
    """Why this run may not be deployed now, or None."""
    gate = run.gates.get("deployment")
    if gate is None:
        if needs_nobody(run, spec):
            return None
        return "No person approved this run, and the pipeline file does not let it deploy without one."
    if why := run.stale_digests.get(gate.digest):
        return f"What was approved counts no more. {why}"
    if not gate.is_approved:
        return f"Only {gate.approvals} of {gate.approvals_needed} approvals were given in time."
    present = identity.deployment_digest(run, spec)
    if gate.digest != present:
        return f"What was approved ({gate.digest}) is not what would be deployed ({present})."
    return None
