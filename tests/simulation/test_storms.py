"""Much at once, and nothing for hours: limits hold, nobody starves, and all goes on when the world comes back."""

from dataclasses import replace

import pytest

from tests.simulation.network import Weather
from tests.simulation.outside import Nature
from tests.simulation.scenario import HOUR, POLICY, Drop, calm, rows
from tests.simulation.simulation import Simulation, simulate

#: Calls of one tick: two listings and the index, then a few for each piece of work that a tick may do.
TICK_CALLS_MAX = 3 + 12 * POLICY.tick_work_max
OUTAGE = (100.0, 100.0 + 2 * HOUR)


def flood(count):
    """So many datasets at one moment, half of their events lost; Foundry takes 20 jobs at once."""
    drops = tuple(
        Drop(
            at_s=1.0,
            name=f"auto/set{number}.jsonl",
            data=rows("auto", number),
            events_s=(2.0 + number % 7,) if number % 2 else (),
        )
        for number in range(count)
    )
    nature = Nature(job_s=(200.0, 400.0), jobs_max=20)
    return calm("auto", drops=drops, nature=nature, instances=4, horizon_s=48 * HOUR)


def poured(count):
    simulation = Simulation(flood(count))
    simulation.kernel.events_max = 20_000 * count
    return simulation.run()


def check_flood(result, count):
    assert result.violation is None
    ends = result.statuses  # one is no better than the other: they are all right about the boxes
    assert (ends["deployed"] + ends["not_promoted"], ends.total()) == (count, count), result.codes
    assert ends["deployed"]
    assert result.seen["job succeeded"] == count
    assert result.most_calls_a_tick <= TICK_CALLS_MAX


def test_a_hundred_datasets_at_once_all_end():
    result = poured(100)

    check_flood(result, 100)
    assert result.seen["job quota exhausted"]


@pytest.mark.soak
def test_a_thousand_datasets_at_once_all_end():
    check_flood(poured(1000), 1000)


@pytest.mark.parametrize("way", ["unavailable", "throttled", "throttled with Retry-After"])
@pytest.mark.parametrize("service", ["tables", "blobs", "foundry", "arm", "all"])
def test_two_hours_without_a_service_cost_time_and_nothing_else(service, way):
    """Nothing happens twice, and the run goes on as soon as its longest pause and two ticks are over."""
    plain = calm("auto", horizon_s=12 * HOUR)
    weather = Weather(outages=((service, *OUTAGE, way),), until_s=OUTAGE[1] + 1)
    simulation = Simulation(replace(plain, weather=weather), is_tracing=True)
    result = simulation.run()

    assert result.violation is None
    assert result.statuses == {"deployed": 1}, result.codes
    assert result.seen["job succeeded"] == 1
    moves = [float(line.split()[0]) for line in result.trace if " -> " in line]
    back = min(at for at in moves if at > OUTAGE[1])
    assert back - OUTAGE[1] <= POLICY.backoff_max_s + 3 * plain.tick_s


def test_without_faults_a_run_takes_no_longer_than_its_parts():
    assert simulate(calm("auto")).violation is None
