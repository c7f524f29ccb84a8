"""What a deployment costs in a month, as far as that is known here."""

from __future__ import annotations

import msgspec

from cli.client import ApiError, Client
from shared.core import costs, served
from shared.core.artifacts import PINNED
from shared.core.spec import PipelineSpec


class _Pinned(msgspec.Struct, frozen=True):
    spec: PipelineSpec


_decode = msgspec.json.Decoder(_Pinned).decode


def a_month(client: Client, run: served.Run) -> str:
    """What hosting costs in a month, as the page of the run says it; or that it is not known."""
    try:
        spec = _decode(client.get_artifact(run.id, PINNED.name)).spec
    except (ApiError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return "hosting is not known: what the run is pinned to cannot be read"
    found = costs.hosting(spec.model, spec.deployment.sku, spec.prices.hosting_usd_per_hour)
    known = "hosting is not known" if found.usd is None else f"{found.usd:,.0f} USD for hosting"
    return f"{known}: {found.basis}"
