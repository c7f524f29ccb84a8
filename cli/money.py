"""What a deployment costs in a month, as far as that is known here."""

from __future__ import annotations

from typing import Final

import msgspec

from cli.client import ApiError, Client
from shared.core import served
from shared.core.artifacts import PINNED
from shared.core.spec import PipelineSpec

HOURS_A_MONTH: Final = 730
#: What Azure's meters showed for hosting of a tuned model by the hour in 2026; docs/costs.md has the source.
ASSUMED_USD_PER_HOUR: Final = 1.70


class _Pinned(msgspec.Struct, frozen=True):
    spec: PipelineSpec


_decode = msgspec.json.Decoder(_Pinned).decode


def a_month(client: Client, run: served.Run) -> str:
    """What hosting costs in a month, as a sentence: by the pipeline file, else by an estimate, and which of the two."""
    try:
        spec = _decode(client.get_artifact(run.id, PINNED.name)).spec
    except (ApiError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return "hosting is not known: what the run is pinned to cannot be read"
    known = spec.prices.hosting_usd_per_hour
    if known is not None:
        return f"{known * HOURS_A_MONTH:,.0f} USD for hosting, by `prices.hosting_usd_per_hour`; tokens come on top"
    if spec.deployment.sku == "ProvisionedManaged":
        return "hosting is not known: provisioned throughput is billed by its units"
    usd = ASSUMED_USD_PER_HOUR * HOURS_A_MONTH
    return f"about {usd:,.0f} USD for hosting, an estimate by {ASSUMED_USD_PER_HOUR:.2f} USD an hour; tokens come on top"
