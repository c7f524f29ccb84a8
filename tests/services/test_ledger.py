"""The month's ledger follows from the run, whenever the process died between the two."""

from datetime import timedelta

import msgspec
import pytest

from shared.core.history import events_between
from shared.core.policy import Policy
from shared.core.progress import Progress
from shared.core.run import Failure, Status
from shared.reconciler import Reconciler
from tests.support.builders import NOW, SUMMARY, a_run
from tests.twins.world import TwinWorld

FAILURE = Failure(step=Status.AWAITING_SPEND_APPROVAL, code="rejected", message="m", remedy="r")


@pytest.fixture
def world():
    made = TwinWorld()
    made.clock.set(NOW)
    return made


def stored(world, run):
    run, events = events_between(None, run)
    world.runs.insert(run, events)
    world.index.project(run, is_settled=False)
    return run


def ledger(world):
    return {run_id: usd for run_id, _, usd in world.pipelines.committed("summaries", "2026-11")}


def test_a_budget_that_was_not_given_back_before_a_crash_is_given_back(world):
    run = stored(world, a_run(Status.REJECTED, summary=SUMMARY, committed_at=NOW, failure=FAILURE))
    world.pipelines.commit(run.pipeline, "2026-11", run.id, NOW, 1.5)

    assert Reconciler(world, Policy()).advance(run.id) is Progress.SETTLED
    assert ledger(world) == {run.id: 0.0}
    assert world.index.active() == []


def test_a_budget_that_was_not_noted_before_a_crash_is_noted_before_the_next_look(world):
    run = stored(
        world,
        a_run(Status.VALIDATING, summary=SUMMARY, committed_at=NOW, due_at=NOW + timedelta(minutes=5)),
    )
    Reconciler(world, Policy()).advance(run.id)

    assert ledger(world) == {run.id: 1.5}


def test_what_was_spent_stays_spent(world):
    ended = a_run(
        Status.DEPLOYED,
        candidate=None,
        training_file_id=None,
        job_attempted_at=NOW - timedelta(days=2),
        has_spent=True,
    )
    run = stored(world, msgspec.structs.replace(ended, committed_at=NOW))
    Reconciler(world, Policy()).advance(run.id)

    assert ledger(world) == {run.id: 1.5}
