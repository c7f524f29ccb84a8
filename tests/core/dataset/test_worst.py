"""Whatever is in a file, validating it takes bounded time and memory, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.dataset.worst import NAMES
from tests.support import figures

ROOT = Path(__file__).parents[3]
SECONDS_MAX, MEGABYTES_MAX = 30, 300
#: Processor seconds for which nothing else of the process runs: `health` is answered by another thread within a second.
HOLD_SECONDS_MAX = 1
FILE_BYTES = 50_000_000
#: What the table of `make soak` shows; `reference` is what a known loop took just then: 1 or less on a machine that is idle.
SHOWN = ("seconds", "megabytes", "longest_hold", "reference")
#: Those that took for ever, or filled the memory, before there were bounds.
SMALL = ("fan just too wide", "unevaluated, deep", "pattern that goes back")
MORE_SMALL = (
    "empty objects",
    "wrong tools",
    "tokens that never come",
    "long name above many in a schema",
    "long name above many texts",
)


def measured(name: str, size: int, action: str = "reject") -> dict:
    """CPU seconds, megabytes above an idle process, and what was found; the time-out only ends what hangs."""
    command = [sys.executable, "-m", "tests.core.dataset.worst", name, str(size), action]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(name, marks=pytest.mark.thorough) for name in MORE_SMALL)]
)
def test_a_small_file_does_not_take_much_memory(name):
    found = measured(name, 500_000)

    assert found["megabytes"] <= MEGABYTES_MAX
    assert found["longest_hold"] <= HOLD_SECONDS_MAX


@pytest.mark.soak
@pytest.mark.parametrize("action", ["reject", "quarantine", "repair"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_50_mb_takes_30_seconds_and_300_mb_at_most(name, action):
    found = measured(name, FILE_BYTES, action)
    figures.record(f"worst file: {name}, {action}", **{key: found[key] for key in SHOWN})

    assert found["seconds"] <= SECONDS_MAX
    assert found["megabytes"] <= MEGABYTES_MAX
    assert found["longest_hold"] <= HOLD_SECONDS_MAX
