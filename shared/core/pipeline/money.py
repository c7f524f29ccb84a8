"""What a run may cost, and what things cost: `budget`, `prices`."""

from __future__ import annotations

from typing import Final

from shared.core.pipeline.section import Section
from shared.core.spec import Budget, Prices

_USD_MAX: Final = 10_000_000


def read_budget(root: Section) -> Budget:
    """`budget`: limits in US dollars; an explicit `null` lifts one."""
    section, default = root.section("budget"), Budget()
    budget = Budget(
        per_run_usd=section.number_or_none("per_run_usd", default.per_run_usd, 0, _USD_MAX),
        per_month_usd=section.number_or_none("per_month_usd", default.per_month_usd, 0, _USD_MAX),
        approve_above_usd=section.number_or_none("approve_above_usd", default.approve_above_usd, 0, _USD_MAX),
    )
    section.finish()
    return budget


def read_prices(root: Section) -> Prices:
    """`prices`: rates of the pipeline's model in US dollars."""
    section, default = root.section("prices"), Prices()
    prices = Prices(
        training_usd_per_million_tokens=section.number_or_none(
            "training_usd_per_million_tokens", default.training_usd_per_million_tokens, 0, _USD_MAX
        ),
        hosting_usd_per_hour=section.number_or_none(
            "hosting_usd_per_hour", default.hosting_usd_per_hour, 0, _USD_MAX
        ),
        prompt_usd_per_million_tokens=section.number_or_none(
            "prompt_usd_per_million_tokens", default.prompt_usd_per_million_tokens, 0, _USD_MAX
        ),
        completion_usd_per_million_tokens=section.number_or_none(
            "completion_usd_per_million_tokens", default.completion_usd_per_million_tokens, 0, _USD_MAX
        ),
    )
    section.finish()
    return prices
