"""What somebody may do with a run.

Whether something may be done is not decided here: the functions of the core that do it are tried, and what they refuse is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from shared.core import holds, people
from shared.core.approval import rejection
from shared.core.errors import FinetuneError, GateClosed
from shared.core.people import Choice, Person
from shared.core.roles import Right, Roles, insist
from shared.core.run import Gate, Run
from shared.core.spec import Approval
from shared.core.status import GATES, GateName, Status
from shared.version import VERSION
from shared.views.moments import When, when

#: What a person may say at a gate.
SAYS: Final = ("approve", "reject", "hold", "withdraw")
#: What a person may do with a run beside its gates.
WISHES: Final = ("cancel", "retry", "rejudge")
ACTS: Final = (*SAYS, *WISHES)
#: Act -> its name in words.
NAMES: Final = MappingProxyType(
    {
        "approve": "Approve",
        "reject": "Reject",
        "hold": "Ask first (hold)",
        "withdraw": "Withdraw my approval",
        "cancel": "Cancel the run",
        "retry": "Try again",
        "rejudge": "Judge again",
    }
)
#: What follows from no decision, by gate.
_NOTHING: Final = MappingProxyType(
    {
        "spend": "the run ends as expired: nothing is trained, and nothing is paid",
        "deployment": "the run ends as expired: nothing is deployed, and its clients keep what they have",
    }
)
_DANGERS: Final = frozenset({"reject", "cancel"})


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said at a gate.

    Attributes:
        who: their name.
        what: `approve`, `reject`, `withdraw` or `hold`.
        role: the app role that it was cast with; empty: not known.
        words: why; may be empty.
        at: when.
    """

    who: str
    what: str
    role: str
    words: str
    at: When


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An act that somebody may take now.

    Attributes:
        act: its name in addresses.
        words: on the button.
        page: address of the page that says what will happen.
        send: address that the form is sent to.
        is_danger: whether it ends something.
    """

    act: str
    words: str
    page: str
    send: str
    is_danger: bool


class GateForm(msgspec.Struct, frozen=True, kw_only=True):
    """An open gate as a form: `_gate_form.html` shows it.

    Attributes:
        name: `spend` or `deployment`.
        digest: of exactly what is decided on.
        opened_at: since when it is open.
        approve_by: until when.
        decided: what was decided and what follows; empty while something is to be decided.
        nothing: what happens if nobody decides in time.
        who: which persons decide, by role and by what is known of the uploader.
        before: what speaks against trusting the verdict, in sentences; empty at the spend gate.
        approvals: that there are.
        approvals_needed: of different persons.
        needs_words: whether an approval has to say why.
        needs_answer: whether something that was asked is open.
        said: votes and holds, oldest first.
        offers: what the reader may do here.
        not_offered: why not more, in sentences.
    """

    name: str
    digest: str
    opened_at: When
    approve_by: When
    decided: str
    nothing: str
    who: str
    before: tuple[str, ...]
    approvals: int
    approvals_needed: int
    needs_words: bool
    needs_answer: bool
    said: tuple[Said, ...]
    offers: tuple[Offer, ...]
    not_offered: tuple[str, ...]


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """All that somebody may do with a run.

    Attributes:
        gate: the open gate; None: none is open.
        wishes: the rest: cancel, retry, judge again.
        not_offered: what this run allows and this person does not do, in sentences that name the role.
    """

    gate: GateForm | None
    wishes: tuple[Offer, ...]
    not_offered: tuple[str, ...]


class Asker(NamedTuple):
    """Who wants to do something.

    Attributes:
        person: who.
        roles: names of the app roles.
        rule: how people decide on the run, by its pipeline file.
        now: the time.
        before: what an approver has to know first, as `before_approving` tells it.
    """

    person: Person
    roles: Roles
    rule: Approval
    now: datetime
    before: tuple[str, ...] = ()


def offered(run: Run, asker: Asker) -> Offers:
    """What somebody may do with a run, which has only the votes that count."""
    gate, wishes, not_offered = run.gate, list[Offer](), list[str]()
    for act in WISHES:
        why = objection(run, act, asker)
        if why is None:
            wishes.append(_offer(run, act))
        elif not isinstance(why, GateClosed):
            not_offered.append(f"{NAMES[act]}: {sentence(why)}")
    return Offers(
        gate=_form(run, gate, asker) if gate else None,
        wishes=tuple(wishes),
        not_offered=tuple(not_offered),
    )


def _form(run: Run, gate: Gate, asker: Asker) -> GateForm:
    now = asker.now
    offers, not_offered = list[Offer](), list[str]()
    for act in SAYS:
        why = objection(run, act, asker)
        if why is None:
            offers.append(_offer(run, act))
        elif not isinstance(why, GateClosed):
            not_offered.append(sentence(why))
    return GateForm(
        name=gate.name,
        digest=gate.digest,
        opened_at=when(gate.opened_at, now),
        approve_by=when(gate.approve_by, now),
        decided=_decided(gate),
        nothing=_NOTHING[gate.name],
        who=_who(run, gate, asker.roles),
        before=asker.before,
        approvals=gate.approvals,
        approvals_needed=gate.approvals_needed,
        needs_words=people.needs_words(run, gate.name),
        needs_answer=holds.needs_answer(run, gate),
        said=said_at(gate, now),
        offers=tuple(offers),
        not_offered=tuple(dict.fromkeys(not_offered)),
    )


def said_at(gate: Gate, now: datetime) -> tuple[Said, ...]:
    """Votes and holds, oldest first."""
    said = sorted((*gate.decisions, *gate.holds), key=lambda one: one.at)
    return tuple(
        Said(who=one.name, what=one.decision, role=one.role, words=one.comment, at=when(one.at, now))
        for one in said
    )


def _who(run: Run, gate: Gate, roles: Roles) -> str:
    decides = f"the app role {roles.approver} decides"
    if gate.uploader_may_approve:
        return f"{decides}, also who dropped the dataset (approval.uploader_may_approve is true)."
    if run.dataset.uploaded_by is None:
        return f"{decides}. It is not known who dropped the dataset, so nobody is kept from voting as its uploader."
    return f"{decides}, but not who dropped the dataset."


def _decided(gate: Gate) -> str:
    if rejection(gate):
        return "It is rejected: the run ends at its next step."
    return "It is approved: the run goes on at its next step." if gate.is_approved else ""


def in_buttons(text: str) -> str:
    """A text that names routes of the API, for people who have the buttons of these in front of them."""
    for act in WISHES:
        text = text.replace(f"(POST .../{act})", f'("{NAMES[act]}")').replace(
            f"POST .../{act}", f'"{NAMES[act]}"'
        )
    return text.replace("GET /api/runs lists the runs", "the list of runs has every run")


def _offer(run: Run, act: str) -> Offer:
    page = f"/api/ui/runs/{run.id}/do/{act}"
    return Offer(act=act, words=NAMES[act], page=page, send=f"{page}/send", is_danger=act in _DANGERS)


def objection(run: Run, act: str, asker: Asker) -> FinetuneError | None:
    """Why somebody may not do something with a run now: `GateClosed` if nobody may, else what this person lacks."""
    why: FinetuneError | None = None
    try:
        _TRIED[act](run, asker)
    except GateClosed as error:
        return error
    except FinetuneError as error:
        why = error
    try:
        insist(asker.person, right_of(act), asker.roles)
    except FinetuneError as error:
        return error
    return why


def right_of(act: str) -> Right:
    """The right that an act takes."""
    return Right.VOTE if act in SAYS else Right.OPERATE


def sentence(error: FinetuneError) -> str:
    """What an error says, and what to do about it."""
    return in_buttons(f"{error.message.rstrip('.')}. {error.remedy}")


def _vote(run: Run, asker: Asker, decision: Choice) -> None:
    gate = _open_gate(run)
    ruling = people.vote(
        run,
        _name(gate),
        asker.person,
        decision=decision,
        digest=gate.digest,
        comment="why" if people.needs_words(run, gate.name) else "",  # the form asks for it
        now=asker.now,
        app_version=VERSION,
    )
    if not ruling.is_new:
        msg = f"you decided to {decision} before"
        raise GateClosed(msg)


def _hold(run: Run, asker: Asker) -> None:
    gate = _open_gate(run)
    person, now = asker.person, asker.now
    holds.hold(run, _name(gate), person, digest=gate.digest, comment="why", now=now, app_version=VERSION)


def _open_gate(run: Run) -> Gate:
    if run.status is Status.NOT_PROMOTED:
        why = run.failure.message if run.failure else "It is not better by the rule of its pipeline file"
        msg = f"nobody deploys by hand what is not proven to be better. {why}"
        raise GateClosed(
            msg, remedy="More held-out examples, or a corrected exam, may settle it: have it judged again."
        )
    if run.gate is None:
        msg = f"no gate of run {run.id} is open; the run is {run.status}"
        raise GateClosed(msg)
    return run.gate


def _name(gate: Gate) -> GateName:
    return next(name for name in GATES if name == gate.name)


def _cancel(run: Run, asker: Asker) -> None:
    if people.cancel(run, asker.person, asker.now) is run:
        msg = f"run {run.id} is asked to stop already"
        raise GateClosed(msg)


#: Act -> the function that does it, to see what it would say; what it gives is thrown away.
_TRIED: Final[MappingProxyType[str, Callable[[Run, Asker], object]]] = MappingProxyType(
    {
        "approve": lambda run, asker: _vote(run, asker, "approve"),
        "reject": lambda run, asker: _vote(run, asker, "reject"),
        "withdraw": lambda run, asker: _vote(run, asker, "withdraw"),
        "hold": _hold,
        "cancel": _cancel,
        "retry": lambda run, asker: people.retry(run, asker.person, asker.rule, asker.now),
        "rejudge": lambda run, asker: people.insist_on_judge(run, asker.person, asker.rule, asker.now),
    }
)
