"""Counts from the small vocabulary are exactly those of the large one, whatever the text."""

import json
import sys
from pathlib import Path

import pytest
import toktok
from hypothesis import given, settings
from hypothesis import strategies as st

from local.foundry.common import tokens
from shared.core.dataset.rows.texts import strings_of

ROOT = Path(__file__).parents[4]


def exact(texts):
    return toktok.batch_count(texts, "o200k_base")


def test_known_texts_have_their_published_counts():
    # From OpenAI's cookbook "How to count tokens with tiktoken", o200k_base.
    texts = ["antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう", "", "<|endoftext|>"]

    assert [tokens.count(text) for text in texts] == [6, 7, 8, 0, 7]


@pytest.mark.parametrize("name", ["broken/nine-examples", "pubmed-summarization/training"])
def test_the_samples_count_the_same(name):
    path = ROOT / "samples" / "datasets" / f"{name}.jsonl"
    texts = [text for line in path.read_bytes().splitlines() for _, text in strings_of(json.loads(line))]

    assert [tokens.count(text) for text in texts] == exact(texts)


@settings(max_examples=150)
@given(st.lists(st.text() | st.text("aAbé '\u2019sSt1\r\n\t /.ſⅫ中の́", max_size=40), max_size=5))
def test_any_text_counts_the_same(texts):
    assert [tokens.count(text) for text in texts] == exact(texts)


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from("abcdefgexpialidociousABCÄößñ中文字"), min_size=20, max_size=300).map("".join)
)
def test_long_words_merge_the_same(word):
    assert [tokens.count(word)] == exact([word])


def test_a_very_long_word_takes_no_time_of_its_own():
    """Merging pair by pair in a list would take the square of its length: minutes."""
    word = "".join(chr(97 + number * number % 26) for number in range(20_000))

    assert [tokens.count(word)] == exact([word])


def test_it_is_small():
    ranks = tokens._ranks()

    assert sys.getsizeof(ranks._hashes) + sys.getsizeof(ranks._ranks) < 3_000_000
