"""The sign-flip test: by hand, all parts against drawn ones, and its ties."""

import hashlib
import itertools
import random
import tracemalloc

import pytest

from shared.core.evaluation.flips import ALL_PARTS_MAX, Flips, parts_for


def by_hand(differences, line):
    """The share of parts, the empty one counted, whose mean is not above the line."""
    parts = [
        part for size in range(len(differences) + 1) for part in itertools.combinations(differences, size)
    ]
    return sum(1 for part in parts if not part or sum(part) / len(part) <= line + 1e-9) / len(parts)


@pytest.mark.parametrize("line", [-0.2, 0.0, 0.1, 0.3, 1.0])
def test_p_is_the_share_of_parts_that_are_not_above_the_line(line):
    differences = [0.1, -0.2, 0.3, 0.3, 0.0, 0.7, -0.1]

    assert Flips(differences, 0.05).p(line) == by_hand(differences, line)


def test_five_gains_are_rejected_at_one_in_32_and_no_sooner():
    flips = Flips([0.1, 0.2, 0.3, 0.4, 0.5], 0.01)

    assert flips.p(0.0) == 1 / 32
    assert flips.bound(0.05) == pytest.approx(0.1)
    assert flips.bound(1 / 32 + 1e-6) == pytest.approx(0.1)
    assert flips.bound(1 / 32) is None
    assert flips.bound(3 / 32 + 1e-6) == pytest.approx(0.2)  # 0.1, 0.15, then 0.2 twice


def test_tenths_tie_whatever_their_last_digit():
    flips = Flips([0.3 - 0.2] * 6, 0.05)

    assert flips.p(0.1) == 1.0
    assert flips.p(0.1 - 2e-9) == 1 / 64


def test_drawn_parts_agree_with_all_parts():
    """A quarter of a million parts: the level is right to a part in a few hundred."""
    chance = random.Random(5)
    for count in (9, 16):
        differences = [round(chance.gauss(0.1, 0.3), 3) for _ in range(count)]
        # A difference that is 0 changes the mean of parts, but not whether it is above 0.
        padded = differences + [0.0] * (ALL_PARTS_MAX + 1 - count)
        assert Flips(padded, 0.004).p(0.0) == pytest.approx(Flips(differences, 0.004).p(0.0), abs=0.003)


@pytest.mark.slow
def test_many_differences_are_tested_at_about_the_level_that_is_asked_for():
    """Against the normal approximation, whose errors on 300 differences are smaller than this."""
    chance = random.Random(6)
    differences = [chance.gauss(0.02, 0.2) for _ in range(300)]
    mean = sum(differences) / 300
    error = (sum((value - mean) ** 2 for value in differences) / 300 / 300) ** 0.5

    assert Flips(differences, 0.05).bound(0.05) == pytest.approx(mean - 1.645 * error, abs=0.1 * error)
    assert Flips(differences, 0.001).bound(0.001) == pytest.approx(mean - 3.09 * error, abs=0.25 * error)


@pytest.mark.parametrize("count", [7, 16, 17, 24, 41])
def test_the_order_of_the_differences_does_not_count(count):
    chance = random.Random(count)
    differences = [chance.uniform(-1, 1) for _ in range(count)]
    shuffled = chance.sample(differences, count)
    first, second = Flips(differences, 0.05), Flips(shuffled, 0.05)

    assert first.bound(0.05) == second.bound(0.05)
    assert first.p(0.0) == second.p(0.0)


def test_the_same_numbers_on_every_machine_and_in_every_process():
    """Written down: parts come from a hash, sums are of whole numbers."""
    flips = Flips([((37 * n) % 101 - 45) / 100 for n in range(60)], 0.05)

    assert (flips.p(0.0), flips.bound(0.05)) == (0.1184940752962352, -0.01814814814814533)


def test_drawn_parts_never_give_a_p_of_0():
    flips = Flips([1.0] * 30 + [0.5] * 30, 0.05)

    assert flips.p(0.0) == 1 / 20_001
    assert flips.p(1.0) == 1.0


def test_parts_are_drawn_by_a_hash_that_is_written_down_here():
    """Eight values are a block; byte `k` of the hash of its number says which of them belong to part `k`."""
    differences = sorted(((37 * n) % 101 - 45) / 100 for n in range(19))
    blocks = [
        hashlib.shake_128(b"parts of the differences, block %d" % block).digest(20_000) for block in range(3)
    ]
    below = 1
    for part in range(20_000):
        chosen = [value for n, value in enumerate(differences) if blocks[n // 8][part] >> n % 8 & 1]
        below += not chosen or sum(chosen) / len(chosen) <= 1e-9

    assert Flips(differences, 0.05).p(0.0) == below / 20_001


@pytest.mark.parametrize(
    ("alpha", "count", "parts"),
    [
        (0.5, 17, 20_000),
        (0.05, 200, 20_000),
        (0.01, 200, 100_000),
        (0.0001, 1000, 1_000_000),
        (0.0001, 10_000, 2**27 // 1250),
        (0.05, 10_000, 20_000),
        (0.0001, 10_000_000, 20_000),
    ],
)
def test_more_parts_for_small_errors_fewer_for_many_differences(alpha, count, parts):
    assert parts_for(alpha, count) == parts


@pytest.mark.slow
def test_many_differences_take_no_more_memory_than_few():
    """Twenty thousand at the smallest error, in far less than a byte for each difference and part."""
    chance = random.Random(7)
    differences = [chance.uniform(-1, 1) + 0.01 for _ in range(20_000)]
    tracemalloc.start()
    try:
        flips = Flips(differences, 0.0001)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 64e6
    # Fewer parts, but still enough for a bound at this error, and about where the normal approximation has it.
    assert flips.bound(0.0001) == pytest.approx(0.01 - 3.719 * (1 / 3) ** 0.5 / 20_000**0.5, abs=0.01)
