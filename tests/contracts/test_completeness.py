"""Every port has a contract, and every contract drives every method of its port, on the twin and on the real thing."""

import importlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.account import ArmAccount
from shared.adapters.blobs import BlobArtifacts, BlobDatasetSource, BlobPipelineFiles
from shared.adapters.clock import SystemClock
from shared.adapters.deployments import ArmDeployer
from shared.adapters.foundry import FoundryFiles, FoundryInference, FoundryTrainer
from shared.adapters.pipeline_tables import TableClaims, TablePipelines
from shared.adapters.tables import TableRunIndex, TableRunStore
from shared.wiring import AzureWorld
from tests.contracts import recording
from tests.contracts.recording import PORTS, methods_of
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
    "account": ArmAccount,
}
FOLDER = Path(__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("test_*.py") if path.stem != Path(__file__).stem)


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


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """What the contracts drive on the twins, and on what each of their tests is run, from a session of their own."""
    path = tmp_path_factory.mktemp("contracts") / "driven.json"
    files = [str(FOLDER / f"{name}.py") for name in MODULES]
    chosen = ["-m", "not (azurite or stand_in or soak)", "-p", "no:cacheprovider", "-q", *files]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen],
        cwd=FOLDER.parents[1],
        env=os.environ | {recording.DRIVEN_TO: str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return json.loads(path.read_text())


@pytest.mark.thorough
def test_every_method_of_every_port_is_driven_by_its_contract(recorded):
    wanted = {
        (f"Test{protocol.__name__}", protocol.__name__, method)
        for protocol in PORTS.values()
        for method in methods_of(protocol)
    }

    assert wanted - {tuple(driven) for driven in recorded["driven"]} == set()


@pytest.mark.thorough
def test_what_drives_a_twin_drives_the_real_thing_too(recorded):
    assert {test: kinds for test, kinds in recorded["kinds"].items() if set(kinds) != {"twin", "real"}} == {}
    assert len(recorded["kinds"]) > 50
