"""Any order of calls: the run store against a model of three lines, and the gate against a model of who may decide what when."""

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from shared.core.decide import decide
from shared.core.errors import Conflict, Expired, Forbidden, GateClosed, NotFound, StaleDigest, Unavailable
from shared.core.history import Event
from shared.core.observations import AwaitingApproval, Evaluating
from shared.core.people import Person
from shared.core.policy import Policy
from shared.core.run import FINISHED, TRANSITIONS, Status
from shared.core.status import GATES
from shared.people import People
from shared.reconciler import Reconciler
from tests.support.builders import BETTER, NOW, a_policy, a_run
from tests.twins.world import TwinWorld

PERSONS = [Person(id=name, name=name.title()) for name in ("ada", "bob", "cleo")]
UPLOADER = Person(id="uploader-oid", name="Uma")
EXAMPLES, STEPS = 30, 40
ROWS = st.frozensets(st.integers(1, 12), max_size=3)


def note(sequence):
    return Event(sequence=sequence, at=NOW, kind="note")


class StoreMachine(RuleBasedStateMachine):
    """A store and its model: what is stored, how often it was written, and which history rows there are."""

    runs = Bundle("runs")
    versions = Bundle("versions")

    def __init__(self, stores, fresh):
        super().__init__()
        self.stores, self.fresh = stores, fresh
        self.model = {}

    def all_say(self, call):
        """What every store answers: the same, or the same error."""
        said = []
        for store in self.stores:
            try:
                said.append(call(store) or "done")
            except (Conflict, NotFound) as error:
                said.append(type(error))
        return said

    @rule(target=runs)
    def a_new_run(self):
        return self.fresh()

    @rule(run=runs, rows=ROWS)
    def insert(self, run, rows):
        said = self.all_say(lambda store: store.insert(run, [note(number) for number in rows]))
        if run.id in self.model:
            assert set(said) == {Conflict}
            return
        assert set(said) == {"done"}
        self.model[run.id] = (run, rows, 1)

    @rule(target=versions, run=runs)
    def load(self, run):
        said = self.all_say(lambda store: store.load(run.id))
        if run.id not in self.model:
            assert set(said) == {NotFound}
            return run.id, None, 0
        assert all(loaded == self.model[run.id][0] for loaded, _ in said)
        return run.id, tuple(version for _, version in said), self.model[run.id][2]

    @rule(seen=versions, failures=st.integers(0, 9), rows=ROWS)
    def replace(self, seen, failures, rows):
        """With the version of any earlier look, and history rows that may be there already."""
        run_id, versions, write = seen
        if versions is None:
            return
        stored, known, writes = self.model[run_id]
        after = stored.evolve(failures=failures)
        version_of = dict(zip(map(id, self.stores), versions, strict=True))
        said = self.all_say(
            lambda store: (
                store.replace(after, version_of[id(store)], [note(number) for number in rows]) and None
            )
        )
        if write == writes and not rows & known:
            assert set(said) == {"done"}
            self.model[run_id] = (after, known | rows, writes + 1)
        else:
            assert set(said) == {Conflict}

    @invariant()
    def all_histories_are_as_written(self):
        for run_id, (_, rows, _) in self.model.items():
            for store in self.stores:
                assert [event.sequence for event in store.history(run_id)] == sorted(rows)


