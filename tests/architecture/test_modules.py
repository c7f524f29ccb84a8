"""Modules are small, their types are honest, and imports go one way."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.sources import nodes_of

ROOT = Path(__file__).parents[2]
LINES_MAX = 350
MODULES = sorted(path for room in ("shared", "functions", "cli") for path in (ROOT / room).rglob("*.py"))
CORE = [path for path in MODULES if path.is_relative_to(ROOT / "shared/core")]


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path, names):
    """The modules of ours that a module imports anywhere, for types only too."""
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)} & names
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & names


@pytest.mark.slow
def test_imports_never_run_in_a_circle():
    names = {name_of(path) for path in MODULES} - {"shared", "functions", "cli"}
    graph = {name_of(path): set(imports_of(path, names)) - {name_of(path)} for path in MODULES}
    assert sum(map(len, graph.values())) > 300

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_a_module_of_the_core_can_be_read_in_one_sitting(path):
    if "rules" in path.parts:
        return  # a rule is a function and its documentation: a module of rules is as long as its subject is wide
    assert len(path.read_text().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_that_calculates_imports_what_it_calculates_with(path):
    """A parameter `np: Any` hides from readers and from mypy what is done with it."""
    for node in nodes_of(path):
        if isinstance(node, ast.arg):
            assert node.arg not in {"np", "numpy", "hyperscan", "jsonschema"}, f"line {node.lineno}"
