"""Thousands of seeded simulations: no invariant is ever broken, and everything that can happen did happen."""

import os
import subprocess
import sys

import pytest

from shared.core.run import TRANSITIONS
from tests.simulation import campaign, enumeration
from tests.simulation.network import WAYS
from tests.simulation.scenario import PROFILES, scenario_of
from tests.simulation.simulation import simulate

SEEDS = 2000
SOAK_SEEDS = 20_000

#: Transitions that no simulation reaches, each with its reason.
UNREACHED = {
    (
        "failed",
        "received",
    ): "nobody retries a run that failed before its dataset was read, which is rare; the core tests do",
}
#: What the world must have done at least once, whatever the seeds.
SEEN = (
    "blob event lost",
    "blob event repeated",
    "blob event late",
    "blob event poisoned",
    "queue message lost",
    "queue message twice",
    "queue message poisoned",
    "dataset overwritten",
    "dataset deleted",
    "pipeline file edited",
    "file ends as error",
    "job succeeded",
    "job failed",
    "job cancelled",
    "job gone",
    "job paused, then succeeded",
    "job unknown status, then succeeded",
    "job succeeded without a model, then with one",
    "job succeeded without a model for ever",
    "deployment failed",
    "deployment conflict",
    "deployment name taken",
    "DeploymentNotReady",
    "decide accepted",
    "decide answered gate_closed",
    "decide answered stale_digest",
    "decide answered forbidden",
    "decide answered unavailable",
    "cancel accepted",
    "retry accepted",
)

#: Seeds that once broke an invariant: (profile, seed, what was wrong then).
REGRESSIONS = (
    ("strict", 55, "a file whose listing lagged was left in Foundry after a cancellation"),
    ("late", 4, "an upload whose answer was lost was left in Foundry after a cancellation"),
    ("strict", 27, "clearing up deleted somebody else's deployment under the candidate's name"),
    ("strict", 34, "a run that spent nothing kept its share of the month's budget"),
    (
        "strict",
        101,
        "what an upload had shown was taken for an answer about jobs, after another process moved the run",
    ),
    ("late", 89, "strategy `replace` deployed over a deployment that was never the pipeline's"),
    ("strict", 531, "a retry died between its row and the index, and nothing led to the run any more"),
    (
        "strict",
        1660,
        "with the strategy `replace`, a run was promoted whose deployment served another's model by then",
    ),
    ("strict", 1554, "what a failed job had cost was forgotten when its run was retried"),
    ("late", 308, "a late job on the training file of an earlier try was known to nobody"),
    ("late", 2014, "a person's retry that arrived late revived a run that had left the index meanwhile"),
    ("late", 352, "a commitment whose ledger line was lost was never made again"),
)


@pytest.fixture(scope="module")
def tallies():
    return {profile: campaign.seeds(profile, range(SEEDS)) for profile in PROFILES}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_seed_breaks_an_invariant(tallies, profile):
    tally = tallies[profile]

    assert not tally.violations, "\n".join(tally.violations)
    assert tally.count == SEEDS


def test_every_kind_of_fault_happened(tallies):
    faults = tallies["strict"].faults + tallies["late"].faults
    services = {f"outage of {name}" for name in ("tables", "blobs", "foundry", "arm")}

    assert {*WAYS, *services} <= faults.keys()


def test_everything_that_the_world_can_do_happened(tallies):
    seen = tallies["strict"].seen + tallies["late"].seen

    assert [what for what in SEEN if not seen[what]] == []
    assert tallies["late"].seen["wrong answer of Foundry"]


def test_every_transition_happened(tallies):
    calls = range(1, len(enumeration.calls_of("auto")) + 1)
    refused = campaign.over_all_cores(enumeration.refuse, [("auto", number) for number in calls])
    reached = {move for _, result in refused for move in result.transitions}
    reached |= set(tallies["strict"].transitions) | set(tallies["late"].transitions)
    possible = {(str(before), str(after)) for before, afters in TRANSITIONS.items() for after in afters}

    assert possible - reached - UNREACHED.keys() == set()
    assert UNREACHED.keys() <= possible


@pytest.mark.parametrize(("profile", "seed", "what"), REGRESSIONS)
def test_a_seed_that_once_found_a_mistake_finds_none(profile, seed, what):
    result = simulate(scenario_of(seed, profile))

    assert result.violation is None, f"again: {what}: {result.violation}"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_seed_is_the_same_story_in_another_process(profile):
    """Whatever the hashes of strings are there."""
    for seed in (3, 7):
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            f"--seed={seed}",
            f"--profile={profile}",
            "--digest",
        ]
        told = {
            subprocess.run(
                command,
                env=os.environ | {"PYTHONHASHSEED": number, "PYTHONPATH": "."},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for number in ("1", "2")
        }
        assert told == {simulate(scenario_of(seed, profile)).digest}


@pytest.mark.soak
@pytest.mark.parametrize("profile", PROFILES)
def test_tens_of_thousands_of_seeds(profile):
    tally = campaign.seeds(profile, range(SEEDS, SEEDS + SOAK_SEEDS))
    tally.write()

    assert not tally.violations, "\n".join(tally.violations)
