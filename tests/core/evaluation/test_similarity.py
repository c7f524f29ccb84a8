"""Similarity measures: hand-computed values, and what must hold for all texts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.evaluation.similarity import (
    METRICS,
    _common_subsequence,
    bleu,
    gleu,
    rouge_l,
    rouge_n,
    tokens,
)

TEXTS = st.text(alphabet="ab c.1", max_size=30)


def test_tokens_are_words_and_marks_in_lower_case():
    assert tokens("The dose: 5 mg!") == ["the", "dose", ":", "5", "mg", "!"]


@pytest.mark.parametrize(
    ("metric", "candidate", "reference", "expected"),
    [
        ("rouge_1", "the cat sat", "the cat ran", 2 / 3),
        ("rouge_1", "a a a", "a", 0.5),
        ("rouge_2", "the cat sat down", "the cat ran down", 1 / 3),
        ("rouge_3", "a b c d", "x b c d", 0.5),
        ("rouge_l", "a x b y c", "a b c", 6 / 8),
        ("rouge_l", "c b a", "a b c", 1 / 3),
        # 1- to 4-grams: 3+2+1+0 = 6 on each side; shared: a, b, a b
        ("gleu", "a b c", "a b d", 3 / 6),
        # precision 3/4; smoothed (2+1)/(3+1), (1+1)/(2+1), (0+1)/(1+1); no brevity penalty
        ("bleu", "a b c x", "a b c d", (3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
        # precision 1; smoothed (1+1)/(1+1), 1/1, 1/1; brevity exp(1 - 4/2)
        ("bleu", "a b", "a b c d", math.exp(-1)),
        ("fuzzy_match", "abcd", "abxd", 0.75),
    ],
)
def test_hand_computed_values(metric, candidate, reference, expected):
    assert METRICS[metric](candidate, reference) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
@given(TEXTS, TEXTS)
def test_every_score_is_between_0_and_1_and_1_for_the_same_text(metric, candidate, reference):
    score = METRICS[metric]

    assert 0 <= score(candidate, reference) <= 1 + 1e-12
    assert score(candidate, candidate) == pytest.approx(1)


@pytest.mark.parametrize("metric", [m for m in METRICS if m != "bleu"])
@given(TEXTS, TEXTS)
def test_f1_measures_do_not_care_which_side_is_which(metric, one, other):
    assert METRICS[metric](one, other) == pytest.approx(METRICS[metric](other, one))


@given(st.lists(st.sampled_from("abcd"), max_size=14), st.lists(st.sampled_from("abcd"), max_size=14))
def test_the_bit_parallel_subsequence_is_the_plain_one(ours, theirs):
    table = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, left in enumerate(ours):
        for j, right in enumerate(theirs):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])

    assert _common_subsequence(ours, theirs) == table[-1][-1]


@pytest.mark.parametrize("score", [bleu, gleu, rouge_l, lambda a, b: rouge_n(2, a, b)])
@pytest.mark.parametrize(("candidate", "reference"), [("", "a b"), ("a b", ""), ("x y", "a b")])
def test_nothing_in_common_is_0(score, candidate, reference):
    assert score(candidate, reference) == 0
