"""Bytes to lines: streaming, bounded, and the same blocks of the same lines for any chunking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
BLOCK_BYTES: Final = 128 * 1024
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
        for start in range(
            0, len(chunk), BLOCK_BYTES
        ):  # what fits into the processor's cache is split faster
            yield from splitter.feed(
                chunk[start : start + BLOCK_BYTES] if len(chunk) > BLOCK_BYTES else chunk
            )
    yield from splitter.finish()


class _Splitter:
    """What was read and is not yet given out."""

    def __init__(self, line_bytes_max: int, block_bytes: int) -> None:
        self._line_max, self._block_bytes = line_bytes_max, block_bytes
        self._first = 1
        self._held: list[bytes] = []  # the beginning of a line whose end has not come yet
        self._size = 0
        self._lines: list[bytes | TooLong] = []  # the lines of a block that is not full yet
        self._filled = 0

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """The blocks that a chunk completes."""
        last = chunk.rfind(b"\n")
        if last < 0:
            self._hold(chunk)
            return
        if self._size > self._line_max:
            end = chunk.find(b"\n")
            yield from self._add([TooLong(self._size + end)])
            if end < last:
                yield from self._add(self._clean(chunk[end + 1 : last].split(b"\n")))
        else:
            yield from self._add(self._clean(b"".join([*self._held, memoryview(chunk)[:last]]).split(b"\n")))
        self._held, self._size = [], 0
        if last + 1 < len(chunk):
            self._hold(chunk[last + 1 :])

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._line_max:
            self._held.append(part)
        else:
            self._held.clear()

    def _clean(self, lines: list[bytes]) -> list[bytes | TooLong]:
        """Lines without byte order mark and carriage returns, too long ones without their bytes."""
        sizes = [len(line) for line in lines]
        if self._first == 1 and not self._lines:
            lines[0] = lines[0].removeprefix(BOM)
        if lines[0].endswith(b"\r") or any(line.endswith(b"\r") for line in lines):
            lines = [line.removesuffix(b"\r") for line in lines]
        if max(sizes) <= self._line_max:
            return list(lines)
        return [
            TooLong(size) if size > self._line_max else line for line, size in zip(lines, sizes, strict=True)
        ]

    def _add(self, lines: list[bytes | TooLong]) -> Iterator[Block]:
        """Fill blocks; a block is full with the line that reaches its size."""
        start = 0
        for position, line in enumerate(lines):
            self._filled += (line.size_bytes if isinstance(line, TooLong) else len(line)) + 1
            if self._filled >= self._block_bytes:
                yield self._give([*self._lines, *lines[start : position + 1]])
                start = position + 1
        self._lines += lines[start:]

    def _give(self, lines: list[bytes | TooLong]) -> Block:
        block = Block(self._first, lines)
        self._first += len(lines)
        self._lines, self._filled = [], 0
        return block

    def finish(self) -> Iterator[Block]:
        """The last block."""
        if self._size > self._line_max:
            yield from self._add([TooLong(self._size)])
        elif self._size:
            yield from self._add(self._clean([b"".join(self._held)]))
        if self._lines:
            yield self._give(self._lines)


def is_blank(data: bytes) -> bool:
    """Whether a line holds nothing but white space."""
    return not data or data.isspace()
