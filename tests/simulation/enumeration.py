"""Crash enumeration: each call of a calm run goes wrong once, in each way; and each pair of calls that change something."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tests.simulation.scenario import Scenario, calm
from tests.simulation.simulation import Result, simulate

#: One pipeline a method, and the gates and the strategies between them.
PIPELINES = ("auto", "dpo", "rft")
WAYS = ("dies before", "dies after", "unavailable", "answer lost")
PAIR_WAYS = ("dies after", "answer lost")


def ground(pipeline: str) -> Scenario:
    """The run in which calls are struck."""
    return calm(pipeline)


def calls_of(pipeline: str) -> list[tuple[str, str]]:
    """Label and kind of each call of the calm run; the last ones only watch that nothing comes any more."""
    return simulate(ground(pipeline), plan={}).labels


def singles(pipeline: str) -> Iterator[tuple[str, dict[int, str]]]:
    """Every call, every way."""
    count = len(calls_of(pipeline))
    for number, way in itertools.product(range(1, count + 1), WAYS):
        yield pipeline, {number: way}


def refuse(point: tuple[str, int]) -> tuple[tuple[str, int], Result]:
    """A run one of whose calls is answered with HTTP 400; it may fail, and then says why."""
    pipeline, number = point
    return point, simulate(ground(pipeline), plan={number: "refused"})


def pairs(pipeline: str) -> Iterator[tuple[str, dict[int, str]]]:
    """Every pair of calls that change something; the second one is counted in the run that the first has bent."""
    changing = [number for number, (_, kind) in enumerate(calls_of(pipeline), start=1) if kind != "read"]
    for (first, second), (one, other) in itertools.product(
        itertools.combinations(changing, 2), itertools.product(PAIR_WAYS, repeat=2)
    ):
        yield pipeline, {first: one, second: other}


def has_struck(plan: dict[int, str], result: Result) -> bool:
    """Whether all faults came; the first of a pair may bend the run so that it ends before the second one's call."""
    return result.calls >= max(plan)


def strike(point: tuple[str, dict[int, str]]) -> tuple[tuple[str, dict[int, str]], Result]:
    """One bent run, which must end as the calm one does."""
    pipeline, plan = point
    result = simulate(ground(pipeline), plan=plan)
    if result.violation is None and result.statuses != {"deployed": 1}:
        result.violation = f"ended as {dict(result.statuses)}: {dict(result.codes)}"
    if result.violation is None and result.seen["job succeeded"] != 1:
        result.violation = f"{result.seen['job succeeded']} jobs"
    if result.violation is None and not has_struck(plan, result) and len(plan) == 1:
        result.violation = "the fault did not strike"
    return point, result
