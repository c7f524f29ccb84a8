"""Each call of a run goes wrong once, in each way, for each method; and, in the soak, each pair of changing calls."""

import time

import pytest

from tests.simulation import campaign, enumeration


def _broken(points):
    return [
        f"{pipeline} {plan}: {result.violation}"
        for (pipeline, plan), result in campaign.over_all_cores(enumeration.strike, points)
        if result.violation
    ]


@pytest.mark.parametrize("pipeline", enumeration.PIPELINES)
def test_every_call_goes_wrong_once_in_every_way(pipeline):
    points = list(enumeration.singles(pipeline))

    assert len(points) > 1000
    assert _broken(points) == []


@pytest.mark.soak
@pytest.mark.parametrize("pipeline", enumeration.PIPELINES)
def test_every_pair_of_changing_calls_goes_wrong(pipeline):
    points, started = list(enumeration.pairs(pipeline)), time.monotonic()
    broken = _broken(points)
    tally = campaign.Tally(
        f"pairs {pipeline}", count=len(points), seconds=time.monotonic() - started, violations=broken
    )
    tally.write(crash_points=len(points))

    assert broken == []
