"""The first page: what is wrong, what waits for people, what runs.  At most 7 calls to storage, and one to Resource Manager."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import msgspec

from shared.core.errors import FinetuneError, NotFound, Refused, Unavailable, foreseen
from shared.core.naming import person_key
from shared.core.observations import Champion
from shared.core.people import Person, uploaded_by
from shared.core.roles import Right, Roles
from shared.core.run import Run
from shared.core.status import FINISHED, GATES, IN_FLIGHT, Status
from shared.ports import ActiveRun, OpenGate, RunSummary, Ticks, World
from shared.version import VERSION
from shared.views import wrong
from shared.views.moments import When, when
from shared.views.statuses import Badge, badge, brief
from shared.views.wrong import Account, Wrong

_LISTED: Final = 100
#: Of what is wrong, and of what waits: people read no more.
_SHOWN: Final = 30
#: Of runs that failed lately, so many are read.
_READ_MAX: Final = 3
_FAILED_MAX: Final = 10
_KEPT: Final = timedelta(seconds=60)
#: So long a page waits for another one that asks: whoever waited longer would keep a thread from others.
_PATIENCE_S: Final = 0.5


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that matter to people.

    Attributes:
        account: the Foundry account.
        project: its endpoint.
        roles: names of the app roles.
        in_flight_max: runs at the same time.
        requests_per_minute: of one person.
    """

    account: Account
    project: str
    roles: Roles
    in_flight_max: int
    requests_per_minute: int


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run at an open gate.

    Attributes:
        run_id: of the run.
        pipeline: its name.
        dataset: name of the blob.
        status: which gate is open.
        asked: what a person is asked.
        reason: why a person is asked; empty in rows of an older release.
        since: when it was opened.
        approve_by: until when; None in such rows.
        approvals: how many there are of how many, in words; empty in such rows.
        needs_answer: whether something that was asked is open.
        question: its first words; may be empty.
        is_yours: whether the reader may vote on it.
        why_not: why they may not, or need not; empty if they may.
    """

    run_id: str
    pipeline: str
    dataset: str
    status: Badge
    asked: str
    reason: str
    since: When
    approve_by: When | None
    approvals: str
    needs_answer: bool
    question: str
    is_yours: bool
    why_not: str


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A setting."""

    name: str
    value: str


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The first page.

    Attributes:
        wrong: what is wrong, the worst first; at most 30 of it.
        count: how much is wrong.
        more_wrong: how much of it is left out.
        not_known: what is not watched, or could not be asked, in sentences.
        waiting: runs at an open gate: first those that the reader may decide, soonest deadline first; at most 30.
        more_waiting: how many are left out.
        yours: how many of them the reader may decide.
        going: how many runs are going, in words.
        version: of this app.
        first_tick: of this version; None: not known.
        last_tick: of any version; None: not known.
        other_version: that ticked last, if it is another one.
        settings: those that matter.
        query: what the log says of poisoned messages, as KQL.
    """

    wrong: tuple[Wrong, ...]
    count: int
    more_wrong: int
    not_known: tuple[str, ...]
    waiting: tuple[WaitingRow, ...]
    more_waiting: int
    yours: int
    going: str
    version: str
    first_tick: When | None
    last_tick: When | None
    other_version: str
    settings: tuple[Fact, ...]
    query: str = 'AppTraces | where Message == "message.poisoned" | order by TimeGenerated desc'


class HomeView:
    """Makes the first page."""

    def __init__(self, world: World, setup: Setup) -> None:
        self._world = world
        self._setup = setup
        self._lock = Lock()
        self._states: tuple[datetime, dict[str, str] | FinetuneError] | None = None

    def page(self, person: Person) -> Home:
        """The page for somebody."""
        world, now = self._world, self._world.clock.now()
        rows, ticks, champions = world.index.active(), world.index.ticks(), world.pipelines.champions()
        newest, _ = world.index.newest(None, _LISTED, None)
        states = self._states_of(champions, now)
        known = states if isinstance(states, dict) else {}
        account = self._setup.account
        found = [
            *(wrong.of_champions(champions, known, account, now) if isinstance(states, dict) else ()),
            *wrong.of_poller(ticks, now),
            *wrong.of_active(rows, account, now),
            *wrong.of_poison(world.index.poison(), rows, now),
            *self._failed(newest, now),
        ]
        waiting = sorted(
            (
                _waiting(row, row.status, person, self._setup.roles, now)
                for row in _at_gates(rows)
                if row.status
            ),
            key=lambda row: (not row.is_yours, row.approve_by.iso if row.approve_by else ""),
        )
        release = _release(ticks)
        return Home(
            wrong=tuple(sorted(found, key=lambda one: one.order)[:_SHOWN]),
            count=len(found),
            more_wrong=max(0, len(found) - _SHOWN),
            not_known=tuple(_not_known(states)),
            waiting=tuple(waiting[:_SHOWN]),
            more_waiting=max(0, len(waiting) - _SHOWN),
            yours=sum(row.is_yours for row in waiting),
            going=_going(rows),
            version=VERSION,
            first_tick=when(release[1], now) if release and release[0] == VERSION else None,
            last_tick=when(ticks.last_at, now) if ticks else None,
            other_version=release[0] if release and release[0] != VERSION else "",
            settings=tuple(_facts(self._setup)),
        )

    def _failed(self, newest: Iterable[RunSummary], now: datetime) -> Iterator[Wrong]:
        lately = sorted(
            (row for row in newest if wrong.has_failed(row, now)),
            key=lambda row: row.status_since,
            reverse=True,
        )
        for number, row in enumerate(lately[:_FAILED_MAX]):
            run = self._load(row.run_id) if number < _READ_MAX else None
            yield wrong.of_failed(row, run, self._setup.account, now)

    def _load(self, run_id: str) -> Run | None:
        with suppress(NotFound, Refused):
            return self._world.runs.load(run_id)[0]
        return None

    def _states_of(self, champions: Mapping[str, Champion], now: datetime) -> dict[str, str] | FinetuneError:
        """Deployments and their states, asked once a minute; while one request asks, others get what was known before."""
        if not champions:
            return {}
        kept = self._states
        if kept and (now < kept[0] + _KEPT or self._lock.locked()):
            return kept[1]
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return Unavailable("somebody else is asking it just now")
        try:
            if self._states and now < self._states[0] + _KEPT:
                return self._states[1]  # asked by somebody else meanwhile
            states = self._asked()
            self._states = (now, states)
            return states
        finally:
            self._lock.release()

    def _asked(self) -> dict[str, str] | FinetuneError:
        try:
            return self._world.account.states()
        except Exception as error:  # noqa: BLE001  the page is most needed when something does not answer
            return foreseen(error)


def _at_gates(rows: Iterable[ActiveRun]) -> Iterator[ActiveRun]:
    return (row for row in rows if row.status in GATES.values())


def _waiting(row: ActiveRun, status: Status, person: Person, roles: Roles, now: datetime) -> WaitingRow:
    gate = row.gate
    why_not = _why_not(row, gate, person, roles)
    return WaitingRow(
        run_id=row.run_id,
        pipeline=row.pipeline,
        dataset=brief(row.dataset.name),
        status=badge(status),
        asked="May money be spent on training?" if status is GATES["spend"] else "May the model be deployed?",
        reason=gate.reason if gate else "",
        since=when(gate.opened_at if gate else row.status_since or row.due_at, now),
        approve_by=when(gate.approve_by, now) if gate else None,
        approvals=f"{gate.approvals} of {gate.approvals_needed}" if gate else "",
        needs_answer=bool(gate and gate.needs_answer),
        question=brief(gate.question) if gate and gate.needs_answer else "",
        is_yours=not why_not,
        why_not=why_not,
    )


def _why_not(row: ActiveRun, gate: OpenGate | None, person: Person, roles: Roles) -> str:
    """Why somebody does not vote on a run; empty if they may."""
    needed = Right.VOTE.given_by(roles)
    if not person.roles & set(needed):
        return f"Decided by the app role {needed[0]}, which you do not have."
    if uploaded_by(row.dataset, person.id) and not (gate and gate.uploader_may_approve):
        return "You dropped this dataset: it is not yours to decide."
    if gate and person_key(person.id) in gate.voted:
        return "You approved. Others decide now."
    return ""


def _release(ticks: Ticks | None) -> tuple[str, datetime] | None:
    return ticks.releases[-1] if ticks and ticks.releases else None


def _going(rows: Iterable[ActiveRun]) -> str:
    """How many runs are where."""
    statuses = [row.status for row in rows if row.status not in FINISHED]
    flying = sum(status in IN_FLIGHT for status in statuses)
    waiting = sum(status in GATES.values() for status in statuses)
    queueing = statuses.count(Status.QUEUEING)
    other = len(statuses) - flying - waiting - queueing
    return f"{flying} in training or evaluation, {queueing} queueing, {other} at another step, {waiting} waiting for people"


def _not_known(states: dict[str, str] | FinetuneError) -> Iterator[str]:
    if isinstance(states, FinetuneError):
        yield f"Whether champions are there is not known: Resource Manager was asked in vain ({states.code}: {states.message})"
    yield "Whether champions answer is not watched yet: only whether Resource Manager has them, and in which state."
    yield "How much quota is left is asked before each job, and stands at its spend gate; above is what runs met."


def _facts(setup: Setup) -> Iterator[Fact]:
    roles = setup.roles
    yield Fact(name="Foundry account", value=f"{setup.account.name} in {setup.account.group}")
    yield Fact(name="Project", value=setup.project)
    yield Fact(name="Who reads", value=", ".join(Right.READ.given_by(roles)))
    yield Fact(name="Who decides", value=", ".join(Right.VOTE.given_by(roles)))
    yield Fact(name="Who cancels, retries, has judged again", value=", ".join(Right.OPERATE.given_by(roles)))
    yield Fact(name="Who sees rows of datasets", value=roles.data)
    yield Fact(name="Runs in flight at most", value=str(setup.in_flight_max))
    yield Fact(name="Requests of one person per minute", value=str(setup.requests_per_minute))
