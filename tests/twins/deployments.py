"""Twin of the deployments in ARM."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from shared.core.errors import Busy, Refused
from shared.core.observations import DeploymentView
from tests.twins.faults import Faults

#: What a deployment goes through; one step at each look at any deployment.
DEPLOYMENT_STEPS = ("Accepted", "Creating", "Succeeded")
_BUSY_WAIT_S = 20.0


class TwinDeployer(Faults):
    """Deployments of the account; one write at a time, as ARM has it.

    Attributes:
        is_stepping: whether each look moves what is under way; otherwise tests call `move`.
    """

    def __init__(self, *, is_stepping: bool = True) -> None:
        super().__init__()
        self.is_stepping = is_stepping
        self._deployments: dict[str, DeploymentView] = {}

    def add(self, name: str, model: str) -> None:
        """A deployment that is there already, such as a baseline."""
        self._deployments[name] = DeploymentView(
            name=name, model=model, state="Succeeded", sku="GlobalStandard", capacity=50
        )

    def move(self, name: str, state: str) -> None:
        """Give a deployment another state."""
        self._deployments[name] = msgspec.structs.replace(self._deployments[name], state=state)

    def is_serving(self, name: str) -> bool:
        """Whether a deployment answers."""
        return name in self._deployments and self._deployments[name].state == "Succeeded"

    def model_of(self, name: str) -> str:
        """The model of a deployment that is there."""
        return self._deployments[name].model

    def state_of(self, name: str) -> str:
        """How far a deployment that is there is."""
        return self._deployments[name].state

    @property
    def names(self) -> tuple[str, ...]:
        """All deployments that there are."""
        return tuple(self._deployments)

    def deployment(self, name: str) -> DeploymentView | None:
        """See `ports.Deployer`."""
        with self._call("deployment"):
            self._step()
            return self._deployments.get(name)

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
        """See `ports.Deployer`."""
        del model_format
        with self._call("put"):
            self._be_alone()
            if name in self._deployments and self._deployments[name].state == "Failed":
                msg = f"The deployment '{name}' is in 'Failed' state, please delete it before creating a new one."
                raise Refused(msg, service_code="BadRequest")
            self._deployments[name] = DeploymentView(
                name=name, model=model, state=DEPLOYMENT_STEPS[0], sku=sku, capacity=capacity, tags=dict(tags)
            )

    def delete(self, name: str) -> None:
        """See `ports.Deployer`."""
        with self._call("delete"):
            if name in self._deployments:
                self._be_alone()
                self.move(name, "Deleting")

    def _be_alone(self) -> None:
        """Raise if another write is under way; time passes by the attempt."""
        busy = [view.name for view in self._deployments.values() if _is_under_way(view)]
        self._step()
        if busy:
            msg = f"HTTP 409 RequestConflict: another operation is in progress on {busy[0]}"
            raise Busy(msg, retry_after_s=_BUSY_WAIT_S)

    def _step(self) -> None:
        if not self.is_stepping:
            return
        for view in list(self._deployments.values()):
            if view.state == "Deleting":
                del self._deployments[view.name]
            elif view.state in DEPLOYMENT_STEPS[:-1]:
                self.move(view.name, DEPLOYMENT_STEPS[DEPLOYMENT_STEPS.index(view.state) + 1])


def _is_under_way(view: DeploymentView) -> bool:
    return view.state in {*DEPLOYMENT_STEPS[:-1], "Deleting"}
