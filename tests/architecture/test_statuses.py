"""A status is whole: whoever adds one and forgets a part of it is told here which.  CONTRIBUTING.md has the recipe."""

import inspect
import json
import re
import typing
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from shared.core import decide
from shared.core.policy import Policy
from shared.core.status import ALERTS_S, FINISHED, STATUSES, Status
from shared.foresight import Foresight
from shared.observer import Observer
from shared.pinning import Pins
from tests.twins.world import TwinWorld

ROOT = Path(__file__).parents[2]
GENERATE = "run `python docs/generate.py`"


@dataclass(frozen=True)
class Parts:
    """Where the parts of a status lie."""

    facts: dict
    deciders: dict
    looks: dict
    alert_hours: dict
    described: set


def as_they_are():
    world, policy = TwinWorld(), Policy()
    query = next(
        a["query"] for a in json.loads((ROOT / "infra/alerts.json").read_text()) if a["name"] == "run-stuck"
    )
    return Parts(
        facts=dict(STATUSES),
        deciders=dict(decide._DECIDERS),
        looks=dict(Observer(world, policy, Pins(world), Foresight(world, policy))._looks),
        alert_hours=dict(re.findall(r'"(\w+)", ([\d.]+),', "\n".join(query))),
        described=set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/statuses.md").read_text(), re.MULTILINE)),
    )


PARTS = as_they_are()


def gaps(status, parts):
    """What a status lacks, and where it belongs."""
    facts = parts.facts.get(status)
    if facts is None:
        yield "shared/core/status.py: no row in STATUSES"
        return
    if not facts.about:
        yield "shared/core/status.py: `about` is empty"
    if status not in parts.described:
        yield f"docs/statuses.md: not described; {GENERATE}"
    if facts.is_end:
        if status in parts.deciders or status in parts.looks:
            yield "shared/core/decide.py, shared/observer.py: nothing is asked after an end"
    else:
        yield from gaps_of_a_question(status, facts, parts)


def gaps_of_a_question(status, facts, parts):
    if not facts.about.endswith("?"):
        yield "shared/core/status.py: `about` is not a question"
    if (facts.deadline_s is None) == (facts.gate is None):
        yield "shared/core/status.py: it needs a `deadline_s`, or a `gate` that has a time limit of its own"
    if facts.gate and not {Status.REJECTED, Status.EXPIRED, Status.CANCELLED} <= facts.moves:
        yield "shared/core/status.py: a gate may be rejected, expire and be cancelled: `moves`"
    if (Status.FAILED in facts.moves) != (facts.deadline_s is not None):
        yield "shared/core/status.py: what has a deadline may become `failed`: `moves`"
    if (facts.retry_in is None) == (Status.FAILED in facts.moves):
        yield "shared/core/status.py: what may fail needs a `retry_in`"
    if facts.retry_in and facts.retry_in not in parts.facts[Status.FAILED].moves:
        yield "shared/core/status.py: `retry_in` is no move of `failed`"
    if facts.deadline_s and status not in parts.alert_hours:
        yield f"infra/alerts.json: no hours in the alert `Run stuck`; {GENERATE}"
    decider, look = parts.deciders.get(status), parts.looks.get(status)
    if decider is None:
        yield "shared/core/decide.py: no function in _DECIDERS"
    if look is None:
        yield "shared/observer.py: no look"
    if decider and look and answer_taken(decider) is not typing.get_type_hints(look)["return"]:
        yield f"shared/observer.py: the look gives another observation than {decider.__name__} takes"


def answer_taken(decider):
    """The class of observations that a decider takes."""
    second = list(inspect.signature(decider).parameters)[1]
    return typing.get_type_hints(decider)[second]


@pytest.mark.parametrize("status", Status)
def test_a_status_has_all_its_parts(status):
    found = list(gaps(status, PARTS))

    assert not found, f"`{status}` lacks:\n" + "\n".join(found)


def without(part, status):
    kept = {key: value for key, value in getattr(PARTS, part).items() if key != status}
    return replace(PARTS, **{part: kept})


def with_facts(status, **changes):
    facts = msgspec.structs.replace(STATUSES[status], **changes)
    return replace(PARTS, facts=PARTS.facts | {status: facts})


T, GATE = Status.TRAINING, Status.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("status", "parts", "says"),
    [
        (T, without("facts", T), "shared/core/status.py: no row"),
        (T, without("deciders", T), "shared/core/decide.py: no function"),
        (T, without("looks", T), "shared/observer.py: no look"),
        (GATE, without("looks", GATE), "shared/observer.py: no look"),
        (T, without("alert_hours", T), "infra/alerts.json: no hours"),
        (T, replace(PARTS, described=set()), "docs/statuses.md: not described"),
        (T, with_facts(T, about=""), "`about` is empty"),
        (T, with_facts(T, about="The job runs."), "not a question"),
        (T, with_facts(T, deadline_s=None), "needs a `deadline_s`"),
        (GATE, with_facts(GATE, gate=None), "needs a `deadline_s`"),
        (GATE, with_facts(GATE, moves=frozenset({Status.DEPLOYING})), "a gate may be rejected"),
        (T, with_facts(T, retry_in=None), "needs a `retry_in`"),
        (T, with_facts(T, retry_in=Status.TRAINING), "is no move of `failed`"),
        (T, with_facts(T, moves=frozenset({Status.STAGING})), "may become `failed`"),
        (T, replace(PARTS, looks=PARTS.looks | {T: PARTS.looks[GATE]}), "another observation"),
        (Status.DEPLOYED, replace(PARTS, looks=PARTS.looks | {Status.DEPLOYED: len}), "after an end"),
    ],
)
def test_what_is_forgotten_is_named(status, parts, says):
    assert any(says in gap for gap in gaps(status, parts)), list(gaps(status, parts))


def test_no_other_statuses_are_spoken_of():
    waiting = set(Status) - FINISHED

    assert set(PARTS.facts) == PARTS.described == set(Status)
    assert set(PARTS.deciders) == set(PARTS.looks) == waiting
    assert set(PARTS.alert_hours) == set(ALERTS_S)
