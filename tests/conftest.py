"""Azurite and the Foundry stand-in, once a session, for tests of adapters."""

import os
import subprocess
from collections import Counter

# As in the stand-in: with threads of its own, linear algebra on small matrices takes many times as long.  Read when numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from local import azurite as azurite_process
from local.azurite import Ports, free_ports
from local.foundry.control.client import ControlClient
from local.stand_in import start_stand_in
from tests.support.signing_in import sign_in

STAND_IN_SPEED = "8"

# No deadlines: a first call may import a compiled library.  In CI the same examples each time, elsewhere new ones.
hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("house")


def _room(nodeid):
    """What stays in one process: a file; the contracts together, the last of which counts what the others have driven."""
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    return folder if folder == "tests/contracts" else file


class _Rooms(LoadFileScheduling):
    def _split_scope(self, nodeid):
        return _room(nodeid)


#: Files that take minutes: begun first, or one process would be at the last of them while the others have nothing left to do.
_LONG = (
    "tests/e2e/test_kill.py",
    "tests/simulation/test_mutants.py",
    "tests/simulation/test_enumeration.py",
    "tests/simulation/test_seeds.py",
    "tests/simulation/test_storms.py",
)


def pytest_collection_modifyitems(items):
    """Long rooms first, then those with many tests; within a room tests stay in their order."""
    rooms = [_room(item.nodeid) for item in items]
    counts = Counter(rooms)
    order = {room: (-1, at) for at, room in enumerate(_LONG)}
    ranked = sorted(
        zip(items, rooms, strict=True), key=lambda pair: order.get(pair[1], (0, -counts[pair[1]], pair[1]))
    )
    items[:] = [item for item, _ in ranked]


def pytest_xdist_make_scheduler(config, log):
    """Which process runs which tests, with `--numprocesses`."""
    return _Rooms(config, log)


@pytest.fixture(scope="session")
def azurite():
    """Connection string of an Azurite that keeps everything in memory."""
    ports = Ports(*free_ports(3))
    process = subprocess.Popen(
        azurite_process.command(ports, None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        azurite_process.wait_until_ready(ports, process)
        yield ports.connection_string
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """Addresses of a running Foundry stand-in: endpoint, project_endpoint, identity_endpoint, ca_bundle."""
    state = tmp_path_factory.mktemp("foundry")
    child, ready = start_stand_in(state, "--speed", STAND_IN_SPEED)
    yield ready
    child.stop()


@pytest.fixture(scope="session")
def controlled(tmp_path_factory):
    """Addresses of another stand-in, whose clock, faults and journal are open: those who ask for it must expect faults."""
    state = tmp_path_factory.mktemp("controlled")
    child, ready = start_stand_in(state, "--speed", STAND_IN_SPEED, "--control")
    yield ready
    child.stop()


@pytest.fixture(scope="session")
def control_client(controlled):
    """Reads the roots of trust once."""
    return ControlClient.of(controlled)


@pytest.fixture
def control(control_client):
    """Its control API; afterwards there are no faults, and its clock goes as others do."""
    yield control_client
    control_client.remove_faults()
    control_client.set_rate(1)


@pytest.fixture
def as_managed_identity(stand_in, monkeypatch):
    """The environment in which azure-identity and the clients find the stand-in."""
    sign_in(monkeypatch, stand_in)
    return stand_in
