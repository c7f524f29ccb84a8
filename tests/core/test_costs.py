"""Costs: a number with its basis, or the admission that there is none."""

import pytest

from shared.core.costs import PriceKind, estimate, hosting
from shared.core.models import FAMILIES, SEED_PRICES


@pytest.mark.parametrize(("rate", "usd"), [(1.5, 4.5), (0.0, 0.0), (27.5, 82.5)])
@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-oss-20b"])
def test_the_price_of_the_pipeline_file_counts_first(model, rate, usd):
    cost = estimate(3_000_000, model, rate)

    assert (cost.usd, cost.price) == (usd, PriceKind.GIVEN)
    assert "the pipeline's prices" in cost.basis


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-4.1-2025-04-14", 82.5),
        ("gpt-4.1-2025-04-14.ft-0a1b-x", 82.5),
        ("gpt-4.1-mini", 19.8),
        ("gpt-4.1-nano-2025-04-14", 4.95),
    ],
)
def test_what_others_read_is_said_to_be_that_with_meter_and_day(model, usd):
    cost = estimate(3_000_000, model)

    assert (cost.usd, cost.price) == (usd, PriceKind.SEED)
    for words in ("not your price", "meter `", "2026", "prices.training_usd_per_million_tokens"):
        assert words in cost.basis


@pytest.mark.parametrize("model", ["gpt-4", "Qwen3-32B", "gpt-4.1-micro"])
def test_an_unknown_price_is_admitted_with_the_key_to_set(model):
    cost = estimate(1000, model)

    assert (cost.usd, cost.price) == (None, PriceKind.UNKNOWN)
    assert "prices.training_usd_per_million_tokens" in cost.basis


@pytest.mark.parametrize(
    ("model", "usd", "factor"),
    [
        ("Llama-3.3-70B-Instruct", 3.75, "1.25"),
        ("Qwen3-32B", 3.75, "1.25"),
        ("Qwen3.6-35B-A3B", 3.6, "1.2"),
        ("Ministral-3B-2411", 3.6, "1.2"),
        ("anything", 3.75, "1.25"),
    ],
)
def test_where_no_vocabulary_counts_exactly_the_estimate_says_so_with_the_factor_assumed(model, usd, factor):
    cost = estimate(3_000_000, model, 1.0)

    assert cost.usd == usd
    assert cost.basis.startswith("approximate: ")
    assert f"times {factor}, which is assumed for {model}" in cost.basis


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-4o-mini-2024-07-18", "o4-mini", "gpt-oss-120b"])
def test_an_exact_count_is_not_called_approximate(model):
    assert "approximate" not in estimate(3_000_000, model, 1.0).basis


def test_reinforcement_has_no_estimate():
    cost = estimate(0, "o4-mini", 2.0)

    assert (cost.usd, cost.price) == (None, PriceKind.UNKNOWN)


def test_seeds_are_of_known_families_and_dearer_than_the_examples_that_microsoft_once_printed():
    """2 USD a million was an example for gpt-4.1; smaller models of a family cost less."""
    assert SEED_PRICES.keys() <= FAMILIES.keys()
    assert SEED_PRICES["gpt-4.1"].usd_per_million_tokens > 10 * 2.0
    dear, mini, nano = (SEED_PRICES[name] for name in ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"))
    assert dear.usd_per_million_tokens > mini.usd_per_million_tokens > nano.usd_per_million_tokens


@pytest.mark.parametrize(
    ("model", "sku", "given", "usd", "kind"),
    [
        ("gpt-4.1-2025-04-14", "GlobalStandard", 2.0, 1460.0, PriceKind.GIVEN),
        ("Qwen3-32B", "GlobalStandard", 0.0, 0.0, PriceKind.GIVEN),
        ("gpt-4.1-2025-04-14", "GlobalStandard", None, 1241.0, PriceKind.SEED),
        ("gpt-4.1-nano", "Standard", None, 1241.0, PriceKind.SEED),
        ("o4-mini-2025-04-16", "DataZoneStandard", None, 1241.0, PriceKind.SEED),
        ("gpt-4.1-2025-04-14", "ProvisionedManaged", None, None, PriceKind.UNKNOWN),
        ("gpt-4.1-2025-04-14", "DeveloperTier", None, None, PriceKind.UNKNOWN),
        ("Qwen3-32B", "GlobalStandard", None, None, PriceKind.UNKNOWN),
    ],
)
def test_a_month_of_hosting_is_given_estimated_or_not_known(model, sku, given, usd, kind):
    cost = hosting(model, sku, given)

    assert (cost.usd, cost.price) == (usd, kind)
    assert ("prices.hosting_usd_per_hour" in cost.basis) == (kind is not PriceKind.GIVEN)
    assert ("an estimate" in cost.basis) == (kind is PriceKind.SEED)
