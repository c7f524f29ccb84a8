"""Gates: what people vote on, and what follows from their votes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.core import endings, identity
from shared.core.costs import PriceKind
from shared.core.decision import Decision, wait
from shared.core.evaluation.verdict import PROMOTED
from shared.core.history import Event, told_of_vote, vote_told
from shared.core.naming import person_key
from shared.core.policy import Policy
from shared.core.run import Gate, GateDecision, Run
from shared.core.spec import PipelineSpec

#: So long a run whose gate was approved may be kept from going on.
_GRACE_S: Final = 24 * 3600.0


def next_look(gate: Gate, now: datetime, policy: Policy) -> datetime:
    """When to look at an open gate again, if nothing signals a decision before."""
    return min(gate.approve_by, now + timedelta(seconds=policy.gate_look_s))


def rejection(gate: Gate) -> GateDecision | None:
    """The vote that ends the run, whatever others say; None: nobody rejected it."""
    return next((vote for vote in gate.decisions if vote.decision == "reject"), None)


def conclude(run: Run, now: datetime, policy: Policy) -> Decision | None:
    """What the open gate leads to if it is not approved: rejection, expiry, more waiting.  None means approved."""
    gate = run.gate
    assert gate
    if rejected := rejection(gate):
        comment = f": {rejected.comment}" if rejected.comment else "."
        return Decision(
            run=run.end(endings.REJECTED, now, f"{rejected.name} rejected the {gate.name} gate{comment}")
        )
    if gate.is_approved:
        return None
    if now >= gate.approve_by:
        return Decision(run=expired(run, gate, now))
    return wait(run, next_look(gate, now, policy) if run.due_at <= now else run.due_at)


def is_lost(gate: Gate, now: datetime) -> bool:
    """Whether a gate whose run cannot be looked at is given up: at its time, or if it was approved a day later."""
    return now >= gate.approve_by + (timedelta(seconds=_GRACE_S) if gate.is_approved else timedelta())


def expired(run: Run, gate: Gate, now: datetime) -> Run:
    """The run ended, since its gate led to nothing."""
    approvals = f"{gate.approvals} of {gate.approvals_needed} approvals"
    message = f"Nobody decided the {gate.name} gate in time ({approvals})."
    if gate.is_approved:
        message = f"The {gate.name} gate was approved, but the run could not go on in time: {run.trouble}"
    return run.end(endings.GATE_EXPIRED, now, message)


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
    given, needed = _approvals(run, gate, spec), max(gate.approvals_needed, spec.approval.approvers)
    if given < needed:
        return f"Only {given} of {needed} approvals were given in time."
    present = identity.deployment_digest(run, spec)
    if gate.digest != present:
        return f"What was approved ({gate.digest}) is not what would be deployed ({present})."
    return None


def asks_for_money(run: Run, spec: PipelineSpec) -> bool:
    """Whether a person has to approve what the run will cost."""
    assert run.summary
    limit, usd = spec.budget.approve_above_usd, run.summary.estimated_usd
    is_seed = run.summary.price is PriceKind.SEED
    return limit is not None and (usd is None or usd > limit or is_seed)


def spend_objection(run: Run, spec: PipelineSpec) -> str | None:
    """Why no money may be spent on this run now, or None."""
    if not asks_for_money(run, spec):
        return None
    gate = run.gates.get("spend")
    if gate is None:
        return "No person approved what this run costs."
    given, needed = _approvals(run, gate, spec), max(gate.approvals_needed, 1)
    if given < needed:
        return f"Only {given} of {needed} approvals of the cost were given in time."
    present = identity.spend_digest(run)
    return (
        None
        if gate.digest == present
        else f"What was approved ({gate.digest}) is not this work at this price ({present})."
    )


def _approvals(run: Run, gate: Gate, spec: PipelineSpec) -> int:
    """How many persons approve whom the pin lets decide: rows can be changed, also what a gate asks, pins cannot."""
    uploader = None if spec.approval.uploader_may_approve else person_key(run.dataset.uploaded_by or "")
    return sum(vote.decision == "approve" and person != uploader for person, vote in gate.standing.items())


def has_said(run: Run) -> bool:
    """Whether the row holds votes or holds, which count as far as the history has them."""
    return any(gate.decisions or gate.holds for gate in run.gates.values())


def counted(run: Run, events: Iterable[Event]) -> Run:
    """The run with those votes and holds only that have a line in its history, and a warning for each vote without.

    State and history of a run are written together, so a vote without a line was not given by way of the app.  Of what one person
    said of one digest the last line counts.  Lines that 0.1.0 and 0.2.0 wrote do not say whose they are; one line is one vote.
    """
    lines: dict[tuple[str, str], list[str | None]] = {}
    held = []
    for event in events:
        if event.kind == "decision":
            lines.setdefault(_whose(event.detail or "", event.person), []).append(event.after)
        elif event.kind == "hold":
            held.append((_whose(event.detail or "", event.person), event.comment))
    last = {key: said[-1] for key, said in lines.items()}
    gates, told = dict(run.gates), list[str]()
    for name, gate in run.gates.items():
        kept = _standing(name, [vote for vote in gate.decisions if _has_line(lines, name, vote)], last)
        told += [_does_not_count(name, vote) for vote in gate.decisions if vote not in kept]
        holds = tuple(
            hold
            for hold in gate.holds
            if (_whose(told_of_vote(name, hold), hold.person), hold.comment) in held
        )
        if (kept, holds) != (gate.decisions, gate.holds):
            gates[name] = msgspec.structs.replace(gate, decisions=kept, holds=holds)
    return run.evolve(gates=gates).warned(dict.fromkeys(told))


def _has_line(lines: dict[tuple[str, str], list[str | None]], gate: str, vote: GateDecision) -> bool:
    """Whether there is a line for a vote, which is used up by it."""
    for person in (vote.person, ""):
        said = lines.get(_whose(told_of_vote(gate, vote), person), [])
        if vote.decision in said:
            said.remove(vote.decision)
            return True
    return False


def _standing(
    gate: str, votes: list[GateDecision], last: dict[tuple[str, str], str | None]
) -> tuple[GateDecision, ...]:
    """The votes of those whose last one is also their last line: what was withdrawn does not come back by itself."""
    keys = [_whose(told_of_vote(gate, vote), vote.person) for vote in votes]
    said = {key: vote.decision for key, vote in zip(keys, votes, strict=True)}
    return tuple(vote for key, vote in zip(keys, votes, strict=True) if last.get(key, said[key]) == said[key])


def _whose(detail: str, person: str) -> tuple[str, str]:
    """What a line is about, and whose it is: of a known person their id says it, whatever their name was then."""
    if not person:
        return detail, ""
    gate, _, digest = vote_told(detail)
    return f"{gate} {digest}", person_key(person)


def _does_not_count(gate: str, vote: GateDecision) -> str:
    return f"A vote of {vote.name} at the {gate} gate ({vote.decision}) is not in the history; it does not count."
