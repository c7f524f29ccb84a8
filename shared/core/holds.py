"""Holds: what a person asks before they decide.  They stop no clock and block nobody, and whoever holds may vote later."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from shared.core import room
from shared.core.approval import rejection
from shared.core.errors import GateClosed, Malformed, StaleDigest
from shared.core.people import (
    Person,
    Ruling,
    insist_in_time,
    is_same_person,
    opened,
    uploaded_by,
)
from shared.core.run import Gate, GateDecision, Run
from shared.core.status import GATES, GateName

#: At one gate; a row has room for so many.
_HOLDS_MAX: Final = 20


def hold(
    run: Run,
    gate_name: GateName,
    person: Person,
    *,
    digest: str,
    comment: str,
    now: datetime,
    app_version: str,
) -> Ruling:
    """Record what a person asks, or answers, at an open gate; also the uploader may.

    The same words of the same person, if nobody held since, change nothing.

    Raises:
        Malformed: there are no words, or there is no room for them (`room.py`).
        GateClosed: the gate is not open, or there are too many holds.
        StaleDigest: the hold names another digest than the gate.
        Expired: the time is over.
    """
    if not room.has_words(comment):
        msg = "a hold needs words: say what has to be answered"
        raise Malformed(msg)
    gate = opened(run, gate_name)
    if digest != gate.digest:
        msg = f"the {gate_name} gate of run {run.id} is about {gate.digest}, the hold about {digest}"
        raise StaleDigest(msg)
    insist_in_time(run, gate_name, gate, now)
    if run.status is not GATES[gate_name]:
        msg = f"the {gate_name} gate of run {run.id} was decided already: the run is {run.status}"
        raise GateClosed(msg)
    missing = gate.approvals_missing
    if rejection(gate) or gate.is_approved:
        msg = f"the {gate_name} gate of run {run.id} was decided already: there is nothing to ask any more"
        raise GateClosed(msg)
    last = gate.holds[-1] if gate.holds else None
    if last and is_same_person(last.person, person.id) and last.comment == comment:
        return Ruling(run=run, is_new=False, approvals_missing=missing)
    if len(gate.holds) >= _HOLDS_MAX:
        msg = f"there are {_HOLDS_MAX} holds at the {gate_name} gate of run {run.id}; no more can be recorded"
        raise GateClosed(msg, remedy="Decide, or talk elsewhere.")
    entry = GateDecision(
        person=person.id,
        name=person.name,
        decision="hold",
        digest=digest,
        comment=comment,
        at=now,
        app_version=app_version,
        role=person.role,
    )
    room.insist(gate.holds, entry, room.HOLDS_CHARS_MAX)
    held = msgspec.structs.replace(gate, holds=(*gate.holds, entry))
    return Ruling(run=run.evolve(gates=run.gates | {gate_name: held}), is_new=True, approvals_missing=missing)


def needs_answer(run: Run, gate: Gate) -> bool:
    """Whether what was asked last is open: the gate is, its author has not voted since, and it is not what the uploader said."""
    if not gate.holds or rejection(gate) or gate.is_approved:
        return False
    last = gate.holds[-1]
    has_voted = any(is_same_person(d.person, last.person) and d.at >= last.at for d in gate.decisions)
    return not has_voted and not uploaded_by(run.dataset, last.person)
