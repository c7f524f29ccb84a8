"""Every seeded mistake is noticed, and none is noticed where there is none."""

import pytest

from tests.simulation import campaign
from tests.simulation.mutants import MUTANTS

pytestmark = pytest.mark.simulation
SEEDS_MAX = 400
SOUND_SEEDS = 6
SOAK_SEEDS = 300


def test_every_seeded_mistake_is_noticed(capsys):
    """By a simulation that is sound without it."""
    points = [(number, SEEDS_MAX) for number in range(len(MUTANTS))]
    kills = list(campaign.over_all_cores(campaign.first_kill, points, chunk=1))
    with capsys.disabled():
        print(f"\n{sum(seed is not None for _, seed, _ in kills)} of {len(MUTANTS)} mistakes noticed")

    assert [name for name, seed, _ in kills if seed is None] == []
    assert [violation for _, _, violation in kills if "TypeError" in violation] == [], (
        "the mutant itself is wrong"
    )
    assert len(MUTANTS) >= 46


@pytest.mark.soak
def test_their_simulations_are_sound_without_the_mistake():
    distinct = {(mutant.scenario, mutant.profile, mutant.context): n for n, mutant in enumerate(MUTANTS)}
    points = [(number, seed) for number in distinct.values() for seed in range(SOUND_SEEDS)]

    assert [r.violation for r in campaign.over_all_cores(campaign.unmutated, points) if r.violation] == []


@pytest.mark.soak
def test_how_often_each_mistake_is_noticed():
    points = [(number, seed) for number in range(len(MUTANTS)) for seed in range(SOAK_SEEDS)]
    killed = dict.fromkeys(range(len(MUTANTS)), 0)
    for number, _, violation in campaign.over_all_cores(campaign.mutated, points):
        killed[number] += violation is not None
    rates = {MUTANTS[number].name: count / SOAK_SEEDS for number, count in killed.items()}
    tally = campaign.Tally("seeded mistakes", count=len(points))
    tally.write(
        mutants_killed=sum(rate > 0 for rate in rates.values()), mutants=len(MUTANTS), kill_rates=rates
    )

    assert [name for name, rate in rates.items() if rate == 0] == []
