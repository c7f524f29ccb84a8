"""Deployments of a Foundry account, through Azure Resource Manager."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku

from shared.adapters.azure_errors import translated
from shared.adapters.bounds import bounded_transport
from shared.core.errors import Unavailable
from shared.core.observations import DeploymentView

_CONNECT_S: Final = 10


def create_arm_client(
    credential: TokenCredential, *, arm_endpoint: str, subscription_id: str, timeout_s: float
) -> CognitiveServicesManagementClient:
    """A client of Resource Manager that never repeats a request, and whose answers end."""
    return CognitiveServicesManagementClient(
        credential,
        subscription_id,
        base_url=arm_endpoint,
        credential_scopes=[f"{arm_endpoint}/.default"],
        retry_total=0,  # ARM asks for waits of minutes, which the SDK would sleep; the run comes back instead
        transport=bounded_transport(connect_s=_CONNECT_S, read_s=timeout_s, answer_s=timeout_s),
    )


class ArmDeployer:
    """Deployments by name.  Nothing here waits for a long-running operation: the next look sees how far it is."""

    def __init__(
        self, client: CognitiveServicesManagementClient, resource_group: str, account_name: str
    ) -> None:
        self._client = client
        self._where = (resource_group, account_name)

    def deployment(self, name: str) -> DeploymentView | None:
        """The deployment, or None."""
        with translated(f"deployment {name}"):
            try:
                return _view(self._client.deployments.get(*self._where, name))
            except ResourceNotFoundError as error:
                _check_account(error)
                return None

    def put(
        self,
        name: str,
        *,
        model: str,
        model_format: str,
        sku: str,
        capacity: int,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Begin to create or update; see `ports.Deployer`."""
        wanted = Deployment(
            tags=dict(tags) or None,
            sku=Sku(name=sku, capacity=capacity),
            properties=DeploymentProperties(
                model=DeploymentModel(format=model_format, name=model, version="1")
            ),
        )
        with translated(f"creation of deployment {name}"):
            self._client.deployments.begin_create_or_update(*self._where, name, wanted, polling=False)

    def delete(self, name: str) -> None:
        """Begin to delete; a deployment that is not there is deleted."""
        with translated(f"deletion of deployment {name}"):
            try:
                self._client.deployments.begin_delete(*self._where, name, polling=False)
            except ResourceNotFoundError as error:
                _check_account(error)


def _check_account(error: ResourceNotFoundError) -> None:
    """Raise again if it is the account that is missing: a wrong setting must not look like a missing deployment."""
    if getattr(error.error, "code", None) in {"ResourceGroupNotFound", "ParentResourceNotFound"}:
        raise error


def _view(deployment: Any) -> DeploymentView:
    properties, sku = deployment.properties, deployment.sku
    if not (deployment.name and properties and properties.model and properties.provisioning_state):
        msg = "the answer about a deployment lacks its name, model or state"
        raise Unavailable(msg)
    return DeploymentView(
        name=deployment.name,
        model=properties.model.name,
        state=str(getattr(properties.provisioning_state, "value", properties.provisioning_state)),
        sku=sku.name if sku else "",
        capacity=sku.capacity or 0 if sku else 0,
        tags={str(key): str(value) for key, value in (deployment.tags or {}).items()},
    )
