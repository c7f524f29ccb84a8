"""Known data stays known: what each release knew a dataset by, today's code knows it by too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.datasets import NAME, recorded

pytestmark = pytest.mark.slow

RELEASES = sorted(path.parent.name for path in Path(__file__).parent.glob(f"*/{NAME}"))


@pytest.fixture(scope="module")
def today():
    return recorded()


@pytest.mark.parametrize("release", RELEASES)
def test_each_dataset_has_the_keys_and_the_split_that_it_had(release, today):
    golden = json.loads((Path(__file__).parent / release / NAME).read_text("utf-8"))

    assert len(golden) > 700
    missing = golden.keys() - today.keys()
    assert not missing, "a file of the corpus went away: golden files name it"
    assert {name for name, known in golden.items() if today[name] != known} == set()
