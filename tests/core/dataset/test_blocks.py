"""Lines: LF and CRLF, nothing else, the same for any chunking, and never more than the limit in memory."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.reading.blocks import TooLong, split_blocks


def data_of(data: bytes, **options):
    return lines_of([data], **options)


def lines_of(chunks, **options):
    """Number and bytes of each line; None for a line that is too long."""
    return [
        (number, None if isinstance(line, TooLong) else line)
        for block in split_blocks(chunks, **options)
        for number, line in enumerate(block.lines, start=block.first)
    ]


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


@pytest.mark.parametrize(("size", "is_kept"), [(90, True), (91, False)])
def test_a_line_in_pieces_behind_another_is_whole_up_to_the_limit(size, is_kept):
    data = b"a" * 60 + b"\n" + b"b" * size + b"\nc"

    found = lines_of((data[i : i + 1] for i in range(len(data))), line_bytes_max=90, block_bytes=91)

    assert found == [(1, b"a" * 60), (2, b"b" * size if is_kept else None), (3, b"c")]


def test_a_line_without_end_is_not_buffered():
    chunk = b"x" * 65_536

    tracemalloc.start()
    blocks = list(split_blocks((chunk for _ in range(2_000)), line_bytes_max=1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [block.lines for block in blocks] == [[TooLong(2_000 * 65_536)]]
    assert peak < 3_000_000


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b"\n", b"a", b"bb\r", b"\xef\xbb\xbf", b"ccccc"]), max_size=30).map(b"".join),
    st.lists(st.integers(1, 9), max_size=20),
    st.integers(1, 12),
    st.integers(1, 20),
)
def test_any_chunking_gives_the_same_blocks(data, sizes, limit, block):
    chunks, start = [], 0
    for size in sizes:
        chunks.append(data[start : start + size])
        start += size
    chunks.append(data[start:])

    options = {"line_bytes_max": limit, "block_bytes": block}
    whole = list(split_blocks([data], **options))
    assert list(split_blocks(chunks, **options)) == whole
    expected = [line.removesuffix(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    ends = [len(line) for line in data.split(b"\n")]
    if not ends[-1]:
        expected.pop()
    found = [line for b in whole for line in b.lines]
    assert [line for line in found if isinstance(line, bytes)] == [
        line for line, size in zip(expected, ends, strict=False) if size <= limit
    ]
    assert len(found) == len(expected)
