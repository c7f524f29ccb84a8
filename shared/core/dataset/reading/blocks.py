"""Bytes to blocks of lines: streaming, bounded, and the same blocks for any chunking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from shared.core.dataset.limits import LINE_BYTES_MAX

BLOCK_BYTES: Final = 256 * 1024
BOM: Final = b"\xef\xbb\xbf"


class TooLong(NamedTuple):
    """A line that is too long to be kept; only its length, without LF, is known."""

    size_bytes: int


class Block(NamedTuple):
    """Neighbouring lines.

    Attributes:
        first: 1-based number of the first line.
        lines: without LF, CR before it, or a byte order mark; only the last one can be too long.
    """

    first: int
    lines: list[bytes | TooLong]


def take_head(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """At least so many bytes from the front, or all there are, and the iterator of what follows."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, chunks


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
    """The block that is not full yet.

    Only its last line can be too long: the others end before `block_bytes`, which is at most one more than a line may have.
    """

    def __init__(self, line_max: int, block_bytes: int) -> None:
        self._line_max, self._block_bytes = line_max, block_bytes
        self._first = 1
        self._begin()

    def _begin(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._size = 0  # with what was passed over
        self._last = -1  # where the last line begins, once that is sure
        self._is_passing = False

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """The blocks that a chunk completes."""
        start, view = 0, memoryview(chunk)
        while (end := chunk.find(b"\n", start + max(0, self._block_bytes - 1 - self._size))) >= 0:
            self._hold(view[start:end])
            yield self._give()
            start = end + 1
        self._hold(view[start:])

    def _hold(self, part: memoryview) -> None:
        self._size += len(part)
        if self._is_passing or not part:
            return
        self._parts.append(part)
        if self._size <= self._line_max:  # no line can be too long
            return
        if self._last < 0:
            self._parts = [b"".join(self._parts)]
            self._last = bytes(self._parts[0]).rfind(b"\n") + 1
        if self._size - self._last > self._line_max:
            self._parts = [b"".join(self._parts)[: self._last]]
            self._is_passing = True

    def _give(self) -> Block:
        text = b"".join(self._parts)
        too_long = None
        if self._is_passing:
            too_long = TooLong(self._size - self._last)
            text = text[:-1]
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        if self._first == 1:
            text = text.removeprefix(BOM)
        lines: list[bytes | TooLong] = [*text.split(b"\n")] if self._last or not too_long else []
        if too_long is not None:
            lines.append(too_long)
        block = Block(self._first, lines)
        self._first += len(lines)
        self._begin()
        return block

    def finish(self) -> Iterator[Block]:
        """The last block."""
        if not self._size:
            return
        if not self._is_passing and self._parts[-1][-1:] == b"\n":
            self._parts[-1] = self._parts[-1][:-1]
        yield self._give()


def is_blank(data: bytes) -> bool:
    """Whether a line holds nothing but white space."""
    return not data or data.isspace()
