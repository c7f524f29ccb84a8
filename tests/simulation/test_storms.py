"""Much at once, and nothing for hours: limits hold, nobody starves, and all goes on when the world comes back."""

import time
from collections import Counter
from dataclasses import replace

import msgspec
import pytest

from shared.core.run import FINISHED, Status
from shared.core.status import CANCELLABLE
from shared.lost_datasets import LostDatasets
from tests.simulation import campaign
from tests.simulation.network import RETRY_AFTER_MAX_S, Weather
from tests.simulation.outside import Nature
from tests.simulation.scenario import HOUR, POLICY, Drop, calm, rows, scenario_of
from tests.simulation.simulation import TAKEN_S, Simulation, simulate

pytestmark = pytest.mark.simulation

#: Calls of one tick: two listings and the index, then a few for each piece of work that a tick may do.
TICK_CALLS_MAX = 3 + 12 * POLICY.tick_work_max
#: Places for runs in flight, and how many runs may overtake another: while many are still being read, who is ready goes first.
IN_FLIGHT = 20
OVERTAKING_MAX = 4 * IN_FLIGHT
OUTAGE = (100.0, 100.0 + 2 * HOUR)


def flood(count, in_flight_max):
    """So many datasets within a minute, half of their events lost; Foundry takes 20 jobs at once."""
    drops = tuple(
        Drop(
            at_s=1.0 + 60.0 * number / count,
            name=f"auto/set{number}.jsonl",
            data=rows("auto", number),
            events_s=(62.0 + number % 7,) if number % 2 else (),
        )
        for number in range(count)
    )
    nature = Nature(job_s=(200.0, 400.0), jobs_max=20)
    scenario = calm("auto", drops=drops, nature=nature, instances=4, horizon_s=count * 600.0)
    return replace(scenario, policy=msgspec.structs.replace(scenario.policy, in_flight_max=in_flight_max))


def check_flood(count, in_flight_max):
    """Pour so many datasets in; what was seen."""
    simulation = Simulation(flood(count, in_flight_max))
    simulation.kernel.events_max = 20_000 * count
    result = simulation.run()
    assert result.violation is None
    ends = result.statuses  # one is no better than the other: they are all right about the boxes
    assert (ends["deployed"] + ends["not_promoted"], ends.total()) == (count, count), result.codes
    assert ends["deployed"]
    assert result.seen["job succeeded"] == count
    assert result.most_calls_a_tick <= TICK_CALLS_MAX
    assert simulation.oracle.most_in_flight == in_flight_max
    assert overtaken(simulation.oracle.boarded) <= OVERTAKING_MAX
    return result


def overtaken(boarded):
    """How many later datasets came before another, at most."""
    numbers = [int(name.removeprefix("auto/set").removesuffix(".jsonl")) for name in boarded]
    return max(sum(later > own for later in numbers[:at]) for at, own in enumerate(numbers))


@pytest.mark.thorough
def test_many_datasets_at_once_all_end():
    result = check_flood(2 * IN_FLIGHT, IN_FLIGHT)

    assert not result.seen["job quota exhausted"]


@pytest.mark.thorough
def test_more_runs_in_flight_than_foundry_takes_wait_for_its_quota():
    assert check_flood(35, 30).seen["job quota exhausted"]


@pytest.mark.soak
def test_a_thousand_datasets_at_once_all_end():
    started = time.monotonic()
    result = check_flood(1000, IN_FLIGHT)
    campaign.Tally(
        "1,000 datasets", count=1, calls=result.calls, hours=result.hours, seconds=time.monotonic() - started
    ).write(datasets=1000, in_flight_at_most=IN_FLIGHT, most_calls_a_tick=result.most_calls_a_tick)


@pytest.mark.parametrize("where", ["look", "decision", "effect"])
@pytest.mark.parametrize("status", [status for status in Status if status not in FINISHED])
def test_where_something_always_raises_the_run_ends_by_its_deadline(status, where):
    """By anything at all that nobody foresaw; the job is paid once at most, and nothing is left behind."""
    pipeline = "rft" if status is Status.AWAITING_SPEND_APPROVAL else "auto"
    result = simulate(
        calm(pipeline, weather=Weather(until_s=2 * HOUR, broken=frozenset({(str(status), where)})))
    )

    assert result.violation is None
    assert result.statuses.total() == 1
    assert result.seen["job succeeded"] <= 1
    if result.seen[f"a {where} raised"]:
        (ended,) = result.statuses
        assert ended in {"failed", "expired"}, result.codes
    else:
        assert where == "effect"  # there is none in this status
        assert result.statuses == {"deployed": 1}


