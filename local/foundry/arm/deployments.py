"""Deployments: their long-running writes, one at a time on an account, their states, and how long they live."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, Final

from local.foundry.arm.quotas import Quotas, serves
from local.foundry.arm.shapes import moment
from local.foundry.arm.writes import Reader, stored
from local.foundry.common import clock
from local.foundry.common.catalogue import MODELS, base_of, is_tuned
from local.foundry.common.clock import Timings
from local.foundry.common.errors import ArmError
from local.foundry.common.offer import Offer, Phase
from local.foundry.common.store import Store

_BUSY_S: Final = 2
_COMPARED: Final = ("model", "version", "format", "sku", "capacity", "tags", "rai", "upgrade")
#: For deployments from older state directories, which lack these keys.
_DEFAULTS: Final[dict[str, Any]] = {
    "version": "1",
    "tags": {},
    "rai": "Microsoft.DefaultV2",
    "upgrade": "OnceNewDefaultVersionAvailable",
}
#: A use is not stored if the one before was this recent, as a share of the time after which a deployment is idle.
_USE_SHARE: Final = 0.01
_ENDED: Final = frozenset({"Succeeded", "Failed"})
#: Base models that are deployed from the beginning.
BASE_DEPLOYMENTS: Final = ("gpt-4.1", "gpt-4.1-mini")


class Deployments:
    """All deployments of the account."""

    def __init__(self, store: Store, timings: Timings, offer: Offer) -> None:
        self._store, self._timings, self._offer = store, timings, offer
        self._reader = Reader(store, offer)
        for name in BASE_DEPLOYMENTS:
            if store.deployment(name) is None:
                model = {"format": "OpenAI", "name": name, "version": MODELS[name].version}
                self._write(stored(name, model, {"name": "GlobalStandard", "capacity": 100}, at=0.0))

    def get(self, name: str) -> dict[str, Any]:
        """A deployment that exists.

        Raises:
            ArmError: 404.
        """
        deployment = self._store.deployment(name)
        if deployment is not None and self._is_gone(deployment):
            self._store.delete_deployment(name)
            deployment = None
        if deployment is None:
            raise ArmError(404, "ResourceNotFound", f"The Resource 'deployments/{name}' was not found.")
        return _DEFAULTS | deployment

    def _is_gone(self, deployment: dict[str, Any]) -> bool:
        """Whether a deployment has gone: deleted by someone, by its age, or because nobody used it.  Its model stays."""
        now, terms = clock.now(), self._offer.terms
        deleted_at = deployment.get("deleted_at")
        if deleted_at is not None:
            return bool(now - deleted_at >= self._timings.deployment_accepted_s)
        if not is_tuned(serves(deployment)):
            return False
        if deployment["sku"] == "DeveloperTier" and now - _made_at(deployment) >= terms.developer_s:
            return True
        return bool(now - max(deployment["at"], deployment.get("used_at", 0.0)) >= terms.idle_s)

    def used(self, deployment: dict[str, Any]) -> None:
        """Store that a deployment was just used."""
        now = clock.now()
        if now - deployment.get("used_at", 0.0) >= self._offer.terms.idle_s * _USE_SHARE:
            self._store.put_deployment(deployment | {"used_at": now})

    def retired_on(self, deployment: dict[str, Any]) -> date | None:
        """The day on which its model was retired, since when it does not answer; None if it is not retired."""
        base = base_of(serves(deployment))
        phase: Phase = "tuned" if is_tuned(serves(deployment)) else "base"
        if base is None or not self._offer.is_over(base, phase, clock.now()):
            return None
        return self._offer.retires_on(base, phase)

    def state(self, deployment: dict[str, Any]) -> str:
        """Its `provisioningState`, which follows from its age."""
        if deployment.get("deleted_at") is not None:
            return "Deleting"
        age = clock.now() - deployment["at"]
        if age < self._timings.deployment_accepted_s:
            return "Accepted"
        if age < self._timings.deployment_accepted_s + self._timings.deployment_creating_s:
            return "Creating"
        return "Failed" if deployment.get("trouble") else "Succeeded"

    def left_s(self, deployment: dict[str, Any]) -> float:
        """For how many more seconds its present write goes on."""
        timings = self._timings
        if deployment.get("deleted_at") is not None:
            ends_at = float(deployment["deleted_at"]) + timings.deployment_accepted_s
        else:
            ends_at = float(deployment["at"]) + timings.deployment_accepted_s + timings.deployment_creating_s
        return max(0.0, ends_at - clock.now())

    def served_model(self, deployment: dict[str, Any]) -> str | None:
        """The model that answers on the data plane; None if there is none yet.

        That changes a while after Resource Manager reports Succeeded; until then the model before it answers.
        """
        timings = self._timings
        ready = timings.deployment_accepted_s + timings.deployment_creating_s + timings.deployment_not_ready_s
        if deployment.get("deleted_at") is not None:
            return None
        if clock.now() - deployment["at"] < ready or deployment.get("trouble"):
            before: str | None = deployment.get("model_before")
            return before
        name, base = serves(deployment), base_of(serves(deployment))
        return name if is_tuned(name) or base is None else base.dated

    def names(self) -> list[str]:
        """The names of all deployments that exist."""
        found = []
        for deployment in self._store.deployments():
            try:
                found.append(self.get(deployment["name"])["name"])
            except ArmError:
                continue
        return found

    def quotas(self) -> Quotas:
        """What the deployments take of the quotas."""
        return Quotas([self.get(name) for name in self.names()], self._offer.terms.quotas)

    def _check_idle(self) -> None:
        for name in self.names():
            if self.state(self.get(name)) in {"Accepted", "Creating", "Deleting"}:
                message = (
                    "Another operation is being performed on the parent resource. Please try again later."
                )
                raise ArmError(409, "RequestConflict", message, retry_after_s=_BUSY_S)

    def put(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Create or update a deployment; the deployment, and 201 or 200.

        Raises:
            ArmError: 400, 409.
        """
        deployed = [serves(self.get(other)) for other in self.names()]
        wanted = self._reader.read(name, body, at=clock.now(), deployed=deployed)
        existing = self._existing(name)
        if existing and existing.get("deleted_at") is None:
            if self.state(existing) == "Failed":
                message = f"The deployment '{name}' is in 'Failed' state, please delete it before creating a new one."
                raise ArmError(400, "BadRequest", message)
            if all(existing[key] == wanted[key] for key in _COMPARED):
                return existing, 200
            wanted |= {"model_before": self.served_model(existing), "made_at": _made_at(existing)}
        self.quotas().check(wanted)
        self._check_idle()
        self._write(wanted)
        return wanted, 200 if existing else 201

    def patch(
        self, name: str, sku: dict[str, Any], tags: dict[str, Any] | None
    ) -> tuple[dict[str, Any], bool]:
        """Change the SKU, the tags, or both; what is not given stays the same.

        Returns:
            The deployment, and whether anything changes.

        Raises:
            ArmError: 404, 400, 409.
        """
        present = self.get(name)
        model = {"format": present["format"], "name": present["model"], "version": present["version"]}
        properties = {
            "model": model,
            "raiPolicyName": present["rai"],
            "versionUpgradeOption": present["upgrade"],
        }
        body = {
            "sku": {"name": present["sku"], "capacity": present["capacity"]} | sku,
            "tags": present["tags"] if tags is None else tags,
            "properties": properties,
        }
        changed, _ = self.put(name, body)
        return changed, changed["operation"] != present["operation"]

    def _existing(self, name: str) -> dict[str, Any] | None:
        try:
            return self.get(name)
        except ArmError:
            return None

    def _write(self, deployment: dict[str, Any]) -> None:
        self._store.put_deployment(deployment)
        self._store.add_operation(deployment["operation"], deployment["name"])

    def delete(self, name: str) -> dict[str, Any]:
        """Begin to delete a deployment; the deployment as it is meanwhile.

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
        """A deployment as Resource Manager answers it; `path` is its resource id."""
        tags = {"tags": deployment["tags"]} if deployment["tags"] else {}
        return tags | {
            "id": path,
            "name": deployment["name"],
            "type": "Microsoft.CognitiveServices/accounts/deployments",
            "sku": {"name": deployment["sku"], "capacity": deployment["capacity"]},
            "properties": {
                "model": {
                    "format": deployment["format"],
                    "name": deployment["model"],
                    "version": deployment["version"],
                },
                "versionUpgradeOption": deployment["upgrade"],
                "currentCapacity": deployment["capacity"],
                "capabilities": {"chatCompletion": "true", "responses": "true"},
                "raiPolicyName": deployment["rai"],
                "provisioningState": self.state(deployment),
                "rateLimits": rate_limits(deployment["capacity"]),
            },
            "systemData": {
                "createdByType": "Application",
                "createdAt": moment(_made_at(deployment)),
                "lastModifiedByType": "Application",
                "lastModifiedAt": moment(deployment["at"]),
            },
            "etag": deployment["etag"],
        }

    def operation(self, operation: str) -> tuple[str, dict[str, Any] | None]:
        """The status of a write: InProgress, Succeeded or Failed; and the deployment, None if it has been deleted.

        Raises:
            ArmError: 404.
        """
        name = self._store.operation(operation)
        if name is None:
            raise ArmError(404, "ResourceNotFound", f"The operation '{operation}' was not found.")
        deployment = self._existing(name)
        if deployment is None or deployment["operation"] != operation:  # deleted, or written again since
            return "Succeeded", deployment
        state = self.state(deployment)
        return state if state in _ENDED else "InProgress", deployment


def rate_limits(capacity: int) -> list[dict[str, Any]]:
    """What a capacity allows: for each unit, a request and 1,000 tokens per minute."""
    return [
        {"key": "request", "renewalPeriod": 60, "count": capacity},
        {"key": "token", "renewalPeriod": 60, "count": capacity * 1000},
    ]


def _made_at(deployment: dict[str, Any]) -> float:
    return float(deployment.get("made_at", deployment["at"]))
