"""Decisions of people: what they decide on, when a decision counts, what follows from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.core import identity
from shared.core.errors import Expired, Forbidden, GateClosed, StaleDigest
from shared.core.policy import Policy
from shared.core.run import Gate, GateDecision, Run, Status
from shared.core.spec import PipelineSpec
from shared.core.steps.attempts import Decision, wait

GateName = Literal["spend", "deployment"]

#: gate -> the status in which it is open.
GATES: dict[GateName, Status] = {
    "spend": Status.AWAITING_SPEND_APPROVAL,
    "deployment": Status.AWAITING_APPROVAL,
}


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the platform authenticated."""

    id: str
    """Object id of the Entra principal."""
    name: str
    roles: frozenset[str] = frozenset()


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision leads to."""

    run: Run
    is_new: bool
    approvals_missing: int


def rule(
    run: Run,
    gate_name: GateName,
    person: Person,
    *,
    decision: Literal["approve", "reject"],
    digest: str,
    comment: str,
    now: datetime,
) -> Ruling:
    """Record a person's decision; the reconciler draws the conclusion.

    The same decision of the same person on the same digest changes nothing, at any time.

    Raises:
        GateClosed: the gate is not open (yet), or this person decided otherwise before.
        StaleDigest: the decision names another digest than the gate.
        Expired: the time is over.
        Forbidden: the uploader decides on their own dataset.
    """
    gate = run.spend_gate if gate_name == "spend" else run.deployment_gate
    if gate is None:
        msg = f"the {gate_name} gate of run {run.id} is not open; the run is {run.status}"
        raise GateClosed(msg)
    earlier = next((d for d in gate.decisions if d.person == person.id), None)
    if earlier and (earlier.decision, earlier.digest) == (decision, digest):
        return Ruling(run=run, is_new=False, approvals_missing=_missing(gate))
    if digest != gate.digest:
        msg = f"the {gate_name} gate of run {run.id} is about {gate.digest}, the decision about {digest}"
        raise StaleDigest(msg)
    if run.status is Status.EXPIRED or (run.status is GATES[gate_name] and now >= gate.approve_by):
        msg = f"the {gate_name} gate of run {run.id} expired at {gate.approve_by.isoformat()}"
        raise Expired(msg)
    if run.status is not GATES[gate_name] or earlier:
        said = f"you decided to {earlier.decision} before" if earlier else f"the run is {run.status}"
        msg = f"the {gate_name} gate of run {run.id} was decided already: {said}"
        raise GateClosed(msg)
    if run.dataset.uploaded_by == person.id and not gate.uploader_may_approve:
        msg = f"{person.name} uploaded this dataset and may not decide on it (approval.uploader_may_approve is false)"
        raise Forbidden(msg, remedy="Ask somebody else to decide.")
    entry = GateDecision(
        person=person.id, name=person.name, decision=decision, digest=digest, comment=comment, at=now
    )
    decided = msgspec.structs.replace(gate, decisions=(*gate.decisions, entry))
    field = "spend_gate" if gate_name == "spend" else "deployment_gate"
    return Ruling(
        run=run.evolve(**{field: decided, "due_at": now}), is_new=True, approvals_missing=_missing(decided)
    )


def _missing(gate: Gate) -> int:
    return max(0, gate.approvals_needed - gate.approvals)


def next_look(gate: Gate, now: datetime, policy: Policy) -> datetime:
    """When to look at an open gate again, if nothing signals a decision before."""
    return min(gate.approve_by, now + timedelta(seconds=policy.gate_look_s))


def conclude(run: Run, gate: Gate, now: datetime, policy: Policy) -> Decision | None:
    """What an open gate leads to, short of approval: rejection, expiry, more waiting.  None means approved."""
    rejection = next((d for d in gate.decisions if d.decision == "reject"), None)
    if rejection:
        comment = f": {rejection.comment}" if rejection.comment else "."
        return Decision(
            run=run.end(
                Status.REJECTED,
                now,
                code="rejected",
                message=f"{rejection.name} rejected the {gate.name} gate{comment}",
                remedy="Drop a better dataset, or the same one with a changed job.",
            )
        )
    if gate.is_approved:
        return None
    if now >= gate.approve_by:
        return Decision(
            run=run.end(
                Status.EXPIRED,
                now,
                code="gate_expired",
                message=f"Nobody decided the {gate.name} gate in time ({gate.approvals} of {gate.approvals_needed} approvals).",
                remedy="Drop the dataset again; approval.expires_after in the pipeline file sets the time.",
            )
        )
    return wait(run, next_look(gate, now, policy) if run.due_at <= now else run.due_at)


def objection(run: Run, spec: PipelineSpec) -> str | None:
    """Why this run may not be deployed now, or None."""
    gate = run.deployment_gate
    if gate is None:
        proven = run.evaluation is not None and run.evaluation.outcome == "better"
        if spec.approval.mode == "automatic" and proven:
            return None
        return "No person approved this run, and the pipeline file does not let it deploy without one."
    if not gate.is_approved:
        return f"Only {gate.approvals} of {gate.approvals_needed} approvals were given in time."
    present = identity.deployment_digest(run, spec)
    if gate.digest != present:
        return f"What was approved ({gate.digest}) is not what would be deployed ({present})."
    return None
