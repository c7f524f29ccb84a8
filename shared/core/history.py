"""The history of a run: what changed between two states, for people and for audits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from shared.core.run import Attempt, Gate, GateDecision, Judging, Run, Wish

Kind = Literal["status", "job", "attempt", "trouble", "decision", "hold", "cancel", "warning", "note"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: Kinds of lines with what people said at gates.
SAID: Final[tuple[Kind, ...]] = ("decision", "hold")
#: Kinds of lines among which all that people did is: at gates, and what they asked for (`wish_told`).
DONE_BY_PEOPLE: Final[tuple[Kind, ...]] = (*SAID, "cancel", "status")


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
    """Of what a person did: object id of who did it; empty in rows that 0.1.0 and 0.2.0 wrote."""
    role: str = ""
    """Of what a person did: the app role by which they did it; empty in rows that releases before 0.3.0 wrote."""
    comment: str | None = None
    """Of what a person did: why; None in rows that releases before 0.3.0 wrote, which have it of votes in the run only."""


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
            person=by.person if by else "",
            role=by.role if by else "",
            comment=by.comment if by else None,
        )
        for number, (kind, old, new, detail, by) in enumerate(_changes(before, after), start=1)
    )
    return after.evolve(revision=first + len(events)), events


type _Person = GateDecision | Wish | Judging


class _Change(NamedTuple):
    """Kind, before, after and detail of a line, and what a person did, if it was a person."""

    kind: str
    before: str | None
    after: str | None
    detail: str | None
    by: _Person | None = None


_ASKED: Final = "asked by "
_RETRIED: Final = "to be tried again, asked by "
#: How a line begins that tells who had a run judged again.
JUDGED_AGAIN: Final = "to be judged again, asked by "
_NUMBER: Final = ": evaluation "


class WishTold(NamedTuple):
    """What somebody asked for, as a line of the history tells it."""

    kind: Literal["cancel", "retry", "rejudge"]
    name: str


def wish_told(event: Event) -> WishTold | None:
    """The wish that a line tells of, whichever release wrote it; None if it tells of none.

    The first line of a history has the name of a file as its detail, which may say anything; it comes from no status.
    """
    detail = event.detail or ""
    if event.kind == "cancel":
        return WishTold("cancel", detail.removeprefix(_ASKED))
    if event.kind != "status" or event.before is None:
        return None
    if detail.startswith(_RETRIED):
        return WishTold("retry", detail.removeprefix(_RETRIED))
    if detail.startswith(JUDGED_AGAIN):
        return WishTold("rejudge", detail.removeprefix(JUDGED_AGAIN).rpartition(_NUMBER)[0])
    return None


def told_of_vote(gate: str, vote: GateDecision) -> str:
    """What the history says of a vote, beside what was decided."""
    return f"{gate}: {vote.name} on {vote.digest}"


def vote_told(detail: str) -> tuple[str, str, str]:
    """Gate, name and digest of what `told_of_vote` said."""
    gate, _, rest = detail.partition(": ")
    name, _, digest = rest.rpartition(" on ")
    return gate, name, digest


def _changes(before: Run | None, after: Run) -> Iterator[_Change]:
    """What each event tells."""
    if before is None:
        yield _Change("status", None, after.status, after.dataset.name)
        return
    if after.job_status != before.job_status:
        yield _Change("job", before.job_status, after.job_status, after.job_id)
    for kind, gate, vote in _votes(before, after):
        yield _Change(kind, None, vote.decision, told_of_vote(gate, vote), vote)
    yield from _others(before, after)


def _others(before: Run, after: Run) -> Iterator[_Change]:
    for warning in after.warnings[len(before.warnings) :]:
        yield _Change("warning", None, None, warning)
    if after.cancel and not before.cancel:
        yield _Change("cancel", None, None, f"{_ASKED}{after.cancel.name}", after.cancel)
    if after.attempt and not _is_repeated(before.attempt, after.attempt):
        yield _Change("attempt", None, after.attempt.effect, f"attempt {after.attempt.count}")
    if after.trouble and after.trouble_code != before.trouble_code:
        what = after.attempt.effect if after.attempt else after.status
        yield _Change("trouble", None, what, after.trouble)
    for duplicate in after.duplicates[len(before.duplicates) :]:
        yield _Change("note", None, None, f"duplicate job {duplicate} appeared late and is being cancelled")
    for orphan in after.orphans[len(before.orphans) :]:
        yield _Change("note", None, None, f"duplicate job {orphan} had ended before it could be cancelled")
    if after.status != before.status:
        yield _Change("status", before.status, after.status, *_reason(before, after))


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


def _reason(before: Run, after: Run) -> tuple[str | None, _Person | None]:
    """Why a run has another status, and what a person did, if that is why."""
    number = after.evaluation_round + 1
    if after.failure and after.failure != before.failure:
        return f"{after.failure.code}: {after.failure.message}", None
    if after.retry and after.retry != before.retry:
        return f"{_RETRIED}{after.retry.name}", after.retry
    if after.judging and after.judging != before.judging:
        changed = ", ".join(after.judging.changed) or "nothing"
        said = f"{JUDGED_AGAIN}{after.judging.name}{_NUMBER}{number}; changed: {changed}"
        return said, after.judging
    if after.evaluation_round > before.evaluation_round:
        return f"to be measured again: evaluation {number}", None
    if after.duplicate_of and not before.duplicate_of:
        return f"same work as run {after.duplicate_of}", None
    opened: Gate | None = after.gate
    return (opened.reason if opened else None), None
