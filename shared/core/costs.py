"""What training costs: an estimate with its basis, or a plain admission that the price is not known."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from shared.core.models import (
    SEED_HOSTING_FAMILIES,
    SEED_HOSTING_SKUS,
    SEED_HOSTING_USD_PER_HOUR,
    SEED_PRICES,
    model_family,
    tokenizer_of,
)
from shared.core.tokenizers import COUNTED

#: Hours of a month, as Azure reckons.
_HOURS: Final = 730


class PriceKind(StrEnum):
    """Whose price an estimate is made with."""

    GIVEN = "given"
    """The pipeline file's: budgets hold by it, and nobody is asked below `approve_above_usd`."""
    SEED = "seed"
    """What others read from public meters: budgets refuse by it, and a person is asked all the same."""
    UNKNOWN = "unknown"
    """None: budgets cannot be held against it, and a person is asked."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What training would cost.

    Attributes:
        usd: US dollars, None if no price is known.
        basis: the reckoning in words, or what to set so that there can be one.
        price: whose price that is.
    """

    usd: float | None
    basis: str
    price: PriceKind = PriceKind.UNKNOWN


def estimate(billable_tokens: int, model: str, usd_per_million_tokens: float | None = None) -> Estimate:
    """The cost of training.

    Args:
        billable_tokens: tokens of the training file times epochs, as they were counted; 0 for reinforcement
            fine-tuning, which is billed by the hour and therefore has no estimate.
        model: base model.
        usd_per_million_tokens: the pipeline's own price, before the table's.
    """
    if not billable_tokens:
        basis = "nothing is billed by the token: reinforcement fine-tuning is billed by the hour"
        return Estimate(usd=None, basis=basis)
    seed = SEED_PRICES.get(model_family(model) or "")
    if usd_per_million_tokens is not None:
        price, rate, source = PriceKind.GIVEN, usd_per_million_tokens, "the pipeline's prices"
    elif seed is not None:
        price, rate = PriceKind.SEED, seed.usd_per_million_tokens
        source = f"not your price: {seed.source}; set prices.training_usd_per_million_tokens"
    else:
        basis = f"no price known for {model}; set prices.training_usd_per_million_tokens"
        return Estimate(usd=None, basis=basis)
    tokenizer = tokenizer_of(model)
    reckoning = f"{billable_tokens:,} billable tokens at ${rate:g} a million"
    usd = billable_tokens * rate / 1_000_000
    if not tokenizer.is_counted:
        reckoning = (
            f"approximate: {reckoning}, times {tokenizer.factor:g}, which is assumed for {model}, "
            f"since {COUNTED} was counted"
        )
        usd *= tokenizer.factor
    return Estimate(usd=round(usd, 4), basis=f"{reckoning} ({source})", price=price)


def hosting(model: str, sku: str, usd_per_hour: float | None = None) -> Estimate:
    """What a month of a deployment costs, without the tokens that clients use.

    Args:
        model: base model.
        sku: of the deployment, as Resource Manager spells it.
        usd_per_hour: the pipeline's own price, before the one that others read.
    """
    if usd_per_hour is not None:
        price, rate, source = PriceKind.GIVEN, usd_per_hour, "the pipeline's prices"
    elif model_family(model) in SEED_HOSTING_FAMILIES and sku in SEED_HOSTING_SKUS:
        price, rate = PriceKind.SEED, SEED_HOSTING_USD_PER_HOUR
        source = (
            "an estimate, not your price: meters that others read in 2026; set prices.hosting_usd_per_hour"
        )
    else:
        basis = f"no price known for an hour of {model} under {sku}; set prices.hosting_usd_per_hour"
        return Estimate(usd=None, basis=basis)
    basis = f"{_HOURS} hours at ${rate:.2f}, tokens not included ({source})"
    return Estimate(usd=round(rate * _HOURS, 2), basis=basis, price=price)
