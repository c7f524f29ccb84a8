"""Places in JSON values: how they are read, and what lies there."""

import pytest

from shared.core.json_path import descend, steps_of

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
