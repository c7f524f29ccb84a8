"""The stand-in's measures and the product's were written apart: on any two texts with the same tokens they must agree.

How the service cuts texts into tokens is not published; the stand-in does it by letters and spaces alone.
"""

import pytest
from hypothesis import assume, example, find, given, settings
from hypothesis import strategies as st

from local.foundry.graders import similarity
from shared.core.evaluation.similarity import METRICS as PRODUCT
from shared.core.evaluation.similarity import tokens as product_tokens

#: `fuzzy_match` is not among them: the service's ratio is not published, and each side has chosen another.
SHARED = sorted(PRODUCT.keys() - {"fuzzy_match"})
WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "The",
    "cat's",
    "3.5",
    "snake_case",
    ".",
    "élan",
    "中",
]
PROSE = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
TEXTS = PROSE | st.text(max_size=30)


def differ(measure, other, pair):
    return abs(measure(*pair) - other(*pair)) > 1e-9


def test_both_sides_have_the_same_measures_but_for_one():
    assert set(similarity.METRICS) - set(PRODUCT) == {"meteor"}
    assert len(SHARED) == 8


@pytest.mark.parametrize("name", SHARED)
@settings(max_examples=300)
@given(texts=st.tuples(TEXTS, TEXTS))
@example(texts=("", ""))
@example(texts=("", "cat"))
@example(texts=("cat", ""))
@example(texts=("cat", "CAT"))
@example(texts=("the the the the", "the cat"))
@example(texts=("a b c d e f", "f e d c b a"))
@pytest.mark.thorough
def test_both_sides_agree(name, texts):
    assume(all(similarity.tokens(text) == product_tokens(text) for text in texts))
    assert similarity.METRICS[name](*texts) == pytest.approx(PRODUCT[name](*texts), abs=1e-9)


def test_both_sides_find_the_same_tokens_of_letters_without_marks():
    """Which characters belong to a word is decided by a pattern there and by `isalnum` here."""
    text = " ".join(map(chr, (*range(0xB5), *range(0xC0, 0xDF), *range(0xE0, 0x130), *range(0x410, 0x450))))
    found = similarity.tokens(text)

    assert found == product_tokens(text)
    assert len(found) > 300


def unclipped(given, reference):
    """ROUGE-1 with a mistake: a word may be matched more often than it stands in the reference."""
    ours, theirs = similarity.tokens(given), similarity.tokens(reference)
    return 2 * sum(word in theirs for word in ours) / max(1, len(ours) + len(theirs))


def unsmoothed(given, reference):
    """BLEU with a mistake: no precision is smoothed."""
    ours, theirs = similarity.tokens(given), similarity.tokens(reference)
    found = [
        similarity._matches(ours, theirs, order) / max(1, len(ours) - order + 1) for order in range(1, 5)
    ]
    return found[0] and (found[0] * found[1] * found[2] * found[3]) ** 0.25


@pytest.mark.parametrize(("name", "wrong"), [("rouge_1", unclipped), ("bleu", unsmoothed)])
def test_texts_like_these_show_a_mistake(name, wrong):
    pair = find(st.tuples(TEXTS, TEXTS), lambda texts: differ(wrong, PRODUCT[name], texts))

    assert not differ(similarity.METRICS[name], PRODUCT[name], pair)
