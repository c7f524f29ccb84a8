"""What training costs: an estimate with its basis, or a plain admission that the rate is not known."""

from __future__ import annotations

import msgspec

from shared.core.models import RATES_DATED, TRAINING_RATES, model_family


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for a million training tokens, and where the number comes from."""

    usd_per_million_tokens: float
    source: str


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What training would cost.

    Attributes:
        usd: US dollars, None if no rate is known.
        basis: the reckoning in words, or what to set so that there can be one.
    """

    usd: float | None
    basis: str


def rate_for(model: str, training_type: str, usd_per_million_tokens: float | None = None) -> Rate | None:
    """The rate of a model: the pipeline's own, else the table's, else None."""
    if usd_per_million_tokens is not None:
        return Rate(usd_per_million_tokens=usd_per_million_tokens, source="the pipeline's prices")
    family = model_family(model)
    usd = TRAINING_RATES.get((family, training_type)) if family else None
    if usd is None:
        return None
    return Rate(usd_per_million_tokens=usd, source=f"an example rate of {RATES_DATED}")


def estimate(
    billable_tokens: int, model: str, training_type: str, usd_per_million_tokens: float | None = None
) -> Estimate:
    """The cost of training.

    Args:
        billable_tokens: tokens of the training file times epochs; 0 for reinforcement
            fine-tuning, which is billed by the hour and therefore has no estimate.
        model: base model.
        training_type: where it is trained.
        usd_per_million_tokens: the pipeline's own rate, before the table's.
    """
    if not billable_tokens:
        basis = "nothing is billed by the token: reinforcement fine-tuning is billed by the hour"
        return Estimate(usd=None, basis=basis)
    rate = rate_for(model, training_type, usd_per_million_tokens)
    if rate is None:
        basis = f"no price known for {model} ({training_type}); set prices.training_usd_per_million_tokens"
        return Estimate(usd=None, basis=basis)
    usd = billable_tokens * rate.usd_per_million_tokens / 1_000_000
    reckoning = f"{billable_tokens:,} billable tokens at ${rate.usd_per_million_tokens:g} a million"
    return Estimate(usd=round(usd, 4), basis=f"{reckoning} ({rate.source})")
