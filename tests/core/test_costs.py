"""Costs: a number with its basis, or the admission that there is none."""

import pytest

from shared.core.costs import estimate


@pytest.mark.parametrize(
    ("model", "training_type", "rate", "usd"),
    [
        ("gpt-4.1-2025-04-14", "GlobalStandard", None, 6.0),
        ("gpt-4.1", "DeveloperTier", None, 3.0),
        ("gpt-4.1-2025-04-14.ft-0a1b-x", "GlobalStandard", None, 6.0),
        ("gpt-4.1", "GlobalStandard", 1.5, 4.5),
        ("anything", "Standard", 0.0, 0.0),
    ],
)
def test_cost_is_tokens_times_rate(model, training_type, rate, usd):
    assert estimate(3_000_000, model, training_type, rate).usd == usd


@pytest.mark.parametrize(
    ("model", "training_type"), [("gpt-4.1-mini", "GlobalStandard"), ("gpt-4.1", "Standard"), ("gpt-4", "X")]
)
def test_an_unknown_price_is_admitted_with_the_key_to_set(model, training_type):
    cost = estimate(1000, model, training_type)

    assert cost.usd is None
    assert "prices.training_usd_per_million_tokens" in cost.basis


def test_reinforcement_has_no_estimate():
    assert estimate(0, "o4-mini", "GlobalStandard", 2.0).usd is None
