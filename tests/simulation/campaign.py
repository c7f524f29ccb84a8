"""Many simulations over all cores, and what they showed together."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from tests.simulation.mutants import MUTANTS, applied
from tests.simulation.sabotage import PROFILE, sabotaged
from tests.simulation.scenario import Scenario, scenario_of
from tests.simulation.simulation import Result, simulate
from tests.support.figures import commit, record

_CHUNK = 16


@dataclass
class Tally:
    """The sum of many results."""

    name: str
    count: int = 0
    calls: int = 0
    hours: float = 0.0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one result."""
        self.count += 1
        self.calls += result.calls
        self.hours += result.hours
        self.faults += result.faults
        self.seen += result.seen
        self.transitions += result.transitions
        if result.violation:
            self.violations.append(report(result))

    def write(self, **more: Any) -> None:
        """A line of the table of the soak."""
        record(
            self.name,
            seeds=self.count,
            calls=self.calls,
            simulated_hours=round(self.hours),
            seconds=round(self.seconds),
            faults=dict(self.faults),
            violations=len(self.violations),
            **more,
        )


def report(result: Result) -> str:
    """A violation with the one command that repeats it."""
    command = f".venv/bin/python -m tests.simulation --seed {result.seed} --profile {result.profile} --trace"
    return f"{result.violation}\n  seed {result.seed}, profile {result.profile}, commit {commit()}; repeat: {command}"


def _begin() -> None:
    gc.freeze()
    gc.set_threshold(200_000)  # greenlets are cycles: a look every few simulations, not in each
    sys.settrace(None)  # nobody collects what a parent's coverage would measure here


def over_all_cores[A, B](work: Callable[[A], B], items: Iterable[A], chunk: int = _CHUNK) -> Iterator[B]:
    """Do work in one process a core, in any order."""
    with get_context("fork").Pool(os.cpu_count(), _begin) as pool:
        yield from pool.imap_unordered(work, items, chunksize=chunk)


def scenario(seed: int, profile: str) -> Scenario:
    """What a seed stands for in a profile."""
    return sabotaged(seed) if profile == PROFILE else scenario_of(seed, profile)


def one(point: tuple[int, str]) -> Result:
    """The simulation of a seed."""
    return simulate(scenario(*point))


def seeds(profile: str, numbers: Iterable[int], tally: Tally | None = None) -> Tally:
    """The simulations of many seeds, added to what others showed."""
    tally, started = tally or Tally(profile), time.monotonic()
    for result in over_all_cores(one, [(number, profile) for number in numbers]):
        tally.add(result)
    tally.seconds += time.monotonic() - started
    return tally


def mutated(point: tuple[int, int]) -> tuple[int, int, str | None]:
    """One simulation with one mistake: (mutant, seed, the violation if it was noticed)."""
    number, seed = point
    mutant = MUTANTS[number]
    with applied(mutant.context()), applied(mutant.patches()):
        return number, seed, simulate(mutant.scenario(seed, mutant.profile)).violation


def first_kill(point: tuple[int, int]) -> tuple[str, int | None, str]:
    """The first of so many seeds that notices a mistake, and nothing without the mistake; or None."""
    number, limit = point
    mutant = MUTANTS[number]
    for seed in range(mutant.begin, mutant.begin + limit):
        violation = mutated((number, seed))[2]
        if violation and not unmutated((number, seed)).violation:
            return mutant.name, seed, violation
    return mutant.name, None, ""


def unmutated(point: tuple[int, int]) -> Result:
    """The same simulation without the mistake."""
    number, seed = point
    mutant = MUTANTS[number]
    with applied(mutant.context()):
        return simulate(mutant.scenario(seed, mutant.profile))
