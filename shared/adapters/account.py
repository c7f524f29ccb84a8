"""What Azure Resource Manager says of a Foundry account, of models and of quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from shared.adapters.azure_errors import translated
from shared.core.errors import Unavailable
from shared.core.offered import OfferedModel, Usage, moment


class ArmAccount:
    """Questions about one account; nothing here changes anything."""

    def __init__(
        self, client: CognitiveServicesManagementClient, resource_group: str, account_name: str
    ) -> None:
        self._client = client
        self._where = (resource_group, account_name)

    def region(self) -> str:
        """Where the account is."""
        with translated("the account"):
            found = self._client.accounts.get(*self._where)
        if not found.location:
            msg = "the answer about the account lacks its location"
            raise Unavailable(msg)
        return str(found.location)

    def models(self) -> tuple[OfferedModel, ...]:
        """The models that the account can deploy or tune."""
        with translated("models of the account"):
            found = list(self._client.accounts.list_models(*self._where))
        return tuple(_model(model) for model in found if model.name)

    def deployments(self) -> dict[str, str]:
        """Name -> model of all its deployments."""
        return {
            str(one.name): str(one.properties.model.name)
            for one in self._deployments()
            if one.properties.model
        }

    def states(self) -> dict[str, str]:
        """Name -> provisioningState of all its deployments."""
        return {str(one.name): _text(one.properties.provisioning_state) for one in self._deployments()}

    def _deployments(self) -> list[Any]:
        with translated("deployments of the account"):
            found = list(self._client.deployments.list(*self._where))
        return [one for one in found if one.name and one.properties]

    def usages(self, region: str) -> dict[str, Usage]:
        """The quotas of the subscription in a region, by name."""
        with translated(f"quotas in {region}"):
            found = list(self._client.usages.list(region))
        return {
            str(one.name.value): Usage(used=float(one.current_value or 0), limit=float(one.limit))
            for one in found
            if one.name and one.name.value and one.limit is not None
        }

    def capacities(self, region: str, model: OfferedModel) -> dict[str, float]:
        """SKU -> capacity that is left in a region for models that are tuned from this one."""
        with translated(f"capacities of {model.name} in {region}"):
            capacities = self._client.location_based_model_capacities
            found = list(capacities.list(region, model.format, model.name, model.version))
        return {
            str(one.properties.sku_name): float(one.properties.available_finetune_capacity)
            for one in found
            if one.properties and one.properties.available_finetune_capacity is not None
        }


def _model(found: Any) -> OfferedModel:
    ends = found.deprecation
    return OfferedModel(
        name=str(found.name),
        version=str(found.version or ""),
        format=str(found.format or ""),
        lifecycle=_text(found.lifecycle_status),
        training_ends_at=moment(ends.fine_tune) if ends else None,
        inference_ends_at=moment(ends.inference) if ends else None,
        capabilities=_texts(found.capabilities) | _own(found.finetune_capabilities),
        sku_ends_at={str(sku.name): moment(sku.deprecation_date) for sku in found.skus or ()},
        is_default=found.is_default_version is not False,
    )


def _text(value: Any) -> str:
    return str(getattr(value, "value", value) or "")


def _texts(found: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (found or {}).items()}


def _own(found: Mapping[str, Any] | None) -> dict[str, str]:
    """What the entry says of tuning; its other keys are about what was tuned."""
    return {key: value for key, value in _texts(found).items() if key.endswith("ineTune")}
