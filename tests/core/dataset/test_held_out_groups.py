"""Held-out rows that are equal, nearly equal or ask the same are one group; all others stand alone."""

import random

import pytest

from shared.core.dataset.options import Action, Role
from shared.core.spec import DatasetSpec, EvaluationSplit, Split
from tests.core.dataset.rows import chat, lines, many, validated

WORDS = [f"word{number}" for number in range(9000)]


def row(question, answer="Yes."):
    return chat({"role": "user", "content": question}, {"role": "assistant", "content": answer})


def long_row(number, *extra):
    """A row that is nearly equal to those of the same number, and unlike all others."""
    return row(" ".join([*WORDS[number * 140 : number * 140 + 140], *extra]), f"Answer {number}")


def groups_of(*rows, **options):
    """The groups of an evaluation file."""
    found = validated(many(30), companions={"evaluation": lines(*rows)}, **options)
    return [row.group for row in found.held_out]


def split_of(data, share=0.2):
    spec = DatasetSpec(validation=Split(share=0), evaluation=EvaluationSplit(share=share))
    found = validated(data, dataset=spec)
    held_out = [
        row for row in range(found.files[Role.TRAINING].rows) if found.plan.role_of(row) is Role.EVALUATION
    ]
    return held_out, [row.group for row in found.held_out]


@pytest.mark.parametrize(
    ("pair", "groups"),
    [
        ((row("One?"), row("One?")), [0, 0]),
        ((row("One?", "Yes."), row("One?", "No.")), [0, 0]),
        ((long_row(0, "one"), long_row(0, "two")), [0, 0]),
        ((row("One?"), row("Two?")), [0, 1]),
        ((long_row(0), long_row(1)), [0, 1]),
    ],
    ids=["equal", "the same prompt", "nearly equal", "unlike", "long and unlike"],
)
def test_two_rows_of_an_evaluation_file_are_one_group_or_two(pair, groups):
    assert groups_of(*pair) == groups


def test_five_rows_forty_times_over_are_five_groups_in_any_order():
    rows = [number for number in range(5) for _ in range(40)]
    random.Random(7).shuffle(rows)
    numbers = {number: place for place, number in enumerate(dict.fromkeys(rows))}

    assert groups_of(*(long_row(number) for number in rows)) == [numbers[number] for number in rows]


def test_what_two_rows_have_in_common_with_a_third_makes_them_one_group():
    first, like_it = long_row(0, "one"), long_row(0, "two")
    other_answer = {"role": "assistant", "content": " ".join(WORDS[-300:])}
    asks_the_same = chat(like_it["messages"][0], other_answer)

    assert groups_of(first, asks_the_same) == [0, 1]
    assert groups_of(first, row("Another?"), asks_the_same, like_it) == [0, 1, 0, 0]


def test_rows_that_a_template_made_stand_alone():
    """As in rft-countdown: a long instruction, the same in all rows, and a few numbers."""
    template = " ".join(f"instruction{number}" for number in range(150))
    rows = [chat({"role": "user", "content": f"{template} {n} {n * n}"}, n=n) for n in range(60)]
    found = validated(lines(*rows), "reinforcement", companions={"evaluation": lines(*rows)})

    assert [row.group for row in found.held_out] == list(range(60))


def test_rows_that_are_not_used_are_not_counted():
    bad = chat({"role": "user", "content": "No answer"})
    rows = (row("One?"), bad, row("Two?"), row("One?"), bad, row("Three?"))

    assert groups_of(*rows, default_action=Action.QUARANTINE, quarantine_max_share=0.5) == [0, 1, 0, 2]
    assert groups_of(row("One?"), row("One?"), row("Two?"), actions={"DS007": Action.REPAIR}) == [0, 1], (
        "a repetition that was left out"
    )


def test_the_groups_of_a_split_are_those_that_it_kept_together():
    data = lines(*(long_row(number, extra) for number in range(40) for extra in ("one", "two", "three")))
    held_out, groups = split_of(data)
    triples = [number // 3 for number in held_out]
    numbers = {triple: place for place, triple in enumerate(dict.fromkeys(triples))}

    assert len(numbers) > 3
    assert groups == [numbers[triple] for triple in triples]


def test_unlike_rows_of_a_split_stand_alone():
    assert split_of(many(100)) == (split_of(many(100))[0], list(range(20)))


def test_a_group_of_a_split_may_be_scattered_over_the_file():
    rows = [number for _ in range(3) for number in range(40)]
    held_out, groups = split_of(lines(*map(long_row, rows)))
    numbers = list(dict.fromkeys(rows[place] for place in held_out))

    assert groups == list(range(len(numbers))) * 3


@pytest.mark.parametrize(
    ("data", "share"), [(b"", 0.1), (many(30), 0.0)], ids=["an empty file", "nothing is held out"]
)
def test_without_held_out_rows_there_are_no_groups(data, share):
    assert split_of(data, share) == ([], [])


def test_an_evaluation_file_has_groups_of_its_own_and_takes_the_place_of_the_split():
    assert groups_of(row("What is 1 + 1?", "2"), row("What is 2 + 1?", "3")) == [0, 1]
    assert groups_of() == []
