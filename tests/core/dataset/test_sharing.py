"""Other processes that examine blocks: the same result whoever does, for whatever rows, and whoever dies meanwhile."""

import os
import pickle
import random
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from shared.core.dataset.options import Action, Depth, Options, Role
from shared.core.dataset.rulebook import Severity
from shared.core.dataset.rules import RULES
from shared.core.dataset.sharing import examine_here, is_ready
from shared.core.dataset.summary import RowState
from shared.core.dataset.validate import validate
from shared.core.spec import MethodType
from tests.core.dataset.elsewhere import Here, both
from tests.core.dataset.rows import ANSWER, USER, chat, lines, many, validated

CORPUS = Path(__file__).parents[2] / "corpus"
TEMPLATES = ("{{item.answer}}",)


class Gone(Executor):
    """A process that died before it was given anything."""

    def __init__(self, _begin, _arguments):
        pass

    def submit(self, *_work):
        raise BrokenExecutor


class Dying(Here):
    """A process that dies before its first block."""

    def submit(self, work, *given):
        if work is examine_here:
            raise BrokenExecutor
        return super().submit(work, *given)


def good_row(method: str, number: int) -> dict[str, object]:
    asked = {**USER, "content": f"{number} {'far ' * (number % 90)}away {number * 7919}?"}
    answer = {**ANSWER, "content": f"so {number} {number % 13}"}
    if method == "dpo":
        other = [{**ANSWER, "content": f"no {number}"}]
        return {"input": {"messages": [asked]}, "preferred_output": [answer], "non_preferred_output": other}
    return chat(asked, answer) if method == "supervised" else chat(asked, answer=f"{number}")


def mixed(method: str, *, good: int) -> bytes:
    """Good rows of a method, and all rows of the corpus somewhere between them."""
    rows = [line for row in range(good) for line in lines(good_row(method, row)).splitlines()]
    bad = [
        line for file in sorted(CORPUS.glob(f"{method}/*.jsonl")) for line in file.read_bytes().split(b"\n")
    ]
    others = [line for line in bad if len(line) < 4000]
    mixing = random.Random(1)
    mixing.shuffle(others)
    for line in others:
        rows.insert(mixing.randrange(1, len(rows)), line)
    return b"\n".join(rows)


@pytest.mark.parametrize(
    ("depth", "action"),
    [
        (Depth.FULL, Action.REJECT),
        (Depth.FULL, Action.REPAIR),
        (Depth.FULL, Action.QUARANTINE),
        (Depth.GATE, Action.REJECT),
        (Depth.STRUCTURE, Action.REPAIR),
    ],
)
@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_rows_of_every_kind_are_shared(method, depth, action):
    data = mixed(method, good=6000)
    companion = lines(*(good_row(method, row) for row in range(5000, 8000)))
    options = Options(
        method=MethodType(method),
        depth=depth,
        default_action=action,
        quarantine_max_share=0.5,
        templates=TEMPLATES if method == "reinforcement" else (),
    )
    shared, alone, process = both(
        lambda: {
            Role.TRAINING: ("training.jsonl", [data]),
            Role.VALIDATION: ("validation.jsonl", [companion]),
        },
        options,
    )

    assert process.blocks > 1
    assert len(alone.report.totals) > 10
    assert shared.report == alone.report
    assert shared.plan == alone.plan
    assert shared.files == alone.files


@pytest.mark.parametrize(("last", "constant"), [("yes", True), ("no", False)])
def test_what_the_grader_reads_is_compared_over_all_blocks(last, constant):
    rows = [chat({**USER, "content": f"{'far ' * 50}{row}?"}, answer="yes") for row in range(6000)]
    data = lines(*rows, chat(USER, answer=last))
    options = Options(method=MethodType.REINFORCEMENT, templates=TEMPLATES)
    shared, alone, process = both(lambda: {Role.TRAINING: ("training.jsonl", [data])}, options)

    assert process.blocks > 1
    assert ("DS076" in alone.report.totals) is constant
    assert shared.report == alone.report


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.ERROR])
def test_fields_are_compared_with_those_of_the_first_row(severity):
    rows = [good_row("reinforcement", row) for row in range(6000)]
    rows[3000] |= {"hint": "odd"}
    rows[3500:] = [row | {"hint": "odd"} for row in rows[3500:]]
    options = Options(method=MethodType.REINFORCEMENT, templates=TEMPLATES, severities={"DS063": severity})
    shared, alone, process = both(lambda: {Role.TRAINING: ("training.jsonl", [lines(*rows)])}, options)

    assert process.blocks > 1
    assert alone.report.totals["DS063"] == 2501
    assert alone.files[Role.TRAINING].used_rows == (6000 if severity is Severity.WARNING else 3499)
    assert list(alone.files[Role.TRAINING].tokens).count(0) == 6000 - alone.files[Role.TRAINING].used_rows
    assert shared.report == alone.report
    assert shared.files == alone.files


