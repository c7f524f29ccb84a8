"""Bytes to lines: streaming, bounded, and the same blocks of the same lines for any chunking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
BLOCK_BYTES: Final = 256 * 1024
BOM: Final = b"\xef\xbb\xbf"


class TooLong(NamedTuple):
    """A line that is too long to be kept; only its length, without LF, is known."""

    size_bytes: int


class Block(NamedTuple):
    """Neighbouring lines, without their ends and without a byte order mark.

    Attributes:
        first: 1-based number of the first line.
        lines: the lines.
    """

    first: int
    lines: list[bytes | TooLong]


def split_blocks(
    chunks: Iterable[bytes], *, line_bytes_max: int = LINE_BYTES_MAX, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Split a stream at LF, and at nothing else: U+2028 and its kin belong to the text.

    A block ends with the first line that ends at or after `block_bytes`, however the bytes came.  A line longer than
    `line_bytes_max` is passed over without being buffered, and is the last one of its block.
    """
    splitter = _Splitter(line_bytes_max, min(block_bytes, line_bytes_max + 1))
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.finish()


class _Splitter:
    """What was read and is not yet given out."""

    def __init__(self, line_bytes_max: int, block_bytes: int) -> None:
        self._line_max, self._block = line_bytes_max, block_bytes
        self._first = 1
        self._held: list[bytes] = []
        self._size = 0
        self._long: int | None = None  # bytes of the line that is passed over
        self._before: list[bytes] = []  # the lines of its block

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """The blocks that a chunk completes."""
        if self._long is not None:
            end = chunk.find(b"\n")
            if end < 0:
                self._long += len(chunk)
                return
            yield self._after_long(self._long + end)
            chunk = chunk[end + 1 :]
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size < self._block or (b"\n" not in chunk and self._size <= self._line_max):
            return  # a line end where the block may end can only be in this chunk
        data = b"".join(self._held)
        start = 0
        while (end := data.find(b"\n", start + self._block - 1)) >= 0:
            yield self._make(data[start:end])
            start = end + 1
        self._hold(data[start:])

    def _hold(self, rest: bytes) -> None:
        last = rest.rfind(b"\n")
        if len(rest) - last - 1 <= self._line_max:
            self._held, self._size = [rest], len(rest)
            return
        self._before = rest[:last].split(b"\n") if last >= 0 else []
        self._long = len(rest) - last - 1
        self._held, self._size = [], 0

    def _after_long(self, size: int) -> Block:
        lines: list[bytes | TooLong] = [*self._clean(self._before), TooLong(size)]
        self._long = None
        return self._give(lines)

    def _make(self, data: bytes) -> Block:
        lines = data.split(b"\n")
        if len(data) <= self._line_max:
            return self._give(list(self._clean(lines)))
        sizes = [len(line) for line in lines]
        cleaned = zip(self._clean(lines), sizes, strict=True)
        return self._give([TooLong(size) if size > self._line_max else line for line, size in cleaned])

    def _clean(self, lines: list[bytes]) -> list[bytes]:
        if self._first == 1 and lines:
            lines[0] = lines[0].removeprefix(BOM)
        if lines and (
            lines[0].endswith(b"\r")
            or lines[-1].endswith(b"\r")
            or any(line.endswith(b"\r") for line in lines)
        ):
            return [line.removesuffix(b"\r") for line in lines]
        return lines

    def _give(self, lines: list[bytes | TooLong]) -> Block:
        block = Block(self._first, lines)
        self._first += len(lines)
        return block

    def finish(self) -> Iterator[Block]:
        """The last block."""
        if self._long is not None:
            yield self._after_long(self._long)
        elif self._size:
            yield self._make(b"".join(self._held).removesuffix(b"\n"))


def is_blank(data: bytes) -> bool:
    """Whether a line holds nothing but white space."""
    return not data or data.isspace()
