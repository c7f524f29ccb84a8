"""Lines of a set are counted as rows of datasets are: a line feed ends one, and nothing else does."""

import pytest

from shared.core.evaluation.must_pass import not_there


@pytest.mark.parametrize(
    ("rows", "lacking"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "3"),
        (b'{"a": 1}\r\n{"a": 2}\r\n', "3"),
        (b'{"a": 1}\r\r\n{"a": 2}\r\r\n', "3"),
        (b'{"a":\r1}\n{"a": 2}', "3"),
        (b'\xef\xbb\xbf\n{"a": 2}\n{"a": 3}\n', "1"),
        (b'{"a": 1}\n \t\n{"a": 3}\n', "2"),
        (b"", "1, 2, 3"),
    ],
)
def test_a_line_without_a_row_is_named(rows, lacking):
    assert not_there((1, 2, 3), rows) == f"has no row at line {lacking}"


def test_lines_with_rows_are_there():
    assert not_there((1, 2), b'\xef\xbb\xbf{"a":\r1}\r\r\n{"a": 2}') is None
