"""Every single call to the world goes wrong once, in four ways; the run ends deployed all the same, with one job.

The process dies before or after the call (the services are made anew, as in a new process; only the world remembers), or the
service is unavailable, or it applies the call and its answer is lost.
"""

import itertools
from contextlib import contextmanager
from datetime import timedelta

import pytest

from shared.core.errors import FinetuneError, Unavailable
from shared.core.run import TRANSITIONS, Status
from shared.poller import Poller
from shared.reconciler import Reconciler
from tests.twins.faults import Faults
from tests.twins.test_world import Product, dataset

TICKS_MAX = 400
WAYS = ("dies before", "dies after", "unavailable", "answer lost")


class Crash(BaseException):
    """The process is gone: nothing catches this."""


class Calls:
    """Counts all calls to the world, and lets one of them go wrong."""

    def __init__(self, monkeypatch, number=0, way=None):
        self.count, self.names, self.has_struck = 0, [], False
        original = Faults._call

        @contextmanager
        def call(twin, method):
            self.count += 1
            self.names.append(f"{type(twin).__name__}.{method}")
            is_it = self.count == number
            self.has_struck = self.has_struck or is_it
            if is_it and way == "dies before":
                raise Crash
            if is_it and way == "unavailable":
                raise Unavailable("down")
            with original(twin, method):
                yield
            if is_it and way == "dies after":
                raise Crash
            if is_it and way == "answer lost":
                raise twin.lost("lost")

        monkeypatch.setattr(Faults, "_call", call)


class Mortal(Product):
    """A product that dies and is started again."""

    def restart(self):
        policy = self.reconciler._policy
        self.reconciler = Reconciler(self.world, policy)
        self.poller = Poller(self.world, policy, self.reconciler, type(self.poller._intake)(self.world))

    def live(self):
        """Ticks, advances and one approval, until the run is deployed and cleared up."""
        is_approved = False
        for _ in range(TICKS_MAX):
            try:
                for run_id in self.poller.tick():
                    self.reconciler.advance(run_id)
                rows, _ = self.world.index.newest(None, 10, None)
                run = self.world.runs.load(rows[0].run_id)[0] if rows else None
                if run and run.status is Status.AWAITING_APPROVAL and not is_approved:
                    self.approve(run)
                    is_approved = True
            except Crash:
                self.restart()
                run = None
            except FinetuneError:
                run = None  # an invocation failed; the next tick goes on
            if run and run.is_finished and run.due_at > self.world.clock.now() + timedelta(hours=1):
                return run  # all is cleared up, as far as anybody can see; it is looked at once more when it is settled
            self.world.clock.advance(60)
        return pytest.fail(
            f"not over after {TICKS_MAX} ticks: {run and (run.status, run.trouble, run.attempt)}"
        )


def lived(monkeypatch, number=0, way=None):
    calls, product = Calls(monkeypatch, number, way), Mortal()
    product.world.datasets.put("boxes/training.jsonl", dataset(30))
    return product, product.live(), calls


def check(product, run):
    """What must hold whatever died."""
    world = product.world
    assert run.status is Status.DEPLOYED, run.failure
    assert len(world.trainer.bodies) == 1, "paid twice"
    assert len(world.files.uploads) == len(set(world.files.uploads)), "uploaded twice"
    assert world.pipelines.champion("boxes").run_id == run.id
    assert world.deployer.is_serving(run.production)
    assert world.deployer.names == ("base", run.production)
    history = world.runs.history(run.id)
    assert [event.sequence for event in history] == list(range(1, len(history) + 1))
    statuses = [Status(event.after) for event in history if event.kind == "status"]
    assert all(after in TRANSITIONS[before] for before, after in itertools.pairwise(statuses))
    assert [event.kind for event in history].count("decision") == 1


def test_nothing_goes_wrong(monkeypatch):
    product, run, calls = lived(monkeypatch)

    check(product, run)
    assert calls.count > 100


@pytest.mark.parametrize("way", WAYS)
def test_every_call_goes_wrong_once(monkeypatch, way):
    with monkeypatch.context() as patch:
        count = lived(patch)[2].count
    for number in range(1, count + 1):
        with monkeypatch.context() as patch:
            try:
                product, run, calls = lived(patch, number, way)
                assert calls.has_struck
                check(product, run)
            except BaseException as error:
                error.add_note(f"{way} at call {number}")
                raise
