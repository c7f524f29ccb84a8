"""Quotas of the subscription in its one region: of each model and SKU, in thousands of tokens per minute; and of deployments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.foundry.common.catalogue import Model, base_of, is_tuned
from local.foundry.common.errors import ArmError

_CAPACITY_MAX: Final = 1_000
"""Our choice: in Azure it depends on the subscription."""
_ACCOUNTS_MAX, _OPENAI_ACCOUNTS_MAX = 200, 30
TUNED_DEPLOYMENTS: Final = "OpenAI.FineTuned.Deployments"
_TUNED_MAX: Final = 10
_DEPLOYMENTS_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Usage:
    """A quota, and how much of it is taken."""

    name: str
    label: str
    current: int
    limit: int

    def show(self) -> dict[str, Any]:
        """The quota as Resource Manager answers it."""
        name = {"value": self.name, "localizedValue": self.label}
        return {"name": name, "currentValue": self.current, "limit": self.limit, "unit": "Count"}


def usage_name(model: Model, sku: str, *, of_tuned: bool) -> str:
    """The name of the quota that a deployment takes from; in it, Azure writes gpt-4.1 without the first hyphen."""
    provider = "OpenAI" if model.formats[0] == "OpenAI" else "AIServices"
    name = model.name.replace("gpt-4.1", "gpt4.1")
    return f"{provider}.{sku}.{name}{'-finetune' if of_tuned else ''}"


def _label(name: str) -> str:
    _, sku, model = name.split(".", 2)
    unit = "Provisioned Throughput Units" if sku == "ProvisionedManaged" else "Tokens Per Minute (thousands)"
    return f"{unit} - {model} - {sku}"


class Quotas:
    """All quotas, and what the deployments take of them."""

    def __init__(self, deployments: Iterable[Mapping[str, Any]], limits: Mapping[str, int]) -> None:
        self._deployments, self._limits = list(deployments), limits

    def of(self, name: str) -> Usage:
        """One quota, by its name."""
        taken = sum(one["capacity"] for one in self._deployments if quota_of(one) == name)
        return Usage(name, _label(name), taken, self._limits.get(name, _CAPACITY_MAX))

    def tuned(self) -> Usage:
        """How many tuned models are deployed."""
        count = sum(1 for one in self._deployments if _is_of_tuned(one))
        limit = self._limits.get(TUNED_DEPLOYMENTS, _TUNED_MAX)
        return Usage(TUNED_DEPLOYMENTS, "Fine-tuned model deployments", count, limit)

    def accounts(self) -> list[Usage]:
        """The quotas of accounts, of which there is one."""
        return [
            Usage("AccountCount", "Cognitive Services total account limit", 1, _ACCOUNTS_MAX),
            Usage("OpenAI.S0.AccountCount", "OpenAI S0 account limit", 1, _OPENAI_ACCOUNTS_MAX),
        ]

    def check(self, wanted: Mapping[str, Any]) -> None:
        """Refuse a deployment for which too little is left.  What it takes already counts as free for it.

        Raises:
            ArmError: 400, `InsufficientQuota`.
        """
        before = next((one for one in self._deployments if one["name"] == wanted["name"]), None)
        name = quota_of(wanted)
        has = before["capacity"] if before is not None and quota_of(before) == name else 0
        _demand(self.of(name), wanted["capacity"] - has)
        if _is_of_tuned(wanted) and not (before is not None and _is_of_tuned(before)):
            _demand(self.tuned(), 1)
        if before is None:
            count = len(self._deployments)
            _demand(Usage("Deployments", "Deployments per resource", count, _DEPLOYMENTS_MAX), 1)


def quota_of(deployment: Mapping[str, Any]) -> str:
    """The name of the quota that a stored deployment takes from."""
    base = base_of(serves(deployment))
    assert base is not None, "what cannot be deployed is not stored"
    return usage_name(base, deployment["sku"], of_tuned=_is_of_tuned(deployment))


def _is_of_tuned(deployment: Mapping[str, Any]) -> bool:
    return is_tuned(serves(deployment))


def serves(deployment: Mapping[str, Any]) -> str:
    """The name of the model that a stored deployment serves; a checkpoint may have been asked for by its id."""
    return str(deployment.get("serves") or deployment["model"])


def _demand(usage: Usage, more: int) -> None:
    left = usage.limit - usage.current
    if more > max(0, left):
        message = (
            f"This operation require {more} new capacity in quota {usage.label}, which is bigger than the current available "
            f"capacity {left}. The current quota usage is {usage.current} and the quota limit is {usage.limit} for quota "
            f"{usage.label}."
        )
        raise ArmError(400, "InsufficientQuota", message)
