"""The dataset rooms: their doors are the modules at the top, and only validation loads what is heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DATASET = ROOT / "shared" / "core" / "dataset"
ROOMS = ("reading", "rows", "across")
HEAVY = {"numpy", "hyperscan", "toktok", "xxhash"}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["cli", "functions", "shared"])
def test_nobody_else_enters_the_rooms_behind_the_doors(folder):
    rooms = tuple(f"shared.core.dataset.{room}" for room in ROOMS)
    for path in (ROOT / folder).rglob("*.py"):
        if not path.is_relative_to(DATASET):
            assert [name for name in imports_of(path) if name.startswith(rooms)] == [], path


def test_rules_know_nothing_of_how_they_are_asked():
    allowed = ("rules", "rulebook", "format", "limits", "nulls", "reading.foreign")
    for path in (DATASET / "rules").glob("*.py"):
        names = {name for name in imports_of(path) if name.startswith("shared.core.dataset.")}
        assert not [n for n in names if not n.removeprefix("shared.core.dataset.").startswith(allowed)], path


def test_what_is_heavy_is_loaded_by_validation_alone_and_only_once_it_is_called():
    code = "import sys, shared.core.dataset.validate, shared.core.pipeline.file; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}

    assert "shared" in loaded
    assert not loaded & HEAVY
