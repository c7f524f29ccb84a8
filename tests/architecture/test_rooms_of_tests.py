"""What tests share lies where nothing is collected, so that each test module can run, move and go alone."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("*.py"))


def imported(path):
    """Absolute names of all that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
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
