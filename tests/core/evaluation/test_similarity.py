"""Similarity measures: hand-computed values, and what must hold for all texts."""

import json
import math
import unicodedata
from pathlib import Path

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

pytestmark = pytest.mark.slow

RECORD = json.loads((Path(__file__).parent / "oracle" / "similarity.json").read_text())
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
def test_every_score_is_between_0_and_1(metric, candidate, reference):
    assert 0 <= METRICS[metric](candidate, reference) <= 1 + 1e-12


def order_of(metric):
    return int(metric[-1]) if metric[-1].isdigit() else 1


@pytest.mark.parametrize("metric", METRICS)
@given(TEXTS)
def test_a_text_compared_with_itself_is_1_unless_there_is_nothing_to_count(metric, text):
    """What 0.2.0 scored 1: nothing against nothing, and equal texts that are too short to have an n-gram."""
    is_there = bool(text) if metric == "fuzzy_match" else len(tokens(text)) >= order_of(metric)

    assert METRICS[metric](text, text) == pytest.approx(float(is_there))


@pytest.mark.parametrize("metric", METRICS)
def test_measures_equal_what_other_packages_say_of_the_same_tokens(metric):
    cases = [
        (candidate, reference, values[metric])
        for candidate, reference, values in RECORD["similarities"]
        if metric in values and (candidate or reference)
    ]
    found = [(a, b) for a, b, value in cases if abs(METRICS[metric](a, b) - value) > 1e-9]

    assert found == []
    assert len(cases) >= 200
    assert len({value for _, _, value in cases}) >= 30


def test_the_record_is_of_the_packages_that_are_named():
    assert set(RECORD["made_with"]) == {"rouge-score", "nltk", "sacrebleu", "rapidfuzz"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今日は", ["今", "日", "は"]),
        ("データ2件", ["デ", "ー", "タ", "2", "件"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("Straße CAFÉ", ["strasse", "café"]),
        ("می\u200cروم", ["می\u200cروم"]),
        ("❤️!", ["❤️", "!"]),
    ],
)
def test_tokens_keep_their_marks_and_scripts_without_spaces_are_cut_by_characters(text, expected):
    assert tokens(text) == [unicodedata.normalize("NFC", token) for token in expected]


@pytest.mark.parametrize("text", ["今日はとても良い天気です", "สวัสดีครับผม", "你好世界这是一个测试句子吗"])
def test_one_more_character_is_a_small_difference_in_every_script(text):
    count = len(tokens(text))

    assert rouge_l(text + "字", text) == pytest.approx(2 * count / (2 * count + 1))


def test_fifteen_characters_of_sixteen_are_0_968():
    text = "一二三四五六七八九十百千万億兆"

    assert rouge_l(text + "京", text) == pytest.approx(0.968, abs=5e-4)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "text", ["the café has a crème brûlée", "été à Zürich où naïf", "नमस्ते दुनिया यह एक वाक्य है"]
)
def test_composed_and_decomposed_letters_are_the_same(metric, text):
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]

    assert METRICS[metric](*forms) == pytest.approx(1)


def test_a_vowel_sign_makes_another_word():
    assert rouge_l("की", "का") == 0
    assert rouge_l("ดี", "ดา") == 0


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
