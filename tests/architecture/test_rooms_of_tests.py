"""What tests share lies where nothing is collected, so that each test module can run, move and go alone."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import nodes_of

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("*.py"))


def imported(path):
    """Absolute names of all that a module imports."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_is_imported_from_a_module_that_pytest_collects(path):
    """Neither tests nor fixtures: what several modules need lies in `tests/support` or beside them under another name."""
    parts = {name: name.split(".") for name in imported(path)}
    collected = [
        name
        for name, (first, *rest) in parts.items()
        if first == "tests" and any(part.startswith("test_") or part == "conftest" for part in rest[:-1])
    ]

    assert collected == []


@pytest.mark.parametrize(("fail_on_skip", "status"), [("", 0), ("1", 1)])
def test_what_is_skipped_is_reported_and_fails_where_nothing_may_be(tmp_path, fail_on_skip, status):
    (tmp_path / "conftest.py").write_text(
        "from tests.support.skips import pytest_sessionfinish, pytest_terminal_summary\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no browser here')\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent), "FAIL_ON_SKIP": fail_on_skip},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stdout
    assert "not tested here" in done.stdout
    assert "1 test: no browser here" in done.stdout