class GateMachine(RuleBasedStateMachine):
    """Persons decide in any order at any time; the model knows what may count."""

    def __init__(self):
        super().__init__()
        self.world = TwinWorld()
        self.world.clock.set(NOW)
        self.reconciler = Reconciler(self.world, Policy())
        self.people = People(self.world)
        self.expected = {}
        self.is_rejected = False

    @initialize(needed=st.integers(1, 2), may_uploader=st.booleans(), hours=st.sampled_from([1, 48]))
    def open(self, needed, may_uploader, hours):
        may = str(may_uploader).lower()
        extra = f"approval: {{approvers: {needed}, uploader_may_approve: {may}, expires_after: PT{hours}H}}\n"
        opened = decide(
            a_run(Status.EVALUATING), Evaluating(plan=None, summary=BETTER), NOW, a_policy(extra)
        ).run
        self.world.runs.insert(opened.evolve(revision=0), [])
        self.run_id, self.needed, self.may_uploader = opened.id, needed, may_uploader
        self.digest, self.approve_by = (
            opened.gates["deployment"].digest,
            opened.gates["deployment"].approve_by,
        )
        self.policy = a_policy(extra)

    def stored(self):
        return self.world.runs.load(self.run_id)[0]

    @rule(
        person=st.sampled_from([*PERSONS, UPLOADER]),
        decision=st.sampled_from(["approve", "approve", "reject"]),
        is_stale=st.sampled_from([False, False, False, True]),
        is_lost=st.booleans(),
    )
    def somebody_decides(self, person, decision, is_stale, is_lost):
        """Decide; perhaps the answer is lost and the person asks again."""
        before, now = self.stored(), self.world.clock.now()
        digest = "sha256:" + "0" * 64 if is_stale else self.digest
        given = {"decision": decision, "digest": digest, "comment": ""}
        if is_lost:
            self.world.runs.lose_answer_next("replace")
        try:
            if is_lost:
                with contextlib.suppress(Unavailable):
                    self.people.vote(self.run_id, "deployment", person, **given)
            told = self.people.vote(self.run_id, "deployment", person, **given)
        except (GateClosed, StaleDigest, Expired, Forbidden) as error:
            assert self.refusal(before, person, decision, digest, now) is type(error), repr(error)
            assert self.stored().gates["deployment"] == before.gates["deployment"]
        else:
            assert self.refusal(before, person, decision, digest, now) is None
            is_new = person.id not in self.expected
            self.expected.setdefault(person.id, decision)
            assert told.is_new in ({True, False} if is_lost else {is_new})
        self.world.runs._lost_answers.clear()

    def refusal(self, run, person, decision, digest, now):
        """What the rules of the product say about it, in the order in which they are documented."""
        if self.expected.get(person.id) == decision and digest == self.digest:
            return None
        if digest != self.digest:
            return StaleDigest
        is_open = run.status is GATES["deployment"]
        if run.status is Status.EXPIRED or (is_open and now >= self.approve_by):
            return Expired
        if not is_open or person.id in self.expected:
            return GateClosed
        return Forbidden if person == UPLOADER and not self.may_uploader else None

    @rule(minutes=st.sampled_from([1, 29, 31, 600]))
    def time_passes(self, minutes):
        self.world.clock.advance(minutes * 60)

    @rule()
    def the_reconciler_looks(self):
        run, version = self.world.runs.load(self.run_id)
        if run.status is not Status.AWAITING_APPROVAL:
            return
        after = decide(run, AwaitingApproval(), self.world.clock.now(), self.policy).run
        if after != run:
            self.world.runs.replace(after, version, [])

    @invariant()
    def what_counts_is_what_persons_said(self):
        if not hasattr(self, "run_id"):
            return
        run = self.stored()
        said = {decision.person: decision.decision for decision in run.gates["deployment"].decisions}
        assert said == self.expected
        assert len(said) == len(run.gates["deployment"].decisions)
        approvals = [
            d for d in run.gates["deployment"].decisions if d.decision == "approve" and d.at < self.approve_by
        ]
        if run.status is Status.DEPLOYING:
            assert len(approvals) >= self.needed
            assert "reject" not in said.values()
            assert UPLOADER.id not in said or self.may_uploader
        else:
            assert run.status in {Status.AWAITING_APPROVAL} | (
                TRANSITIONS[Status.AWAITING_APPROVAL] & FINISHED
            )
        if run.status is Status.REJECTED:
            assert "reject" in said.values()
        if run.status is Status.EXPIRED:
            assert len(approvals) < self.needed


@pytest.mark.slow
def test_the_store_is_as_its_model_says_whatever_the_order(fresh):
    run_state_machine_as_test(
        lambda: StoreMachine([TwinWorld().runs], fresh),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None),
    )


@pytest.mark.thorough
@pytest.mark.azurite
def test_twin_and_azurite_answer_the_same_whatever_the_order(on_azurite, fresh):
    run_state_machine_as_test(
        lambda: StoreMachine([TwinWorld().runs, on_azurite.runs], fresh),
        settings=settings(max_examples=4, stateful_step_count=25, deadline=None),
    )


@pytest.mark.slow
def test_a_gate_counts_what_it_may_and_nothing_else():
    run_state_machine_as_test(
        GateMachine, settings=settings(max_examples=EXAMPLES * 2, stateful_step_count=STEPS, deadline=None)
    )


@pytest.mark.soak
def test_any_order_for_long(on_azurite, fresh):
    long = {"stateful_step_count": 100, "deadline": None}
    run_state_machine_as_test(
        lambda: StoreMachine([TwinWorld().runs], fresh), settings=settings(max_examples=5000, **long)
    )
    run_state_machine_as_test(GateMachine, settings=settings(max_examples=5000, **long))
    run_state_machine_as_test(
        lambda: StoreMachine([TwinWorld().runs, on_azurite.runs], fresh),
        settings=settings(max_examples=100, **long),
    )
