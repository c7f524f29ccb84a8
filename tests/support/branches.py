"""Every branch of what decides is reached by the tests of the core: `python -m tests.support.branches`, after `pytest ... --cov`.

What decides is what mutation testing changes.
"""

import sys
import tomllib
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[2]


def deciding():
    """Patterns of the files that decide."""
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]["source_paths"]
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing, f"pyproject.toml names what is not there: {missing}"
    return [f"{path}*" if path.endswith("/") else path for path in paths]


if __name__ == "__main__":
    measured = Coverage()
    measured.load()
    share = measured.report(include=deciding())
    if share < 100:
        sys.exit(f"{share:.2f} % of the branches that decide are reached by tests/core; all of them must be")
