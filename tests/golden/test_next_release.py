"""The release after this one, in advance: keys join the pipeline file, defaults change, and no run notices.

The product is copied, the copy is changed as a release would change it, and the golden tests are run on the copy.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = Path("shared/core/spec.py")
#: Every key, two gates, all three methods, retries, and a champion to be measured against; two of them have most of it.
SCENES = "everything or two-after-another or least or preference or reinforcement or failed-job"
FEW_SCENES = "everything or least"
NOT_COPIED = shutil.ignore_patterns("__pycache__", "corpus", "node_modules", "infra", "adapters")


def with_keys_added(text):
    """Each part of a pipeline file gets a key with a default."""
    tree = ast.parse(text)
    parts = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("Struct" in ast.unparse(base) for base in node.bases)
    ]
    assert len(parts) >= 12
    lines = text.splitlines()
    for part in sorted(parts, key=lambda node: -node.end_lineno):
        lines[part.end_lineno : part.end_lineno] = [
            "    later_share: float = 0.5",
            "    later_text: str | None = None",
        ]
    return "\n".join(lines) + "\n"


#: Defaults of many kinds: of what makes a job another job, and of what decides about a run.
DEFAULTS = {
    r"share: float = 0\.1": "share: float = 0.2",
    r"seed: int = 42": "seed: int = 43",
    r"max_examples: int = 200": "max_examples: int = 100",
    r'training_type: str = "GlobalStandard"': 'training_type: str = "Standard"',
    r"approvers: int = 1": "approvers: int = 2",
    r"per_run_usd: float \| None = 50\.0": "per_run_usd: float | None = 0.0001",
    r"min_gain: float = 0\.0": "min_gain: float = 0.9",
    r"max_completion_tokens: int = 1024": "max_completion_tokens: int = 512",
    r"capacity: int = 50": "capacity: int = 60",
}


def with_defaults_changed(text):
    """Many defaults become others."""
    for pattern, other in DEFAULTS.items():
        text, count = re.subn(pattern, other, text)
        assert count, pattern
    return text


@pytest.fixture
def copy(tmp_path):
    for folder in ("shared", "tests", "local", "functions"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=NOT_COPIED if folder != "shared" else None)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run_golden_tests(copy, scenes, **environment):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/golden/test_runs.py",
        "-k",
        scenes,
    ]
    return subprocess.run(
        command,
        cwd=copy,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize("change", [with_keys_added, with_defaults_changed])
@pytest.mark.parametrize(
    ("scenes", "least"),
    [(FEW_SCENES, 6), pytest.param(SCENES, 20, marks=pytest.mark.thorough)],
    ids=["few", "many"],
)
@pytest.mark.slow
def test_a_release_strands_no_run_and_makes_no_known_data_new(copy, change, scenes, least):
    spec = copy / SPEC
    changed = change(spec.read_text())
    spec.write_text(changed)

    done = run_golden_tests(copy, scenes, GOLDEN_ONLY_PINNED="1" if change is with_defaults_changed else "")

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= least
