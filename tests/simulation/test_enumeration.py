"""Each kind of call goes wrong in each status of a run; in the soak every call, for each method, and every pair of changes."""

import time

import pytest

from shared.core.run import TRANSITIONS, Status
from tests.simulation import campaign, enumeration

pytestmark = pytest.mark.simulation


def _struck(points):
    """What broke, and how many second faults came after the end."""
    broken, late = [], 0
    for (pipeline, plan), result in campaign.over_all_cores(enumeration.strike, points):
        late += not enumeration.has_struck(plan, result)
        if result.violation:
            broken.append(f"{pipeline} {plan}: {result.violation}")
    return broken, late


def test_each_kind_of_call_goes_wrong_in_each_status():
    points = [point for pipeline in enumeration.PIPELINES for point in enumeration.samples(pipeline)]

    assert len(points) > 200
    assert {pipeline for pipeline, _ in points} >= {"auto", "rft"}
    assert {way for _, plan in points for way in plan.values()} == set(enumeration.WAYS)
    assert _struck(points) == ([], 0)


@pytest.mark.parametrize(
    "pipeline", [pytest.param("auto, judged again", marks=pytest.mark.thorough), "auto, asked anew"]
)
def test_each_kind_of_call_goes_wrong_while_a_run_is_judged_again(pipeline):
    points = list(enumeration.samples_of_judging(pipeline))

    assert len(points) > 15
    assert _struck(points) == ([], 0)


def test_each_kind_of_call_is_refused_in_each_status():
    """What HTTP 400 means depends on the call: some of them fail the run, with a reason, and none leaves it waiting."""
    points = [point for pipeline in enumeration.PIPELINES for point in enumeration.refusals(pipeline)]
    results = list(campaign.over_all_cores(enumeration.refuse, points))
    failed = {before for result in results for before, after in result.transitions if after == "failed"}

    assert [result.violation for result in results if result.violation] == []
    assert failed == {str(status) for status, after in TRANSITIONS.items() if Status.FAILED in after}


@pytest.mark.soak
@pytest.mark.parametrize("pipeline", [*enumeration.PIPELINES, *enumeration.JUDGED])
def test_every_call_goes_wrong_once_in_every_way(pipeline):
    points, started = list(enumeration.singles(pipeline)), time.monotonic()
    broken, _ = _struck(points)
    tally = campaign.Tally(
        f"calls {pipeline}", count=len(points), seconds=time.monotonic() - started, violations=broken
    )
    tally.write(crash_points=len(points))

    assert len(points) > 1000
    assert broken == []


@pytest.mark.soak
@pytest.mark.parametrize("pipeline", enumeration.PIPELINES)
def test_every_call_is_refused_once(pipeline):
    points = [(pipeline, {number: "refused"}) for number in range(1, len(enumeration.calls_of(pipeline)) + 1)]
    results = campaign.over_all_cores(enumeration.refuse, points)

    assert [result.violation for result in results if result.violation] == []


@pytest.mark.soak
@pytest.mark.parametrize("pipeline", enumeration.PIPELINES)
def test_every_pair_of_changing_calls_goes_wrong(pipeline):
    points, started = list(enumeration.pairs(pipeline)), time.monotonic()
    broken, late = _struck(points)
    tally = campaign.Tally(
        f"pairs {pipeline}", count=len(points), seconds=time.monotonic() - started, violations=broken
    )
    tally.write(crash_points=len(points) - late, second_fault_after_the_end=late)

    assert broken == []
