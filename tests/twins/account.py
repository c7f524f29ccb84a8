"""Twin of what Resource Manager says of the account."""

from __future__ import annotations

from shared.core.offered import OfferedModel, Usage
from tests.twins.deployments import TwinDeployer
from tests.twins.faults import Faults

REGION = "swedencentral"


def a_model(name: str, version: str = "2025-04-14", **changes: object) -> OfferedModel:
    """A model that nothing speaks against."""
    values: dict[str, object] = {
        "name": name,
        "version": version,
        "format": "OpenAI",
        "lifecycle": "GenerallyAvailable",
        "capabilities": {"fineTune": "true"},
    }
    return OfferedModel(**(values | changes))  # type: ignore[arg-type]


class TwinAccount(Faults):
    """What is offered; tests set it.

    Attributes:
        offered: models that the account lists.
        quotas: of the subscription.
        left: SKU -> capacity for tuned models, of any model.
    """

    def __init__(self, deployer: TwinDeployer) -> None:
        super().__init__()
        self._deployer = deployer
        self.offered = [
            a_model("gpt-4.1"),
            a_model("gpt-4.1-mini"),
            a_model("gpt-4o", "2024-08-06"),
            a_model("o4-mini", "2025-04-16"),
        ]
        self.quotas = {"OpenAI.GlobalStandard.gpt4.1-finetune": Usage(used=0, limit=1000)}
        self.left = {"GlobalStandard": 1000.0}

    def region(self) -> str:
        """See `ports.Account`."""
        with self._call("region"):
            return REGION

    def models(self) -> tuple[OfferedModel, ...]:
        """See `ports.Account`."""
        with self._call("models"):
            return tuple(self.offered)

    def deployments(self) -> dict[str, str]:
        """See `ports.Account`."""
        with self._call("deployments"):
            return {name: self._deployer.model_of(name) for name in self._deployer.names}

    def states(self) -> dict[str, str]:
        """See `ports.Account`."""
        with self._call("states"):
            return {name: self._deployer.state_of(name) for name in self._deployer.names}

    def usages(self, region: str) -> dict[str, Usage]:
        """See `ports.Account`."""
        with self._call("usages"):
            return dict(self.quotas) if region == REGION else {}

    def capacities(self, region: str, model: OfferedModel) -> dict[str, float]:
        """See `ports.Account`."""
        with self._call("capacities"):
            return dict(self.left) if region == REGION and model in self.offered else {}
