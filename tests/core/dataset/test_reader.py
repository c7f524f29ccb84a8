"""Lines: LF and CRLF, nothing else, the same for any chunking, and never more than the limit in memory."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.reader import iter_rows, split_lines


def data_of(data: bytes, **options):
    return [(line.number, line.data) for line in split_lines([data], **options)]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\n", [(1, b"a")]),
        (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
        (b"a\n\nb", [(1, b"a"), (2, b""), (3, b"b")]),
        (b"a\rb\n", [(1, b"a\rb")]),
        ("a\u2028b\u0085c\x0bd\n".encode(), [(1, "a\u2028b\u0085c\x0bd".encode())]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
    ],
)
def test_lines_end_at_lf_or_crlf_and_the_first_loses_its_byte_order_mark(data, lines):
    assert data_of(data) == lines


def test_a_line_that_is_too_long_comes_without_data_and_the_next_one_whole():
    assert data_of(b"aaaa\nbbbbb\ncc\nddddd", line_bytes_max=4) == [
        (1, b"aaaa"),
        (2, None),
        (3, b"cc"),
        (4, None),
    ]


def test_a_line_without_end_is_not_buffered():
    chunk = b"x" * 65_536

    tracemalloc.start()
    lines = list(split_lines((chunk for _ in range(2_000)), line_bytes_max=1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [(line.data, line.size_bytes) for line in lines] == [(None, 2_000 * 65_536)]
    assert peak < 3_000_000


def test_rows_keep_their_index_across_blank_and_too_long_lines():
    assert list(iter_rows([b"a\n \nbbbbb\nc\n\t\r\nd"], line_bytes_max=4)) == [
        (0, b"a"),
        (2, b"c"),
        (3, b"d"),
    ]


@settings(deadline=None)
@given(st.binary(max_size=60), st.lists(st.integers(1, 9), max_size=20), st.integers(1, 12))
def test_any_chunking_gives_the_same_lines(data, sizes, limit):
    chunks, start = [], 0
    for size in sizes:
        chunks.append(data[start : start + size])
        start += size
    chunks.append(data[start:])

    assert list(split_lines(chunks, line_bytes_max=limit)) == list(split_lines([data], line_bytes_max=limit))
