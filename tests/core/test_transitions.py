"""The table of transitions: reachable, escapable, and the only way to move."""

from datetime import UTC, datetime

import pytest

from shared.core.errors import IllegalTransition
from shared.core.run import DatasetRef, Run
from shared.core.status import CANCELLABLE, DEADLINES_S, FINISHED, GATES, IN_FLIGHT, TRANSITIONS, Status

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
WAITING = set(Status) - FINISHED


def a_run(status: Status) -> Run:
    dataset = DatasetRef(container="datasets", name="p/a.jsonl", etag="0x1", size_bytes=1, modified_at=NOW)
    return Run(
        id="0" * 20,
        pipeline="p",
        dataset=dataset,
        status=status,
        status_since=NOW,
        created_at=NOW,
        updated_at=NOW,
        due_at=NOW,
    )


def reachable_from(start: Status) -> set[Status]:
    seen, todo = set(), [start]
    while todo:
        status = todo.pop()
        if status not in seen:
            seen.add(status)
            todo.extend(TRANSITIONS[status])
    return seen


def test_every_status_has_a_row_in_the_table():
    assert set(TRANSITIONS) == set(Status)


def test_every_status_can_be_reached_from_received():
    assert reachable_from(Status.RECEIVED) == set(Status)


@pytest.mark.parametrize("status", sorted(WAITING))
def test_every_waiting_status_leads_to_an_end(status):
    assert reachable_from(status) & FINISHED


@pytest.mark.parametrize("status", sorted(WAITING))
def test_nothing_waits_without_a_deadline(status):
    """Gates carry their own deadline; every other status has one in the table."""
    is_gate = status in GATES.values()
    assert is_gate != (status in DEADLINES_S)
    assert (Status.EXPIRED in TRANSITIONS[status]) == is_gate


#: Ends that a person may have judged again, to where nothing is paid for.
JUDGED_AGAIN = {Status.NOT_PROMOTED, Status.CANCELLED, Status.REJECTED, Status.EXPIRED}


@pytest.mark.parametrize("status", sorted(FINISHED - {Status.FAILED} - JUDGED_AGAIN))
def test_an_end_is_absorbing(status):
    assert not TRANSITIONS[status]


@pytest.mark.parametrize("status", sorted(JUDGED_AGAIN))
def test_what_is_judged_again_goes_where_its_model_is_measured(status):
    assert TRANSITIONS[status] == {Status.QUEUEING}


def test_only_the_queue_leads_to_a_run_in_flight():
    sources = {before for before, after in TRANSITIONS.items() if after & IN_FLIGHT} - IN_FLIGHT
    assert sources == {Status.QUEUEING}


def test_only_an_open_gate_or_a_proof_leads_to_deploying():
    """`failed` leads back there too: a retry of a deployment that was approved; `deploying` checks the approval itself."""
    sources = {status for status, after in TRANSITIONS.items() if Status.DEPLOYING in after}
    assert sources == {Status.AWAITING_APPROVAL, Status.EVALUATING, Status.FAILED}


def test_a_deployment_under_way_cannot_be_cancelled():
    assert Status.DEPLOYING not in CANCELLABLE
    assert Status.VERIFYING not in CANCELLABLE


@pytest.mark.parametrize("before", sorted(Status))
@pytest.mark.parametrize("after", sorted(Status))
def test_a_run_moves_along_the_table_and_nowhere_else(before, after):
    if after in TRANSITIONS[before]:
        assert a_run(before).move(after, NOW).status is after
    else:
        with pytest.raises(IllegalTransition, match="not a transition"):
            a_run(before).move(after, NOW)
