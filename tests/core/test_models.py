"""What is known about models."""

import pytest

from shared.core.models import (
    FAMILIES,
    counting_note,
    example_tokens_max,
    model_family,
    model_format,
    support_notes,
    takes_temperature,
)
from shared.core.spec import MethodType


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4.1", "gpt-4.1"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("GPT-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("gpt-4.1-2025-04-14.ft-0a1b2c-suffix", "gpt-4.1"),
        ("gpt-4.1-nano", "gpt-4.1-nano"),
        ("gpt-4", None),
        ("gpt-4.15", None),
        ("gpt-4.1-huge", None),
        ("gpt-5.6", None),
        ("Ministral-3B-2411", "Ministral-3B"),
        ("", None),
    ],
)
def test_a_model_belongs_to_the_family_that_its_id_begins_with_before_a_date_or_a_tuning(model, family):
    assert model_family(model) == family


def test_what_the_documentation_says_against_a_combination_is_noted():
    assert support_notes("gpt-4.1", MethodType.DPO, "GlobalStandard") == ()
    assert "not for dpo" in support_notes("gpt-4o-mini", MethodType.DPO, "GlobalStandard")[0]
    assert "not for DeveloperTier" in support_notes("gpt-5", MethodType.REINFORCEMENT, "DeveloperTier")[0]
    assert "nothing is known" in support_notes("novel-1", MethodType.SUPERVISED, "Standard")[0]


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-4.1", 65_536),
        ("gpt-4.1-nano-2025-04-14", 32_768),
        ("gpt-4.1-nano.ft-0a", 32_768),
        ("unheard-of", 65_536),
    ],
)
def test_the_length_of_examples_follows_the_model(model, limit):
    assert example_tokens_max(model) == limit


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4.1-2025-04-14", "OpenAI"),
        ("gpt-oss-20b", "Microsoft"),
        ("Ministral-3B", "Mistral AI"),
        ("Llama-3.3-70B-Instruct", "Meta"),
        ("Qwen3-32B", "Alibaba"),
        ("Qwen3-14B", "Alibaba"),
        ("gpt-oss-999b", "Microsoft"),
        ("MAI-Code-1.1-Flash", "OpenAI"),
        ("novel-1", "OpenAI"),
    ],
)
def test_the_model_format_follows_the_family(model, expected):
    assert model_format(model) == expected


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("gpt-4.1", True),
        ("o4-mini", False),
        ("gpt-5-2025-08-07", False),
        ("gpt-4o", True),
        ("gpt-oss-120b", True),
        ("gpt-5-mini", False),
        ("gpt-5.6", False),
        ("o3-2025-04-16", False),
        ("omni-1", True),
        ("foo-o1", True),
    ],
)
def test_reasoning_models_get_no_temperature(model, takes):
    assert takes_temperature(model) is takes


def test_a_count_that_is_not_exact_is_noted_with_its_factor():
    exact = {family for family in FAMILIES if counting_note(family) is None}

    assert exact == {family for family in FAMILIES if family.startswith(("gpt-", "o4-"))}
    assert "1.25 times as many" in (counting_note("Llama-3.3-70B-Instruct") or "")
    assert "1.25 times as many" in (counting_note("novel-1") or "")
