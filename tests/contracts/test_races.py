"""Many threads on Azurite that want the same thing at the same moment, round after round: one gets it, nothing is lost."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shared.core.decide import decide
from shared.core.errors import Conflict, GateClosed, Unavailable
from shared.core.history import events_between
from shared.core.observations import Evaluating
from shared.core.people import Person
from shared.core.run import Status
from shared.people import People
from tests.support.builders import BETTER, NOW, a_policy, a_run
from tests.support.figures import record

pytestmark = pytest.mark.azurite
_NUMBERS = itertools.count(1)
CROWD, ROUNDS = 32, 10
DECISION_ROUNDS = 4  # each of them is ten requests per thread
SOAK_CROWD, SOAK_ROUNDS = 64, 500


class Crowd:
    """Threads that start together, again and again."""

    def __init__(self, count):
        self.count = count
        self._barrier = Barrier(count)
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown()

    def outcomes(self, work):
        """What `work` returned or raised (of our errors), by thread."""

        def one(number):
            self._barrier.wait()
            try:
                return work(number)
            except (Conflict, GateClosed, Unavailable) as error:
                return type(error)

        return list(self._pool.map(one, range(self.count)))


def a_new_run(status=Status.RECEIVED, **changes):
    return a_run(status, id=f"d{next(_NUMBERS):019x}", **changes)


def inserted(world, run):
    run, events = events_between(None, run)
    world.runs.insert(run, events)
    return world.runs.load(run.id)


def create(world, crowd):
    """One insert of a run; its history has the winner's row once."""
    run, events = events_between(None, a_new_run())
    told = crowd.outcomes(lambda n: world.runs.insert(run.evolve(failures=n), events))

    assert sorted(told, key=str).count(None) == 1
    assert world.runs.load(run.id)[0].failures == told.index(None)
    assert len(world.runs.history(run.id)) == 1


def replace(world, crowd):
    """One replacement of a version; state and history are the same winner's."""
    run, version = inserted(world, a_new_run())

    def work(number):
        after = run.evolve(failures=number, job_status=f"s{number}")
        return world.runs.replace(after, version, events_between(run, after)[1])

    told = crowd.outcomes(work)
    winners = [number for number, outcome in enumerate(told) if outcome not in {Conflict, Unavailable}]
    assert len(winners) == 1, told
    assert world.runs.load(run.id) == (
        run.evolve(failures=winners[0], job_status=f"s{winners[0]}"),
        told[winners[0]],
    )
    assert [event.after for event in world.runs.history(run.id)][1:] == [f"s{winners[0]}"]


def claim(world, crowd):
    """One holder; of those who want to take it over from that one, one again."""
    key = f"race{next(_NUMBERS)}"
    first = crowd.outcomes(lambda n: world.claims.take("races", key, f"r{n}", None))
    assert first.count(None) == 1
    holder = world.claims.holder("races", key)
    assert holder == f"r{first.index(None)}"
    second = crowd.outcomes(lambda n: world.claims.take("races", key, f"s{n}", holder))
    assert second.count(None) == 1
    assert world.claims.holder("races", key) == f"s{second.index(None)}"


def rule(world, crowd):
    """One person approves and rejects at the same moment, many times: one decision counts, and is told once."""
    asked = a_new_run(Status.EVALUATING)
    gated = decide(asked, Evaluating(plan=None, summary=BETTER), NOW, a_policy()).run
    run, _ = inserted(world, gated)
    people, person = People(world), Person(id="ada", name="Ada")
    digest = run.gates["deployment"].digest

    def work(number):
        return people.vote(
            run.id,
            "deployment",
            person,
            decision="approve" if number % 2 else "reject",
            digest=digest,
            comment="",
        ).is_new

    told = crowd.outcomes(work)
    stored = world.runs.load(run.id)[0].gates["deployment"].decisions
    assert told.count(True) == 1
    assert [decision.decision for decision in stored] == ["approve" if told.index(True) % 2 else "reject"]
    assert [event.kind for event in world.runs.history(run.id)].count("decision") == 1
    same, other = (told[0::2], told[1::2]) if stored[0].decision == "reject" else (told[1::2], told[0::2])
    assert set(same) <= {True, False, Unavailable}
    assert set(other) <= {GateClosed, Unavailable}


def count_up(world, crowd):
    """Everybody adds one, reading again after a lost race: no addition is lost."""
    run, _ = inserted(world, a_new_run())

    def work(_):
        while True:
            present, version = world.runs.load(run.id)
            try:
                return world.runs.replace(present.evolve(failures=present.failures + 1), version, [])
            except Conflict:
                continue

    crowd.outcomes(work)
    assert world.runs.load(run.id)[0].failures == crowd.count


RACES = {"create": create, "replace": replace, "claim": claim, "decide": rule}


class StoppedClock:
    def now(self):
        return NOW


@pytest.fixture
def world(on_azurite):
    on_azurite.clock = StoppedClock()
    yield on_azurite
    del on_azurite.clock


@pytest.mark.thorough
@pytest.mark.parametrize("name", RACES)
def test_exactly_one_of_a_crowd_wins_in_every_round(world, name):
    with Crowd(CROWD) as crowd:
        for _ in range(DECISION_ROUNDS if name == "decide" else ROUNDS):
            RACES[name](world, crowd)


def test_no_addition_is_lost(world):
    with Crowd(8) as crowd:
        for _ in range(5):
            count_up(world, crowd)


@pytest.mark.soak
@pytest.mark.parametrize("name", RACES)
def test_exactly_one_of_a_larger_crowd_wins_in_many_more_rounds(world, name):
    with Crowd(SOAK_CROWD) as crowd:
        for number in range(SOAK_ROUNDS):
            RACES[name](world, crowd)
            if number % 50 == 49:
                print(f"{name}: {number + 1} rounds")
    record(f"races: {name}", rounds=SOAK_ROUNDS, threads=SOAK_CROWD, violations=0)