@pytest.mark.parametrize("where", [pytest.param("look", marks=pytest.mark.thorough), "decision"])
@pytest.mark.parametrize("status", sorted(CANCELLABLE))
def test_where_something_always_raises_a_person_can_cancel(status, where):
    broken = Weather(until_s=2 * HOUR, broken=frozenset({(str(status), where)}))
    pipeline = "rft" if status is Status.AWAITING_SPEND_APPROVAL else "auto"
    result = simulate(calm(pipeline, weather=broken, cancels_in=str(status)))

    assert result.violation is None
    assert result.statuses == {"cancelled": 1}, result.codes


@pytest.mark.parametrize("way", ["unavailable", "throttled", "throttled with Retry-After"])
@pytest.mark.parametrize("service", ["tables", "blobs", "foundry", "arm", "all"])
def test_two_hours_without_a_service_cost_time_and_nothing_else(service, way):
    """Nothing happens twice, and the run goes on within two ticks, or when the service's Retry-After is over."""
    plain = calm("auto", horizon_s=12 * HOUR)
    weather = Weather(outages=((service, *OUTAGE, way),), until_s=OUTAGE[1] + 1)
    simulation = Simulation(replace(plain, weather=weather), is_tracing=True)
    result = simulation.run()

    assert result.violation is None
    assert result.statuses == {"deployed": 1}, result.codes
    assert result.seen["job succeeded"] == 1
    struck = {"tables", "blobs", "foundry", "arm"} if service == "all" else {service}
    assert {f"outage of {name}" for name in struck} & result.faults.keys()
    stored = [float(line.split()[0]) for line in result.trace if " runs.replace" in line]
    back = min(at for at in stored if at > OUTAGE[1])
    asked_for_s = RETRY_AFTER_MAX_S if way.endswith("Retry-After") else 0.0
    assert back - OUTAGE[1] <= asked_for_s + 2 * plain.tick_s


def test_without_faults_a_run_takes_no_longer_than_its_parts():
    assert simulate(calm("auto")).violation is None


def test_a_dataset_that_kills_five_processes_becomes_a_run_by_its_poison_message(monkeypatch):
    """Nothing else leads to it: the listing finds nothing, and its event comes once."""
    monkeypatch.setattr(LostDatasets, "accept", lambda *_: [])
    deadly = (("blobs", 0.0, 5 * TAKEN_S[1], "dies before"),)
    drop = Drop(at_s=20.0, name="auto/set.jsonl", data=rows("auto", 0), events_s=(21.0,))
    scenario = calm("auto", drops=(drop,))
    result = simulate(replace(scenario, weather=Weather(until_s=2 * HOUR, outages=deadly)))

    assert result.violation is None
    assert result.seen["blob event poisoned by deaths"] == 1
    assert result.faults["outage of blobs"] + result.faults["dies before"] >= 5
    assert result.statuses.total() == 1


@pytest.mark.parametrize("pipeline", ["auto", "rft"])
def test_a_wrong_smoke_test_is_mended_and_no_job_is_paid_for_again(pipeline):
    """In bad weather; a person decides on what is judged again, also where none was asked before."""
    ends = Counter()
    for seed in range(8):
        rough = scenario_of(seed, "strict")
        scenario = calm(pipeline, seed=seed, spoiled=pipeline, spoils_smoke=True, weather=rough.weather)
        result = simulate(replace(scenario, votes=True, approve=1.0, instances=2))

        assert result.violation is None, seed
        assert result.seen["job succeeded"] <= 1
        ends["judged again"] += min(1, result.seen["judge again accepted"])
        ends["deployed"] += result.transitions["verifying", "deployed"]
    assert ends["judged again"] >= 4
    assert ends["deployed"] >= 4
