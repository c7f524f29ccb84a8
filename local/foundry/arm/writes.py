"""The write of a deployment: what it asks for, and what Azure refuses at once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from datetime import date
from typing import Any, Final

from local.foundry.common.catalogue import MODELS, SKUS, Model, base_of, is_tuned
from local.foundry.common.errors import ArmError
from local.foundry.common.offer import Offer, Phase
from local.foundry.common.store import Store

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UPGRADES: Final = ("OnceNewDefaultVersionAvailable", "OnceCurrentVersionExpired", "NoAutoUpgrade")
#: Our addition: a deployment with this tag ends as Failed.
_FAILING_TAG: Final = ("stand-in", "fails")
_FAILURE: Final = "The deployment could not be provisioned."


class Reader:
    """Reads what a write asks for."""

    def __init__(self, store: Store, offer: Offer) -> None:
        self._store, self._offer = store, offer

    def read(
        self, name: str, body: dict[str, Any], *, at: float, deployed: Collection[str]
    ) -> dict[str, Any]:
        """The deployment that a body asks for, to be stored.

        Args:
            name: of the deployment.
            body: of the request.
            at: the time, in seconds since 1970.
            deployed: the names of the models that are deployed already.

        Raises:
            ArmError: 400; 500 for a wrong format, as in Azure.
        """
        if not _NAME.fullmatch(name):
            raise ArmError(400, "InvalidResourceName", f"The deployment name '{name}' is not valid.")
        properties = member(body, "properties")
        if properties.get("scaleSettings"):
            message = (
                "The scale settings of account deployment is deprecated since API version '2023-05-01', "
                "please use 'sku' instead."
            )
            raise ArmError(400, "InvalidResourceProperties", message)
        model = member(properties, "model")
        sku, capacity = _sku(member(body, "sku"))
        serves, base = self._model(model)
        if sku not in (base.tuned_skus if is_tuned(serves) else base.base_skus):
            message = (
                f"The specified SKU '{sku}' of account deployment is not supported by the model '{base.name}' "
                f"version: '{base.version}'."
            )
            raise ArmError(400, "InvalidResourceProperties", message)
        if model.get("format") not in base.formats:
            raise ArmError(500, "InternalServerError", "")  # Azure gives no message for a wrong format
        self._check_life(model, serves, base, at=at, deployed=deployed)
        tags = member(body, "tags")
        return stored(name, model, {"name": sku, "capacity": capacity}, at=at) | {
            "serves": serves,
            "tags": {str(key): str(value) for key, value in tags.items()},
            "rai": str(properties.get("raiPolicyName") or "Microsoft.DefaultV2"),
            "upgrade": _upgrade(properties, serves),
            "trouble": self._trouble(tags, serves),
        }

    def _model(self, model: dict[str, Any]) -> tuple[str, Model]:
        """The name of the model to be served, also for the id of a checkpoint; and its base model."""
        name = str(model.get("name", ""))
        serves = self._store.checkpoint_name(name) or name
        base = base_of(serves)
        version = str(model.get("version") or "1")
        is_there = self._store.has_model(serves) if is_tuned(serves) else base is not None
        if base is None or not is_there or version not in {"1", base.version}:
            asked = f"Format: {model.get('format')}, Name: {name}, Version: {model.get('version')}"
            raise ArmError(400, "DeploymentModelNotSupported", f"The model '{asked}' is not supported.")
        return serves, base

    def _check_life(
        self, model: dict[str, Any], serves: str, base: Model, *, at: float, deployed: Collection[str]
    ) -> None:
        asked = f"Format:{model['format']},Name:{model['name']},Version:{model.get('version') or '1'}"
        phase: Phase = "tuned" if is_tuned(serves) else "base"
        if self._offer.is_over(base, phase, at):
            since = _american(self._offer.retires_on(base, phase))
            raise ArmError(
                400, "ServiceModelDeprecated", f"The model '{asked}' has been deprecated since {since}."
            )
        has_one = any(MODELS.get(name) is base for name in deployed)
        if phase == "base" and not has_one and self._offer.is_over(base, "deprecating", at):
            message = f"The model '{asked}' is in deprecating state and cannot be used for new deployments."
            raise ArmError(400, "ServiceModelDeprecating", message)

    def _trouble(self, tags: dict[str, Any], serves: str) -> str | None:
        if _FAILING_TAG in tags.items():
            return _FAILURE
        return self._store.deployment_trouble(serves) if is_tuned(serves) else None


def _american(day: date) -> str:
    return f"{day:%m/%d/%Y} 00:00:00"


def _sku(sku: dict[str, Any]) -> tuple[str, int]:
    name = SKUS.get(str(sku.get("name")).lower())
    if name is None:
        message = f"The deployment sku name '{sku.get('name')}' is invalid."
        raise ArmError(400, "InvalidResourceProperties", message)
    capacity = sku.get("capacity")
    if type(capacity) is not int or capacity < 1:
        raise ArmError(400, "InvalidCapacity", f"The specified capacity '{capacity}' is not valid.")
    return name, capacity


def _upgrade(properties: dict[str, Any], serves: str) -> str:
    option = properties.get("versionUpgradeOption") or _UPGRADES[2 if is_tuned(serves) else 0]
    if option not in _UPGRADES:
        message = f"The versionUpgradeOption '{option}' is not valid."
        raise ArmError(400, "InvalidResourceProperties", message)
    return str(option)


def stored(name: str, model: dict[str, Any], sku: dict[str, Any], *, at: float) -> dict[str, Any]:
    """A deployment as it is stored."""
    return {
        "name": name,
        "format": model["format"],
        "model": model["name"],
        "version": str(model.get("version") or "1"),
        "sku": sku["name"],
        "capacity": sku["capacity"],
        "at": at,
        "made_at": at,
        "etag": f'"{uuid.uuid4()}"',
        "operation": str(uuid.uuid4()),
    }


def member(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The object at a key; an empty one if the key is missing.

    Raises:
        ArmError: 400, if something else is there.
    """
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise ArmError(
            400, "InvalidRequestContent", f"The request content was invalid: '{key}' is not an object."
        )
    return found
