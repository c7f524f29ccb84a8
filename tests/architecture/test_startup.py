"""What the worker imports before it takes the first call: the app, and nothing that only some calls need."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.startup import peer_source

ROOT = Path(__file__).parents[2]
_LISTED = "import sys; import {}; print(*sys.modules)"
#: Packages that are imported by the call that needs them.
LATER = {
    *(
        "jinja2",
        "numpy",
        "openai",
        "httpx",
        "httpx2",
        "pydantic",
        "ruamel",
        "tiktoken",
        "toktok",
    ),
    *("azure.data", "azure.mgmt", "azure.ai", "azure.monitor", "opentelemetry.sdk"),
}
#: Rooms of ours likewise: what decides, validates, judges and shows.
OURS_LATER = {
    *(
        "shared.adapters",
        "shared.reconciler",
        "shared.poller",
        "shared.observer",
        "shared.performer",
        "shared.intake",
    ),
    *(
        "shared.core.decide",
        "shared.core.steps",
        "shared.core.dataset.validate",
        "shared.views.run_page",
        "shared.views.home",
    ),
}


def modules_after(module, folder):
    done = subprocess.run(
        [sys.executable, "-c", _LISTED.format(module)], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def imported():
    return modules_after("function_app", ROOT)


def is_of(module, packages):
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.slow
@pytest.mark.parametrize("later", [LATER, OURS_LATER], ids=["packages", "ours"])
def test_what_only_some_calls_need_is_imported_by_these(imported, later):
    assert sorted(module for module in imported if is_of(module, later)) == []


@pytest.mark.slow
def test_the_first_call_imports_it():
    found = modules_after("function_app, shared.reconciler, shared.core.dataset.validate", ROOT)

    assert {"shared.reconciler", "shared.core.decide", "shared.core.dataset.validate"} <= found


@pytest.mark.slow
def test_beside_the_same_triggers_little_is_imported(imported, tmp_path):
    """Modules count without a clock; `make bench WHAT=startup` has the times."""
    (tmp_path / "peer_app.py").write_text(peer_source())
    peers = modules_after("peer_app", tmp_path)

    assert len(peers) > 500
    assert len(imported) <= 1.4 * len(peers)
