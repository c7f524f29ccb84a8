"""Places in JSON values: how they are read, and what lies there."""

import pytest

from shared.core.dataset.nulls import schemas_in
from shared.core.dataset.rows.texts import strings_of
from shared.core.json_path import at_index, below, descend, steps_of
from shared.core.pipeline.yaml import load, walk

VALUE = {"list": [1, {"x": "y"}], "text": "abc"}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("", ()),
        ("a", ("a",)),
        ("list[0].x", ("list", 0, "x")),
        ("a[1][2]", ("a", 1, 2)),
        ("a-b.c d", ("a-b", "c d")),
        ("a[x]", ("a", "x")),
        ("a[12345678901]", ("a", "12345678901")),
    ],
)
def test_a_path_is_names_and_indexes(path, steps):
    assert steps_of(path) == steps


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", (VALUE, True)),
        ("list[1].x", ("y", True)),
        ("list[2]", (VALUE["list"], False)),
        ("list.x", (VALUE["list"], False)),
        ("text[0]", ("abc", False)),
        ("none.x", (VALUE, False)),
    ],
)
def test_what_lies_at_a_place_or_nearest_to_it(path, found):
    assert descend(VALUE, steps_of(path)) == found


LONG = "k" * 100_000
UNDER_LONG = {LONG: {"properties": {f"p{n}": {"enum": ["a"]} for n in range(50)}}}


def test_a_path_is_written_with_names_and_indexes():
    assert below(at_index(below("", "list"), 0), "x") == "list[0].x"
    assert below("a" * 799, "b") == "a" * 799 + ".b"


@pytest.mark.parametrize(
    "paths",
    [
        lambda: [path for path, _ in schemas_in({"properties": UNDER_LONG}, "parameters")],
        lambda: [path for path, _ in strings_of(UNDER_LONG)],
        lambda: [path for path, _ in walk(load(f'? "{LONG}"\n: [1, 2]\n')[0])],
    ],
    ids=["schemas", "texts", "pipeline file"],
)
def test_a_long_name_is_not_repeated_for_all_that_lies_below(paths):
    """Else a row of one megabyte, or a pipeline file of 256 KB, takes gigabytes."""
    found = paths()

    assert len(found) >= 3
    assert max(map(len, found)) == 801
