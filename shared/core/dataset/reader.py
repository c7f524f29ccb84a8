"""Bytes to lines: streaming, bounded, and the same lines for any chunking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
BOM: Final = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its end.

    Attributes:
        number: 1-based.
        data: the bytes, without byte order mark, LF or CRLF; None if the line is too long to be kept.
        size_bytes: length of the line in the file, without LF.
    """

    number: int
    data: bytes | None
    size_bytes: int


def split_lines(chunks: Iterable[bytes], *, line_bytes_max: int = LINE_BYTES_MAX) -> Iterator[Line]:
    """Split a stream at LF, and at nothing else: U+2028 and its kin belong to the text.

    A line longer than `line_bytes_max` is passed over without being buffered and comes as a `Line` without
    data.
    """
    number = 0
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            number += 1
            size += end - start
            if size <= line_bytes_max:
                parts.append(chunk[start:end])
                yield Line(number, _clean(number, b"".join(parts)), size)
            else:
                yield Line(number, None, size)
            parts.clear()
            size = 0
            start = end + 1
        if start < len(chunk):
            size += len(chunk) - start
            if size <= line_bytes_max:
                parts.append(chunk[start:])
            else:
                parts.clear()
    if size:
        number += 1
        yield Line(number, _clean(number, b"".join(parts)) if size <= line_bytes_max else None, size)


def is_blank(data: bytes) -> bool:
    """Whether a line holds nothing but white space."""
    return not data or data.isspace()


def iter_rows(
    chunks: Iterable[bytes], *, line_bytes_max: int = LINE_BYTES_MAX
) -> Iterator[tuple[int, bytes]]:
    """Rows with the indexes that `inspect_file` gives them: every line that is not blank counts.

    Lines that are too long keep their index but are left out.
    """
    index = 0
    for line in split_lines(chunks, line_bytes_max=line_bytes_max):
        if line.data is None:
            index += 1
        elif not is_blank(line.data):
            yield index, line.data
            index += 1


def _clean(number: int, data: bytes) -> bytes:
    if number == 1:
        data = data.removeprefix(BOM)
    return data.removesuffix(b"\r")
