"""Exact methods equal what scipy and statsmodels say (`oracle/record.py` recorded it) to 1e-9."""

import json
import math
from pathlib import Path

import pytest

from shared.core.evaluation import exact, flips, power

RECORD = json.loads((Path(__file__).parent / "oracle" / "values.json").read_text())
LEAST = 5
#: `make soak` looks at all of the dear cases, `make test` at some of each kind.
EVERY = pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.soak)])
#: From here on, signs give every level that is asked for, and Student's test is asked at the level itself.
ANY_LEVEL = 30


def differing(cases, found, rel=1e-9):
    """Cases whose last number is another one than what was found, by its digits: also where it is near 0."""
    return [
        (case, value)
        for case in cases
        if not math.isclose(value := found(*case[:-1]), case[-1], rel_tol=rel, abs_tol=1e-13)
    ]


def test_the_record_has_cases_of_all_kinds():
    assert {
        name: len(RECORD[name]) for name in ("shares", "signs", "flips", "quantiles", "powers", "needed")
    } == {
        "shares": 1826,
        "signs": 392,
        "flips": 256,
        "quantiles": 121,
        "powers": 280,
        "needed": 18,
    }
    totals = {total for _, total, *_ in RECORD["shares"]}
    alphas = {alpha for _, _, alpha, *_ in RECORD["shares"]}
    assert (min(totals), max(totals), min(alphas), max(alphas)) == (1, 2000, 1e-6, 0.5)
    assert max(wins for wins, *_ in RECORD["signs"]) == max(losses for _, losses, _ in RECORD["signs"]) == 500
    assert {len(sample) for sample, *_ in RECORD["flips"]} == set(range(5, 13))


@pytest.mark.parametrize(("wrong_by", "count"), [(0.0, 0), (1e-10, 0), (2e-9, 1)])
def test_what_differs_by_more_than_a_part_in_1e9_is_found(wrong_by, count):
    assert len(differing([[1, 2, 0.5]], lambda _a, _b: 0.5 * (1 + wrong_by))) == count


@EVERY
def test_lower_bounds_of_shares(every):
    cases = [[count, total, alpha, lower] for count, total, alpha, lower, _ in RECORD["shares"][::every]]

    assert differing(cases, exact.share_at_least) == []


@EVERY
def test_upper_bounds_of_shares(every):
    cases = [[count, total, alpha, upper] for count, total, alpha, _, upper in RECORD["shares"][::every]]

    assert differing(cases, exact.share_at_most) == []


def test_sign_tests():
    """By their digits, however small they are."""
    found = {(wins, losses): exact.sign_test(wins, losses) / p for wins, losses, p in RECORD["signs"]}

    assert {case: ratio for case, ratio in found.items() if abs(ratio - 1) > 1e-9} == {}


def test_sign_flip_tests():
    """With ties and zeros; ties of tenths are ties too, although 0.3 - 0.2 is not 0.1 to the last digit."""
    assert differing(RECORD["flips"], lambda sample, line: flips.Flips(sample, 0.001).p(line)) == []


def test_quantiles_of_student():
    assert differing(RECORD["quantiles"], power.student_quantile) == []


def test_the_power_of_students_test():
    """It is for planning only: its mean is taken in slices."""
    cases = [case for case in RECORD["powers"] if case[1] >= ANY_LEVEL]
    found = [(case, power._power_of_scores(*case[:-1])) for case in cases]

    assert [(case, value) for case, value in found if abs(value - case[-1]) > 2e-5] == []


@EVERY
def test_the_groups_that_are_needed(every):
    """Exactly, up to 2,000; beyond, to within a part in as many."""
    found = [
        (groups, power.needed_for_scores(effect, 1.0, 0.0, 1 - alpha, LEAST))
        for effect, alpha, groups in RECORD["needed"][::every]
    ]

    assert [pair for pair in found if abs(pair[0] - pair[1]) > pair[0] // 2000] == []
