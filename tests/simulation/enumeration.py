"""Crash enumeration: each call of a calm run goes wrong once, in each way; and each pair of calls that change something."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from shared.core.run import Status
from tests.simulation.network import Call, Kind
from tests.simulation.scenario import Scenario, calm
from tests.simulation.simulation import Result, simulate

#: One pipeline a method, and the gates and the strategies between them.
PIPELINES = ("auto", "dpo", "rft")
WAYS = ("dies before", "dies after", "unavailable", "answer lost")
PAIR_WAYS = ("dies after", "answer lost")

#: Files, rows of the index and lines of the ledger.
WRITTEN_AGAIN = ("artifacts.write", "index.project", "pipelines.commit")

#: Number of a call -> how it goes wrong.
Plan = dict[int, str]
#: A pipeline, and what goes wrong in its run.
Point = tuple[str, Plan]


#: Runs that are judged again -> the statuses in which their calls are struck: stored answers serve, or all are asked anew.
JUDGED = {
    "auto, judged again": {Status.NOT_PROMOTED, Status.QUEUEING, Status.EVALUATING, Status.AWAITING_APPROVAL},
    "auto, asked anew": {Status.QUEUEING, Status.STAGING},
}


def ground(pipeline: str) -> Scenario:
    """The run in which calls are struck."""
    name, _, how = pipeline.partition(", ")
    return calm(name, spoiled=name if how else "", asks_anew=how == "asked anew")


def calls_of(pipeline: str) -> list[Call]:
    """Each call of the calm run; the last ones only watch that nothing comes any more."""
    return simulate(ground(pipeline), plan={}).recorded


def situations(pipeline: str) -> dict[Call, int]:
    """Each kind of call in each status of the run that makes it -> the number of the first such call."""
    first: dict[Call, int] = {}
    for number, call in enumerate(calls_of(pipeline), start=1):
        first.setdefault(call, number)
    return first


def new_situations(pipeline: str) -> dict[Call, int]:
    """Those that the pipelines before do not have."""
    known = {call for other in PIPELINES[: PIPELINES.index(pipeline)] for call in situations(other)}
    return {call: number for call, number in situations(pipeline).items() if call not in known}


def samples(pipeline: str) -> Iterator[Point]:
    """Each kind of call in each status that is new in this pipeline: in every way what changes something, the ways in turn else.

    What follows from the row, and is written again at each look, takes one way at a time, too; the soak tries them all.
    """
    ways = itertools.cycle(WAYS)
    for call, number in new_situations(pipeline).items():
        is_written_again = call.label.startswith(WRITTEN_AGAIN)
        is_in_every_way = call.kind is not Kind.READ and not is_written_again
        for way in WAYS if is_in_every_way else (next(ways),):
            yield pipeline, {number: way}


def samples_of_judging(pipeline: str) -> Iterator[Point]:
    """The same of what comes once somebody asks to have the run judged again; in every way what the request changes."""
    calls = calls_of(pipeline)
    asked = calls.index(next(call for call in calls if call.label == "trainer.has_model")) + 1
    first: dict[Call, int] = {}
    for number, call in enumerate(calls[asked - 2 :], start=asked - 1):  # the row is loaded before
        if call.status in JUDGED[pipeline]:
            first.setdefault(call, number)
    ways = itertools.cycle(WAYS)
    for call, number in first.items():
        is_request = call.status == Status.NOT_PROMOTED and call.kind is not Kind.READ
        for way in WAYS if is_request else (next(ways),):
            yield pipeline, {number: way}


def singles(pipeline: str) -> Iterator[Point]:
    """Every call, every way."""
    for number, way in itertools.product(range(1, len(calls_of(pipeline)) + 1), WAYS):
        yield pipeline, {number: way}


def refusals(pipeline: str) -> Iterator[Point]:
    """Each kind of call in each status that is new in this pipeline is answered with HTTP 400."""
    for number in new_situations(pipeline).values():
        yield pipeline, {number: "refused"}


def pairs(pipeline: str) -> Iterator[Point]:
    """Every pair of calls that change something; the second one is counted in the run that the first has bent."""
    changing = [n for n, call in enumerate(calls_of(pipeline), start=1) if call.kind is not Kind.READ]
    for (first, second), (one, other) in itertools.product(
        itertools.combinations(changing, 2), itertools.product(PAIR_WAYS, repeat=2)
    ):
        yield pipeline, {first: one, second: other}


def refuse(point: Point) -> Result:
    """A run one of whose calls is refused; it may fail, and then says why."""
    pipeline, plan = point
    return simulate(ground(pipeline), plan=plan)


def has_struck(plan: Plan, result: Result) -> bool:
    """Whether all faults came; the first of a pair may bend the run so that it ends before the second one's call."""
    return result.calls >= max(plan)


def strike(point: Point) -> tuple[Point, Result]:
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
