"""What the pinned pipeline file says of a gate: what the deployment costs in a month, and which gain is asked for."""

from __future__ import annotations

import msgspec

from cli.client import ApiError, Client
from shared.core import costs, served
from shared.core.artifacts import PINNED
from shared.core.spec import PipelineSpec, PromoteRule


class _Pinned(msgspec.Struct, frozen=True):
    spec: PipelineSpec


_decode = msgspec.json.Decoder(_Pinned).decode


def a_month(client: Client, run: served.Run) -> str:
    """What hosting costs in a month, as the page of the run says it; or that it is not known."""
    spec = _spec(client, run, PINNED.name)
    if spec is None:
        return "hosting is not known: what the run is pinned to cannot be read"
    found = costs.hosting(spec.model, spec.deployment.sku, spec.prices.hosting_usd_per_hour)
    known = "hosting is not known" if found.usd is None else f"{found.usd:,.0f} USD for hosting"
    return f"{known}: {found.basis}"


def asked_gain(client: Client, run: served.Run) -> str:
    """The gain that the promotion rule asks for, and what was shown; empty unless the run is at its deployment gate."""
    seen = run.evaluation
    if seen is None or run.gate is None or run.gate.name != "deployment":
        return ""
    pinned = run.judged_again.pinned if run.judged_again else PINNED.name
    spec = _spec(client, run, pinned)
    shown = "" if seen.lower_bound is None else f"; shown is at least {seen.lower_bound:+.3f}"
    if spec is None:
        return f"not known: what the run is pinned to cannot be read{shown}"
    return f"{rule_in_words(spec.evaluation.promote)}{shown}"


def rule_in_words(rule: PromoteRule) -> str:
    """What the lower bound of the gain is held against."""
    confidence = f"with {rule.confidence * 100:.4g}% confidence"
    if rule.line < 0:
        return f"a loss of at most {-rule.line:g}, {confidence}, and fewer tokens"
    if rule.line > 0:
        return f"a gain of at least {rule.line:g}, {confidence}"
    what = "no loss" if rule.not_worse_by is not None else "a gain above 0"
    return f"{what}, {confidence}"


def _spec(client: Client, run: served.Run, name: str) -> PipelineSpec | None:
    """The pipeline file as the run is pinned to it; None if it cannot be read."""
    try:
        return _decode(client.get_artifact(run.id, name)).spec
    except (ApiError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
