"""Every way that a decision can go, with every field and every word: a change of any shows as a change of a file here.

After a wanted change: `python -m tests.core.test_golden`, and read the diff.
"""

import json
from pathlib import Path

import pytest

from tests.core.scenarios import GOLDEN

FOLDER = Path(__file__).parent / "golden"


def as_text(made):
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", GOLDEN)
def test_what_is_decided_and_said_is_what_was_reviewed(name):
    known = json.loads((FOLDER / f"{name}.json").read_text())
    made = json.loads(as_text(GOLDEN[name]()))

    assert made.keys() == known.keys()
    assert {key: value for key, value in made.items() if value != known[key]} == {}, "differs from golden/"


if __name__ == "__main__":
    for golden, make in GOLDEN.items():
        (FOLDER / f"{golden}.json").write_text(as_text(make()))
