"""A release has a heading, a version and a record; and its rows are not damaged by the one before."""

import json
import re

import pytest

from shared.core.run import SCHEMA
from shared.version import VERSION
from tests.golden.record import FOLDER, row_fields

CHANGELOG = FOLDER.parents[1] / "CHANGELOG.md"
RELEASES = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$", CHANGELOG.read_text(), re.MULTILINE)


def number(version):
    return tuple(int(part) for part in version.split("."))


def test_the_code_carries_the_version_of_the_newest_heading():
    assert RELEASES, "CHANGELOG.md has no dated heading"
    assert sorted(RELEASES, key=number, reverse=True) == RELEASES
    assert RELEASES[0] == VERSION


@pytest.mark.parametrize("release", RELEASES)
def test_each_release_has_its_record(release):
    scenes = list((FOLDER / release / "runs").glob("*.json"))
    assert scenes, f"record it with its own code: python -m tests.golden.record {release}"
    assert (FOLDER / release / "row.json").is_file()
    assert (FOLDER / release / "corpus.json").is_file()


@pytest.mark.parametrize("release", RELEASES)
def test_a_row_that_an_older_release_would_damage_has_a_higher_schema(release):
    """An older release keeps what it knows of a row, and loses the rest when it writes it."""
    row = json.loads((FOLDER / release / "row.json").read_text())
    lost = sorted(set(row_fields()) - set(row["fields"]))

    assert not lost or row["schema"] < SCHEMA, (
        f"{release} would lose {lost}: raise SCHEMA in shared/core/run.py, and let table_codec read both shapes"
    )
