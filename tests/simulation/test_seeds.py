"""Hundreds of seeded simulations: no invariant is ever broken, and everything that can happen did happen."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from shared.core.run import TRANSITIONS, Status
from tests.simulation import campaign
from tests.simulation.mutants import brisk_rivals
from tests.simulation.network import STRANGE_WAYS, WAYS
from tests.simulation.sabotage import PROFILE as SABOTAGE
from tests.simulation.scenario import PROFILES, cancelled, scenario_of
from tests.simulation.simulation import simulate

pytestmark = pytest.mark.simulation

#: Of each profile; and so many more at a time, up to the limit, while something that is demanded has not happened yet.
SEEDS, MORE, SEEDS_MAX = 10, 10, 2000
#: Those in which happens what the first ones do not show, so that none more are needed.
RARE = {"strict": (24, 27, 43), "strange": (35,)}
SOAK_SEEDS = 20_000
#: Of runs with somebody who changes artifacts and rows, and what that one does.
SABOTAGE_SEEDS = 28
ACTS = {
    "file forge",
    "file put back",
    "file delete",
    "file spoil",
    "votes added",
    "gate changed",
    "row changed",
    "file planted",
}

#: What goes wrong with a call; outages of the other services are rare here, and each has its own storm in `test_storms.py`.
FAULTS = {*WAYS, *STRANGE_WAYS, "outage of tables", "outage of blobs"}

#: Transitions that no simulation reaches, each with its reason.
UNREACHED = {
    (
        "failed",
        "received",
    ): "nobody retries a run that failed before its dataset was read; the core's tests do",
}
#: Where a run may be cancelled: seeds rarely do it in each of them, so that it has a test of its own.
CANCELLED_IN = [status for status, afters in TRANSITIONS.items() if Status.CANCELLED in afters]
#: Other moves that seeds rarely make -> a scenario that makes them, with one of its first seeds.
ON_PURPOSE = {
    ("awaiting_approval", "queueing"): lambda seed: brisk_rivals(21 + seed, "strict"),
    ("deploying", "queueing"): lambda seed: brisk_rivals(seed, "strict"),
    ("verifying", "queueing"): lambda seed: brisk_rivals(37 + seed, "strict"),
}
#: All others but those to `cancelled`, and those to `failed`, which `test_enumeration.py` demands.
TRANSITIONS_DEMANDED = (
    {
        (str(before), str(after))
        for before, afters in TRANSITIONS.items()
        for after in afters
        if after not in {Status.FAILED, Status.CANCELLED}
    }
    - UNREACHED.keys()
    - ON_PURPOSE.keys()
)
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
    "withdraw accepted",
    "judge again accepted",
    "judge again answered gate_closed",
    "wrong answer of Foundry",
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


def missing(tallies):
    """What no simulation has shown yet: faults, events of the world, transitions."""
    faults, seen, transitions = Counter(), Counter(), Counter()
    for tally in tallies:
        faults += tally.faults
        seen += tally.seen
        transitions += tally.transitions
    return {
        "faults": FAULTS - faults.keys(),
        "seen": set(SEEN) - seen.keys(),
        "transitions": TRANSITIONS_DEMANDED - transitions.keys(),
    }


@pytest.fixture(scope="module")
def tallies():
    made = {profile: campaign.seeds(profile, [*range(SEEDS), *RARE.get(profile, ())]) for profile in PROFILES}
    first = SEEDS
    while any(missing(made.values()).values()) and first < SEEDS_MAX:
        for profile, tally in made.items():
            campaign.seeds(profile, range(first, first + MORE), tally)
        first += MORE
    return made


@pytest.mark.parametrize("profile", PROFILES)
def test_no_seed_breaks_an_invariant(tallies, profile):
    tally = tallies[profile]

    assert not tally.violations, "\n".join(tally.violations)
    assert tally.count >= SEEDS


def test_a_saboteur_has_nothing_trained_or_deployed():
    tally = campaign.seeds(SABOTAGE, range(SABOTAGE_SEEDS))

    assert not tally.violations, "\n".join(tally.violations)
    assert tally.seen.keys() >= ACTS
    assert {status for _, status in tally.transitions} >= {"training", "deployed", "not_promoted", "failed"}


@pytest.mark.parametrize("kind", ["faults", "seen", "transitions"])
def test_everything_that_can_happen_happened(tallies, kind):
    """Every way in which a call goes wrong, everything that the world can do, every move of a run."""
    assert missing(tallies.values())[kind] == set()


@pytest.mark.parametrize("status", CANCELLED_IN)
def test_runs_are_cancelled_in_each_status_in_which_they_may_be(status):
    scenario = cancelled(status)
    result = simulate(scenario)

    assert result.violation is None
    assert result.transitions[status, "cancelled"]
    assert result.statuses == {"cancelled": len(scenario.drops)}


@pytest.mark.parametrize("move", ON_PURPOSE)
def test_what_rarely_happens_happens_on_purpose(move):
    for seed in range(100):
        result = simulate(ON_PURPOSE[move](seed))
        assert result.violation is None, seed
        if result.transitions[move]:
            return
    pytest.fail(f"no run went from {move[0]} to {move[1]}")


@pytest.mark.parametrize(("profile", "seed", "what"), REGRESSIONS)
def test_a_seed_that_once_found_a_mistake_finds_none(profile, seed, what):
    result = simulate(scenario_of(seed, profile))

    assert result.violation is None, f"again: {what}: {result.violation}"


@pytest.mark.parametrize(("profile", "seed", "hashes"), [("strict", 3, "1"), ("late", 7, "2")])
def test_a_seed_is_the_same_story_in_another_process(profile, seed, hashes):
    """Whatever the hashes of strings are there."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", f"--seed={seed}", f"--profile={profile}", "--digest"],
        env=os.environ | {"PYTHONHASHSEED": hashes, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == simulate(scenario_of(seed, profile)).digest


@pytest.mark.soak
@pytest.mark.parametrize("profile", [*PROFILES, SABOTAGE])
def test_tens_of_thousands_of_seeds(profile):
    tally = campaign.seeds(profile, range(SOAK_SEEDS))
    tally.write()

    assert not tally.violations, "\n".join(tally.violations)
