"""The error that each look may spend."""

import math

import pytest

from shared.core.evaluation.looks import error_of


@pytest.mark.parametrize(
    ("number", "expected"), [(1, 0.030396355), (2, 0.007599089), (3, 0.003377373), (10, 0.000303964)]
)
def test_the_error_of_a_look_falls_with_the_square_of_its_number(number, expected):
    assert error_of(0.95, number) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_the_errors_of_all_looks_sum_to_the_pipelines_and_never_to_more(confidence):
    """What is left after n looks is about the error of one look times n: the sum goes on to the limit, not below it."""
    spent = math.fsum(error_of(confidence, number) for number in range(1, 10_001))

    assert 0.9999 * (1 - confidence) < spent < 1 - confidence


def test_twenty_looks_spend_less_than_the_error_and_not_much_less():
    assert 0.048 < math.fsum(error_of(0.95, number) for number in range(1, 21)) < 0.05
