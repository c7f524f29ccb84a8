"""The history of a run: what changed between two states, for people and for audits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from shared.core.run import Attempt, Gate, GateDecision, Judging, Run, Wish

Kind = Literal["status", "job", "attempt", "trouble", "decision", "hold", "cancel", "warning", "note"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: Kinds of lines with what people said at gates.
SAID: Final[tuple[Kind, ...]] = ("decision", "hold")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One append-only row of a run's history."""

    sequence: int
    at: datetime
    kind: str
    """One of `KINDS`."""
    before: str | None = None
    after: str | None = None
    detail: str | None = None
    app_version: str = ""
    """Version of the app that wrote it; empty in rows that 0.1.0 wrote."""
    person: str = ""
    """Of a decision or hold: object id of who took it; empty in rows that 0.1.0 and 0.2.0 wrote."""
    role: str = ""
    """Of a decision or hold: the app role that it was cast with; empty in rows that releases before 0.3.0 wrote."""
    comment: str | None = None
    """Of a decision or hold: why; None in rows that releases before 0.3.0 wrote, which have it in the run only."""


def events_between(before: Run | None, after: Run) -> tuple[Run, tuple[Event, ...]]:
    """The events that lead from one state to the next, and the next state with its revision counted up by them."""
    first = before.revision if before else 0
    events = tuple(
        Event(
            sequence=first + number,
            at=after.updated_at,
            kind=kind,
            before=old,
            after=new,
            detail=detail,
            app_version=after.app_version,
            person=vote.person if vote else "",
            role=vote.role if vote else "",
            comment=vote.comment if vote else None,
        )
        for number, (kind, old, new, detail, vote) in enumerate(_changes(before, after), start=1)
    )
    return after.evolve(revision=first + len(events)), events


_Change = tuple[str, str | None, str | None, str | None]


def told_of_vote(gate: str, vote: GateDecision) -> str:
    """What the history says of a vote, beside what was decided."""
    return f"{gate}: {vote.name} on {vote.digest}"


def vote_told(detail: str) -> tuple[str, str, str]:
    """Gate, name and digest of what `told_of_vote` said."""
    gate, _, rest = detail.partition(": ")
    name, _, digest = rest.rpartition(" on ")
    return gate, name, digest


def _changes(
    before: Run | None, after: Run
) -> Iterator[tuple[str, str | None, str | None, str | None, GateDecision | None]]:
    """Kind, before, after, detail and vote of each event."""
    if before is None:
        yield "status", None, after.status, after.dataset.name, None
        return
    if after.job_status != before.job_status:
        yield "job", before.job_status, after.job_status, after.job_id, None
    for kind, gate, vote in _votes(before, after):
        yield kind, None, vote.decision, told_of_vote(gate, vote), vote
    for change in _others(before, after):
        yield *change, None


def _others(before: Run, after: Run) -> Iterator[_Change]:
    for warning in after.warnings[len(before.warnings) :]:
        yield "warning", None, None, warning
    if after.cancel and not before.cancel:
        yield "cancel", None, None, f"asked by {after.cancel.name}{_why(after.cancel)}"
    if after.attempt and not _is_repeated(before.attempt, after.attempt):
        yield "attempt", None, after.attempt.effect, f"attempt {after.attempt.count}"
    if after.trouble and after.trouble_code != before.trouble_code:
        yield "trouble", None, after.attempt.effect if after.attempt else after.status, after.trouble
    for duplicate in after.duplicates[len(before.duplicates) :]:
        yield "note", None, None, f"duplicate job {duplicate} appeared late and is being cancelled"
    for orphan in after.orphans[len(before.orphans) :]:
        yield "note", None, None, f"duplicate job {orphan} had ended before it could be cancelled"
    if after.status != before.status:
        yield "status", before.status, after.status, _reason(before, after)


def _why(wish: Wish | Judging) -> str:
    """What a person said of what they asked for, behind what else is said of it."""
    return f"; why: {wish.comment}" if wish.comment else ""


def _is_repeated(before: Attempt | None, after: Attempt) -> bool:
    """Whether an attempt is known already, or repeats one that was not applied: a day of those would be a thousand rows."""
    if before is None or before.effect != after.effect:
        return False
    return before.at == after.at or (before.is_settled and before.count == after.count)


def _votes(before: Run, after: Run) -> Iterator[tuple[Kind, str, GateDecision]]:
    """Votes and holds that were not there before, each with the name of its gate."""
    for name, gate in after.gates.items():
        old = before.gates.get(name)
        same = old if old and old.digest == gate.digest else None
        for vote in _added(same.decisions if same else (), gate.decisions):
            yield "decision", name, vote
        for hold in _added(same.holds if same else (), gate.holds):
            yield "hold", name, hold


def _added(before: tuple[GateDecision, ...], after: tuple[GateDecision, ...]) -> Iterator[GateDecision]:
    known = list(before)
    for vote in after:
        if vote in known:
            known.remove(vote)
        else:
            yield vote


def _reason(before: Run, after: Run) -> str | None:
    if after.failure and after.failure != before.failure:
        return f"{after.failure.code}: {after.failure.message}"
    if after.retry and after.retry != before.retry:
        return f"to be tried again, asked by {after.retry.name}{_why(after.retry)}"
    if after.judging and after.judging != before.judging:
        changed = ", ".join(after.judging.changed) or "nothing"
        asked_by, number = after.judging.name, after.evaluation_round + 1
        why = _why(after.judging)
        return f"to be judged again, asked by {asked_by}: evaluation {number}; changed: {changed}{why}"
    if after.evaluation_round > before.evaluation_round:
        return f"to be measured again: evaluation {after.evaluation_round + 1}"
    if after.duplicate_of and not before.duplicate_of:
        return f"same work as run {after.duplicate_of}"
    opened: Gate | None = after.gate
    return opened.reason if opened else None
