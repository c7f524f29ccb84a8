"""What a seed stands for: pipelines, datasets, people, and how bad the world is."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from functools import cache

from shared.core.policy import Policy
from shared.core.run import Status
from tests.simulation.network import STRANGE_WAYS, WAYS, Weather
from tests.simulation.outside import JOB_ENDS, Nature

HOUR = 3600.0
PROFILES = ("strict", "late", "strange")

#: The real numbers, except for windows of days that would only make simulations long.
POLICY = Policy(sweep_window_s=2 * HOUR, in_flight_max=2, evaluation_chunk_size=26)

#: With a price of its own, so that nobody is asked about the money.
_MODEL = "model: gpt-4.1-2025-04-14\nprices: {training_usd_per_million_tokens: 2}\n"
_JUDGE = "evaluation:\n  baselines: [champion, {deployment: base}]\n"
_DATA = "dataset: {validation: {split: 0.1}, evaluation: {split: 0.3}}\n"
_EXACT = '{type: string_check, name: exact, operation: eq, input: "{{sample.output_text}}", reference: "{{item.answer}}"}'

#: name -> pipeline file.  All three methods; manual, automatic and four-eyes approval; spend gate; budget; both strategies.
PIPELINES = {
    "sft": _MODEL
    + "suffix: sft\n"
    + _DATA
    + _JUDGE
    + "approval: {mode: manual, approvers: 2, expires_after: PT90M}\n",
    "auto": _MODEL
    + "suffix: auto\n"
    + _DATA.replace("0.3", "0.45")
    + _JUDGE
    + f"  graders: [{_EXACT.replace('item.answer', 'item.reference')}]\n"
    + "approval: {mode: automatic, expires_after: PT2H}\n",
    "dpo": _MODEL
    + "method: {type: dpo, dpo: {hyperparameters: {n_epochs: 2}}}\n"
    + _DATA
    + _JUDGE
    + "approval: {mode: manual, expires_after: PT1H}\ndeployment: {strategy: replace}\n",
    "rft": "model: o4-mini-2025-04-16\nmethod:\n  type: reinforcement\n  reinforcement:\n    grader: "
    + _EXACT
    + "\n"
    + _DATA
    + "evaluation:\n  baselines: [{deployment: base}]\n  graders:\n    - "
    + _EXACT
    + "\napproval: {mode: manual, expires_after: PT1H}\n",
    "dear": "model: gpt-4.1-2025-04-14\nsuffix: dear\n"
    + _DATA
    + _JUDGE
    + "prices: {training_usd_per_million_tokens: 25000}\nbudget: {per_run_usd: 50, per_month_usd: 40, approve_above_usd: 10}\n"
    + "approval: {mode: manual, uploader_may_approve: true, expires_after: PT2H}\n",
    "broken": "model: gpt-4.1-2025-04-14\nmood: bad\n",
}
METHOD = {"dpo": "dpo", "rft": "reinforcement"}
#: Of a dataset; `automatic` deploys without a person only with 50 held-out examples or more.
ROWS = {"auto": 120}
BAD = b'{"messages": []}\n'


@cache
def rows(pipeline: str, content: int, count: int | None = None) -> bytes:
    """A dataset that fits a pipeline; other `content` is other content."""
    made = []
    for number in range(content * 1000, content * 1000 + (count or ROWS.get(pipeline, 20))):
        question = {"role": "user", "content": f"What is the code of box {number}?"}
        answer = {"role": "assistant", "content": f"The code of box {number} is {number * 7919 % 1000}."}
        other = {"role": "assistant", "content": f"Box {number} has no code."}
        if METHOD.get(pipeline) == "dpo":
            made.append(
                {
                    "input": {"messages": [question]},
                    "preferred_output": [answer],
                    "non_preferred_output": [other],
                }
            )
        elif METHOD.get(pipeline) == "reinforcement":
            made.append({"messages": [question], "answer": answer["content"]})
        else:
            made.append({"messages": [question, answer]})
    return b"".join(json.dumps(row).encode() + b"\n" for row in made)


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A file that somebody stores, overwrites or deletes."""

    at_s: float
    name: str
    data: bytes | None
    """None deletes."""
    events_s: tuple[float, ...] = ()
    """When the events about it arrive; none at all if they are lost."""
    uploaded_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One simulation."""

    seed: int
    profile: str
    weather: Weather = field(default_factory=Weather)
    nature: Nature = field(default_factory=Nature)
    drops: tuple[Drop, ...] = ()
    instances: int = 3
    skew_s: float = 0.0
    tick_s: float = 60.0
    approve: float = 1.0
    """Share of votes that approve."""
    votes: bool = True
    is_diligent: bool = False
    """People decide at each look, never on a wrong digest."""
    is_tardy: bool = False
    """People decide in the last seconds of a gate, and in the first ones after it."""
    meddling: float = 0.0
    """Chance of a cancellation or a retry at each look of a person."""
    cancels_in: str = ""
    """The status in which somebody cancels each run, at once."""
    squatting: float = 0.0
    """Chance that a foreign deployment has the name that a run will want."""
    queue_loss: float = 0.0
    edits_pipeline: bool = False
    spoiled: str = ""
    """Pipeline whose grader, or smoke test, is wrong until somebody mends the file and has the run judged again."""
    spoils_smoke: bool = False
    """Whether it is its smoke test that is wrong, not its grader."""
    asks_anew: bool = False
    """Whether the file that is mended asks for all answers anew."""
    loses_row_at_s: float = 0.0
    """When the row of an unfinished run is lost."""
    sabotage_s: float = 0.0
    """Seconds between two acts of a saboteur, on average; 0: there is none."""
    sabotages: tuple[str, ...] = ()
    """What the saboteur does; empty: what its temper says."""
    horizon_s: float = 9 * HOUR
    policy: Policy = POLICY


_FAULTS = tuple(way for way in WAYS if way not in {"refused", "applied late", "stall"})


def scenario_of(seed: int, profile: str) -> Scenario:
    """The scenario of a seed.  Each seed has its own temper: some faults often rather than all faults a little."""
    rng = random.Random(f"{seed}/{profile}")
    is_late, is_strange = profile == "late", profile == "strange"
    known = [*_FAULTS, "refused"] + (["applied late"] * 2 if is_late else [])
    ways = tuple(rng.sample(known, rng.randint(2, len(known)))) + (("applied late",) if is_late else ())
    if is_strange:
        ways += STRANGE_WAYS * len(ways)
    calm = 1.25 * HOUR
    weather = Weather(
        rate=rng.choice((0.0, 0.02, 0.05, 0.1, 0.15)),
        ways=ways,
        stall_rate=rng.choice((0.0, 0.002, 0.01)),
        until_s=calm,
        outages=_outages(rng, calm),
        raising=rng.choice((0.0, 0.02, 0.1)) if is_strange else 0.0,
    )
    lags = (0.0, 5.0, 60.0, 550.0)
    nature = Nature(
        job_ends=_job_ends(rng),
        listing_lags_s=(*lags, 1500.0) if is_late else rng.choice((lags, (0.0,), (550.0,))),
        file_fails=rng.choice((0.0, 0.0, 0.1)),
        deployment_fails=rng.choice((0.0, 0.0, 0.15)),
        not_ready_s=rng.choice((0.0, 120.0)),
        good_models=rng.choice((1.0, 1.0, 0.5)),
        lies=rng.choice((0.0, 0.1)) if is_late else 0.0,
        lies_until_s=calm,
    )
    return Scenario(
        seed=seed,
        profile=profile,
        weather=weather,
        nature=nature,
        drops=_drops(rng),
        instances=rng.choice((2, 3, 4)),
        skew_s=rng.choice((0.0, 2.0, 60.0)),
        tick_s=rng.choice((60.0, 120.0)),
        approve=rng.choice((1.0, 0.8, 0.5)),
        votes=rng.random() < 0.9,
        meddling=rng.choice((0.0, 0.1, 0.3)),
        squatting=rng.choice((0.0, 0.0, 0.0, 0.3)),
        queue_loss=rng.choice((0.0, 0.1)),
        edits_pipeline=rng.random() < 0.15,
    )


def _outages(rng: random.Random, until_s: float) -> tuple[tuple[str, float, float, str], ...]:
    if rng.random() > 0.1:
        return ()
    begin = rng.uniform(0, until_s / 2)
    way = rng.choice(("unavailable", "throttled", "throttled with Retry-After"))
    return (
        (
            rng.choice(("tables", "blobs", "foundry", "arm", "all")),
            begin,
            begin + rng.uniform(300, 1800),
            way,
        ),
    )


def _job_ends(rng: random.Random) -> tuple[str, ...]:
    return ("succeeded",) * rng.choice((2, 8, 24)) + tuple(rng.sample(JOB_ENDS, 4))


def _drops(rng: random.Random) -> tuple[Drop, ...]:
    drops: list[Drop] = []
    pipeline = rng.choice(tuple(PIPELINES)[:-1])
    for number in range(rng.choice((1, 1, 2, 2, 3))):
        if rng.random() < 0.3:
            pipeline = rng.choice((*PIPELINES, "nowhere"))
        at, name = rng.uniform(0, 1200), f"{pipeline}/team/set{number}.jsonl"
        content = rng.choice((0, 0, number))
        data = BAD if rng.random() < 0.06 else rows(pipeline, content)
        drops.append(_drop(rng, at, name, data))
        if rng.random() < 0.15:  # a companion, in time or too late
            beside = name.replace(".jsonl", ".validation.jsonl")
            drops.append(_drop(rng, at + rng.uniform(-30, 120), beside, rows(pipeline, 9, 5)))
        if rng.random() < 0.15:
            drops.append(
                _drop(
                    rng,
                    at + rng.choice((rng.uniform(0, 10), rng.uniform(60, 90), rng.uniform(0, 900))),
                    name,
                    rows(pipeline, 5),
                )
            )
        if rng.random() < 0.08:
            drops.append(Drop(at_s=at + rng.uniform(0, 300), name=name, data=None))
    if rng.random() < 0.05:
        drops.append(_drop(rng, rng.uniform(0, 900), f"{pipeline}/notes.txt", b"no dataset"))
    return tuple(drops)


def _drop(rng: random.Random, at: float, name: str, data: bytes) -> Drop:
    copies = rng.choice((0, 1, 1, 1, 2, 3))
    events = tuple(at + rng.choice((rng.uniform(0.1, 2), rng.uniform(0, 600))) for _ in range(copies))
    return Drop(
        at_s=max(0.0, at),
        name=name,
        data=data,
        events_s=events,
        uploaded_by=rng.choice((None, "ada", "grace")),
    )


def calm(pipeline: str, **changes: object) -> Scenario:
    """One good dataset, one process, nothing goes wrong: the ground for crash enumeration.

    The dataset is small, so that a person is asked in each pipeline: what `automatic` deploys by itself, seeds show.
    """
    drop = Drop(
        at_s=1.0,
        name=f"{pipeline}/set.jsonl",
        data=rows(pipeline, 0, 30),
        events_s=(2.0,),
        uploaded_by="linus",
    )
    plain = Scenario(
        seed=1,
        profile="strict",
        nature=Nature(job_s=(200.0, 200.0)),
        weather=Weather(until_s=2 * HOUR),
        drops=(drop,),
        instances=1,
        is_diligent=True,
        policy=Policy(sweep_window_s=0.25 * HOUR),  # nothing comes later than the settle time here
    )
    return replace(plain, **changes)


def spoilt(text: str, scenario: Scenario) -> str:
    """A pipeline file that nothing passes, until somebody mends it."""
    if not scenario.spoils_smoke:
        return text.replace("operation: eq", "operation: ne")
    assert "\ndeployment:" not in text
    return (
        text
        + "deployment: {smoke_test: [{messages: [{role: user, content: What is box 3?}], expect: unicorn}]}\n"
    )


def mended(text: str, *, asks_anew: bool) -> str:
    """A pipeline file as somebody stores it to have a run judged again; with another limit of tokens, no stored answer serves."""
    limit = "  max_completion_tokens: 512\n  baselines:"
    return text.replace("  baselines:", limit) if asks_anew else text


def cancelled(status: Status) -> Scenario:
    """A good dataset that has to queue behind another, unless it costs much; somebody cancels each run in a status."""
    pipeline, count = ("dear", 1) if status is Status.AWAITING_SPEND_APPROVAL else ("dpo", 2)
    drops = tuple(
        Drop(at_s=1.0 + n, name=f"{pipeline}/s{n}.jsonl", data=rows(pipeline, n), events_s=(2.0 + n,))
        for n in range(count)
    )
    policy = Policy(sweep_window_s=0.25 * HOUR, in_flight_max=1)
    return calm(pipeline, drops=drops, instances=2, cancels_in=status, policy=policy)
