"""Azurite and the Foundry stand-in, once per process, for tests of adapters; long files begin first; what was skipped is said."""

import os
import subprocess
from collections import Counter

# As in the stand-in: with threads of its own, linear algebra on small matrices takes many times as long.  Read when numpy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest

from local import azurite as azurite_process
from local.azurite import Ports, free_ports
from local.foundry.control.client import ControlClient
from local.stand_in import start_stand_in
from tests.support.signing_in import sign_in
from tests.support.skips import pytest_sessionfinish, pytest_terminal_summary
from tests.support.spreading import LONG, ByFile

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary"]

STAND_IN_SPEED = "8"

# No deadlines: a first call may import a compiled library.  In CI the same examples each time, elsewhere new ones.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=int(os.environ.get("EXAMPLES", "40")),  # `make thorough` says 100
)
hypothesis.settings.load_profile("house")

#: Fixture that starts a process -> marker of the tests that ask for it, by which `make quick` leaves them out.
SERVICES = {"azurite": "azurite", "stand_in": "stand_in", "controlled": "stand_in", "chromium": "browser"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Who asks for a service is marked; long files first, then those with many tests, the tests of a file in their order."""
    for item in items:
        for fixture in SERVICES.keys() & set(item.fixturenames):
            item.add_marker(SERVICES[fixture])
    files = [item.nodeid.partition("::")[0] for item in items]
    counts = Counter(files)
    order = {file: (-1, at) for at, file in enumerate(LONG)}
    ranked = sorted(
        zip(items, files, strict=True), key=lambda pair: order.get(pair[1], (0, -counts[pair[1]], pair[1]))
    )
    items[:] = [item for item, _ in ranked]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """For `--dist loadfile`; None leaves the others as they are."""
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_fixture_setup(fixturedef, request):
    """A service that is asked for by `request.getfixturevalue` needs its marker by hand."""
    marker = SERVICES.get(fixturedef.argname)
    if marker and request._pyfuncitem.get_closest_marker(marker) is None:
        pytest.fail(f"this test starts {fixturedef.argname}: mark it with pytest.mark.{marker}")


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