@pytest.mark.parametrize("depth", Depth)
def test_once_a_file_is_known_to_be_foreign_no_row_of_it_is_good(depth):
    data = lines({"question": "What is 2 + 2?", "answer": "4"}) + many(20_000)
    options = Options(depth=depth)
    shared, alone, _ = both(lambda: {Role.TRAINING: ("training.jsonl", [data])}, options)

    assert set(alone.files[Role.TRAINING].states) == {RowState.BAD}
    assert alone.report.totals == {"DS023": 1}
    assert shared.report == alone.report
    assert shared.files == alone.files


def test_a_rule_is_the_same_in_every_process():
    for rule in RULES.values():
        assert pickle.loads(pickle.dumps(rule)) is rule


@pytest.mark.parametrize("executor", [Gone, Dying])
@pytest.mark.parametrize(
    ("method", "depth"),
    [("supervised", Depth.FULL), ("supervised", Depth.STRUCTURE), ("dpo", Depth.FULL)],
)
def test_who_cannot_examine_a_block_changes_nothing(executor, method, depth):
    data = lines(*(good_row(method, row) for row in range(5000)))
    options = Options(method=MethodType(method), depth=depth)
    source = {Role.TRAINING: ("training.jsonl", [data])}

    shared = validate(source, options, processes=executor, workers=2)
    alone = validate({Role.TRAINING: ("training.jsonl", [data])}, options)
    assert shared.report == alone.report
    assert shared.files == alone.files


class Counting(ProcessPoolExecutor):
    """Counts the blocks that were given to it."""

    blocks = 0

    def submit(self, fn, /, *args, **kwargs):
        self.blocks += fn is examine_here
        return super().submit(fn, *args, **kwargs)


def test_processes_and_chunks_change_nothing():
    rows = [
        chat(
            {**USER, "content": f"{i} {'far ' * (i % 90)}away {i * 7919}?"},
            {**ANSWER, "content": f"so {i} {i % 13}"},
        )
        for i in range(6000)
    ]
    rows[4000:4000] = [chat({"role": "system", "content": f"Be {i}."}, USER, ANSWER) for i in range(30)]
    data = (
        lines(*rows, *rows[:50])
        + b"{\n\n"
        + lines(chat(USER), chat({**USER, "content": "ada@contoso.com"}, ANSWER))
    )
    data += lines(*rows[:3000])
    alone = validated(data)
    started: list[Counting] = []

    def start(begin, arguments):
        started.append(Counting(2, get_context("spawn"), initializer=begin, initargs=arguments))
        return started[0]

    def chunks():
        for i in range(0, len(data), 99_991):
            if i == 99_991 * 6:  # some blocks were examined alone
                for ready in [started[0].submit(is_ready) for _ in range(2)]:
                    assert ready.result(timeout=60)
            yield data[i : i + 99_991]

    shared = validate({Role.TRAINING: ("training.jsonl", chunks())}, Options(), processes=start, workers=3)
    started[0].shutdown()

    assert started[0].blocks > 1
    assert shared.report == alone.report
    assert shared.plan == alone.plan
    assert shared.files == alone.files
    assert {"DS007", "DS011", "DS003", "DS043", "DS082"} <= alone.report.totals.keys()


@pytest.mark.parametrize("dies", ["as it begins", "at its first block"])
def test_processes_that_die_cost_time_but_no_row(dies, monkeypatch):
    data = many(9000)
    started: list[ProcessPoolExecutor] = []

    def start(begin, arguments):
        dead = (os._exit, (1,)) if dies == "as it begins" else (begin, arguments)
        started.append(ProcessPoolExecutor(1, get_context("spawn"), initializer=dead[0], initargs=dead[1]))
        return started[0]

    def chunks():
        for number, at in enumerate(range(0, len(data), 99_991)):
            if number == 4:
                with suppress(BrokenExecutor):  # it may be known already that it died
                    wait([started[0].submit(is_ready)], timeout=60)
            yield data[at : at + 99_991]

    if dies == "at its first block":
        monkeypatch.setattr("shared.core.dataset.sharing.examine_here", die)
    shared = validate({Role.TRAINING: ("training.jsonl", chunks())}, Options(), processes=start, workers=2)
    started[0].shutdown()

    assert shared.report == validated(data).report


def die(*_given):
    """Ends the process that is asked."""
    os._exit(1)
