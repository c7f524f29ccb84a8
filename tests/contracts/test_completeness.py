"""Every port has a contract, and every contract drives every method of its port, on the twin and on the real thing."""

import importlib
import inspect
from pathlib import Path

import pytest

from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.clock import SystemClock
from shared.adapters.deployments import ArmDeployer
from shared.adapters.foundry import FoundryFiles, FoundryInference, FoundryTrainer
from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.wiring import AzureWorld
from tests.contracts.recording import DRIVEN, PORTS, methods_of
from tests.twins.world import TwinWorld

REAL = {
    "clock": SystemClock,
    "runs": TableRunStore,
    "index": TableRunIndex,
    "claims": TableClaims,
    "pipelines": TablePipelines,
    "datasets": BlobDatasetSource,
    "pipeline_files": BlobPipelineFiles,
    "artifacts": BlobArtifacts,
    "files": FoundryFiles,
    "trainer": FoundryTrainer,
    "inference": FoundryInference,
    "deployer": ArmDeployer,
}
MODULES = sorted(
    path.stem for path in Path(__file__).parent.glob("test_*.py") if path.stem != Path(__file__).stem
)


def classes():
    """All contract classes by name."""
    loaded = (importlib.import_module(f"tests.contracts.{name}") for name in MODULES)
    return {name for module in loaded for name in vars(module) if name.startswith("Test")}


def test_every_port_has_its_contract_its_twin_and_its_adapter():
    assert {f"Test{protocol.__name__}" for protocol in PORTS.values()} <= classes()
    assert set(REAL) == set(PORTS)
    twins = TwinWorld()
    assert all(hasattr(twins, name) and hasattr(AzureWorld, name) for name in PORTS)


@pytest.mark.parametrize("name", PORTS)
def test_twin_and_adapter_take_what_the_port_says(name):
    """The same names of parameters, by position or by keyword only, with the same defaults."""
    for method in methods_of(PORTS[name]):
        asked = shape(getattr(PORTS[name], method))
        assert shape(getattr(REAL[name], method)) == asked
        assert shape(getattr(type(getattr(TwinWorld(), name)), method)) == asked


def shape(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_every_method_of_every_port_is_driven_by_its_contract(request):
    """Comes last; says nothing when only some of the contracts run."""
    ran = {Path(item.fspath).stem for item in request.session.items}
    if (
        not set(MODULES) <= ran
        or request.config.option.keyword
        or any("::" in arg for arg in request.config.args)
    ):
        pytest.skip("only some of the contracts run")
    wanted = {
        (kind, f"Test{protocol.__name__}", protocol.__name__, method)
        for protocol in PORTS.values()
        for method in methods_of(protocol)
        for kind in ("twin", "real")
    }

    assert wanted - DRIVEN == set()
