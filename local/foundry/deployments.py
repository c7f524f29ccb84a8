"""Deployments in Azure Resource Manager: long-running writes, one at a time on an account."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from local.foundry import clock
from local.foundry.catalogue import MODELS, SKUS, base_of
from local.foundry.clock import Timings
from local.foundry.errors import ArmError
from local.foundry.store import Store

_BUSY_S: Final = 2
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COMPARED: Final = ("model", "version", "format", "sku", "capacity")
#: Deployed from the beginning.
BASE_DEPLOYMENTS: Final = ("gpt-4.1", "gpt-4.1-mini")


class Deployments:
    """Writes, and what they look like while they go on."""

    def __init__(self, store: Store, timings: Timings) -> None:
        self._store, self._timings = store, timings
        for name in BASE_DEPLOYMENTS:
            if store.deployment(name) is None:
                model = {"format": "OpenAI", "name": name, "version": MODELS[name].version}
                self._write(_stored(name, model, {"name": "GlobalStandard", "capacity": 100}, at=0.0))

    def get(self, name: str) -> dict[str, Any]:
        """A deployment that exists.

        Raises:
            ArmError: 404.
        """
        deployment = self._store.deployment(name)
        deleted_at = (deployment or {}).get("deleted_at")
        if deleted_at is not None and clock.now() - deleted_at >= self._timings.deployment_accepted_s:
            self._store.delete_deployment(name)
            deployment = None
        if deployment is None:
            raise ArmError(404, "ResourceNotFound", f"The Resource 'deployments/{name}' was not found.")
        return deployment

    def state(self, deployment: dict[str, Any]) -> str:
        """provisioningState, by age."""
        if deployment.get("deleted_at") is not None:
            return "Deleting"
        age = clock.now() - deployment["at"]
        if age < self._timings.deployment_accepted_s:
            return "Accepted"
        is_creating = age < self._timings.deployment_accepted_s + self._timings.deployment_creating_s
        return "Creating" if is_creating else "Succeeded"

    def served_model(self, deployment: dict[str, Any]) -> str | None:
        """The model that the data plane answers with: a while after ARM says Succeeded, and until then the one before it."""
        timings = self._timings
        ready = timings.deployment_accepted_s + timings.deployment_creating_s + timings.deployment_not_ready_s
        if deployment.get("deleted_at") is not None:
            return None
        if clock.now() - deployment["at"] < ready:
            before: str | None = deployment.get("model_before")
            return before
        name, base = str(deployment["model"]), base_of(deployment["model"])
        return name if ".ft-" in name or base is None else base.dated

    def names(self) -> list[str]:
        """All deployments that exist."""
        found = []
        for deployment in self._store.deployments():
            try:
                found.append(self.get(deployment["name"])["name"])
            except ArmError:
                continue
        return found

    def _check_idle(self) -> None:
        for name in self.names():
            if self.state(self.get(name)) in {"Accepted", "Creating", "Deleting"}:
                message = (
                    "Another operation is being performed on the parent resource. Please try again later."
                )
                raise ArmError(409, "RequestConflict", message, retry_after_s=_BUSY_S)

    def put(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Create or update; the deployment and 201 or 200.

        Raises:
            ArmError: 400, 409.
        """
        wanted = self._checked(name, body)
        existing = self._existing(name)
        if existing and existing.get("deleted_at") is None:
            present = {"version": "1"} | existing  # an older state directory keeps no versions
            if all(present[key] == wanted[key] for key in _COMPARED):
                return existing, 200
            wanted |= {"model_before": self.served_model(existing)}
        self._check_idle()
        self._write(wanted)
        return wanted, 200 if existing else 201

    def _existing(self, name: str) -> dict[str, Any] | None:
        try:
            return self.get(name)
        except ArmError:
            return None

    def _write(self, deployment: dict[str, Any]) -> None:
        self._store.put_deployment(deployment)
        self._store.add_operation(deployment["operation"], deployment["name"])

    def _checked(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if not _NAME.fullmatch(name):
            raise ArmError(400, "InvalidResourceName", f"The deployment name '{name}' is not valid.")
        sku, model = member(body, "sku"), member(member(body, "properties"), "model")
        if str(sku.get("name")) not in SKUS:
            raise ArmError(
                400, "InvalidResourceProperties", f"The specified SKU '{sku.get('name')}' is not supported."
            )
        capacity = sku.get("capacity")
        if type(capacity) is not int or capacity < 1:
            raise ArmError(400, "InvalidCapacity", f"The specified capacity '{capacity}' is not valid.")
        model_name = str(model.get("name", ""))
        base = base_of(model_name)
        is_tuned = ".ft-" in model_name
        if base is None or (is_tuned and not self._store.has_model(model_name)):
            wanted = f"Format: {model.get('format')}, Name: {model_name}, Version: {model.get('version')}"
            raise ArmError(400, "DeploymentModelNotSupported", f"The model '{wanted}' is not supported.")
        if model.get("format") != base.format:
            raise ArmError(500, "InternalServerError", "")  # Azure says no more when the format is wrong
        return _stored(name, model, sku, at=clock.now())

    def delete(self, name: str) -> dict[str, Any]:
        """Begin to delete; the deployment as it is meanwhile.

        Raises:
            ArmError: 404, 409.
        """
        deployment = self.get(name)
        if deployment.get("deleted_at") is None:
            self._check_idle()
            deployment |= {"deleted_at": clock.now(), "operation": str(uuid.uuid4())}
            self._write(deployment)
        return deployment

    def show(self, path: str, deployment: dict[str, Any]) -> dict[str, Any]:
        """A deployment as ARM answers; `path` is its resource id."""
        return {
            "id": path,
            "name": deployment["name"],
            "type": "Microsoft.CognitiveServices/accounts/deployments",
            "sku": {"name": deployment["sku"], "capacity": deployment["capacity"]},
            "properties": {
                "model": {
                    "format": deployment["format"],
                    "name": deployment["model"],
                    "version": deployment.get("version", "1"),
                },
                "provisioningState": self.state(deployment),
            },
            "etag": deployment["etag"],
        }

    def operation(self, operation: str) -> str:
        """Status of a write: InProgress or Succeeded.

        Raises:
            ArmError: 404.
        """
        name = self._store.operation(operation)
        if name is None:
            raise ArmError(404, "ResourceNotFound", f"The operation '{operation}' was not found.")
        deployment = self._existing(name)
        is_over = (
            deployment is None or deployment["operation"] != operation
        )  # deleted, or written again since
        return "Succeeded" if is_over or self.state(deployment or {}) == "Succeeded" else "InProgress"


def member(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The object at a key, empty if there is none.

    Raises:
        ArmError: 400, if something else is there.
    """
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise ArmError(
            400, "InvalidRequestContent", f"The request content was invalid: '{key}' is no object."
        )
    return found


def _stored(name: str, model: dict[str, Any], sku: dict[str, Any], *, at: float) -> dict[str, Any]:
    return {
        "name": name,
        "format": model["format"],
        "model": model["name"],
        "version": str(model.get("version") or "1"),
        "sku": sku["name"],
        "capacity": sku["capacity"],
        "at": at,
        "etag": f'"{uuid.uuid4()}"',
        "operation": str(uuid.uuid4()),
    }
