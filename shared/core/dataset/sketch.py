"""Sketches of rows, by which near duplicates are found: 64 bytes a row, whatever its length.

A row's features are its sequences of three words (each seen through its first eight bytes, without case; a CJK character counts
as a word).  Of each of 64 classes of features the least hash is kept, one byte of it: one-permutation hashing (Li, Owen, Zhang,
NIPS 2012) with b-bit values (Li, Koenig, WWW 2010).  The share of equal bytes estimates the Jaccard similarity of the features.
Candidates are rows that agree in four neighbouring bytes.  The fastest library measured (rensa) takes 16 ms a megabyte, mostly to
cut words in Python; this takes 3 to 5.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

VALUES: Final = 64
_BAND: Final = 4
#: Rows with fewer features get a sketch of their whole text, equal only for equal texts: too few features say too little.
FEATURES_MIN: Final = 24
SIMILARITY_MIN: Final = 0.8
_PIECE_ROWS: Final = 16_384
#: Pairs that are compared at once.
_COMPARED: Final = 16_384

#: The bit that makes ASCII letters lower case; what it does to other bytes, it does to all of their kind.
_LOWER: Final = 0x20
_LOW_BITS: Final = 0x0101010101010101
_HIGH_BITS: Final = 0x8080808080808080
_PRIMES: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD)


class Sketcher:
    """Makes sketches of rows, without the features of templates that many rows are made from.

    What is a template is learned from the first batch: a feature in at least one row of twenty, and in ten rows.  Without this,
    rows that share a long instruction and differ in a number or a question would all be near duplicates.
    """

    def __init__(self, templates: bytes | None = None) -> None:
        self._is_common: Any = None
        if templates is not None:
            import numpy as np  # noqa: PLC0415  80 ms, loaded on use

            self._is_common = np.frombuffer(templates, bool)

    @property
    def templates(self) -> bytes | None:
        """What was learned, to make another sketcher of; None if nothing was."""
        return None if self._is_common is None else self._is_common.tobytes()

    def rows(self, text: bytes, starts: Sequence[int], ends: Sequence[int]) -> bytes:
        """Sketches of the rows in a buffer, one after the other.

        Args:
            text: UTF-8.
            starts: offset of each row, ascending.
            ends: offset after each row.
        """
        import numpy as np  # noqa: PLC0415  80 ms, loaded on use

        row, hashed = _features(np, text, starts, ends)
        if self._is_common is None:
            self._is_common = _common_features(np, row, hashed, len(starts))
        if self._is_common.any():
            is_own = ~self._is_common[(hashed >> np.uint64(_COMMON_SHIFT)).astype(np.int64)]
            row, hashed = row[is_own], hashed[is_own]
        return _sketch(np, row, hashed, len(starts))


_COMMON_BITS: Final = 16
_COMMON_SHIFT: Final = 64 - _COMMON_BITS
_COMMON_ROWS_MIN: Final = 10
_COMMON_SHARE: Final = 0.05


def _common_features(np: Any, row: Any, hashed: Any, count: int) -> Any:
    """A table of the features (by their highest bits) that so many rows have that they belong to a template."""
    place = (hashed >> np.uint64(_COMMON_SHIFT)).astype(np.int64)
    once = np.unique(row.astype(np.int64) << _COMMON_BITS | place) & ((1 << _COMMON_BITS) - 1)
    rows_with = np.bincount(once, minlength=1 << _COMMON_BITS)
    return rows_with >= max(_COMMON_ROWS_MIN, _COMMON_SHARE * count)


def _features(np: Any, text: bytes, starts: Sequence[int], ends: Sequence[int]) -> tuple[Any, Any]:
    """Row and hash of each feature, row by row."""
    count = len(starts)
    octets = np.frombuffer(text + bytes(16), np.uint8)
    is_word = octets > ord(" ")
    lower = octets | np.uint8(_LOWER)
    lower *= is_word  # white space and control characters become zero, which ends a word
    begins = is_word[1:] > is_word[:-1]
    begins |= octets[1:] >= 0xE0
    words = np.flatnonzero(begins)
    words += 1
    if is_word[0]:
        words = np.concatenate(([0], words))
    first = np.searchsorted(words, np.asarray(starts))
    features = np.maximum(np.searchsorted(words, np.asarray(ends)) - first - 2, 0)
    seen = np.ndarray((len(text) + 8,), "<u8", lower, 0, (1,))[words]
    end = seen - np.uint64(_LOW_BITS)
    end &= ~seen
    end &= np.uint64(_HIGH_BITS)  # the lowest bit marks the first zero: the word's end
    seen &= (end - np.uint64(1)) & ~end
    seen *= np.uint64(_PRIMES[0])
    seen ^= seen >> np.uint64(29)
    hashed = seen[:-2] * np.uint64(_PRIMES[1])
    hashed += seen[1:-1] * np.uint64(_PRIMES[2])
    hashed += seen[2:]
    hashed *= np.uint64(_PRIMES[3])
    hashed ^= hashed >> np.uint64(32)
    before = np.cumsum(features) - features
    hashed = hashed[np.repeat(first - before, features) + np.arange(features.sum())]
    return np.repeat(np.arange(count), features), hashed


def _sketch(np: Any, row: Any, hashed: Any, count: int) -> bytes:
    place = row * VALUES + (hashed & np.uint64(VALUES - 1)).astype(np.int64)
    least = np.full(count * VALUES, 2**32 - 1, np.uint32)
    np.minimum.at(least, place, (hashed >> np.uint64(24)).astype(np.uint32))
    values = (least % np.uint32(255)).astype(np.uint8) + np.uint8(1)
    values[least == 2**32 - 1] = 0
    sketches = values.reshape(count, VALUES)
    features = np.bincount(row, minlength=count)
    few = np.flatnonzero(features < FEATURES_MIN)
    if len(few):
        sketches[few] = _of_short(np, hashed, features, few)
    return bytes(sketches.tobytes())


def _of_short(np: Any, hashed: Any, features: Any, few: Any) -> Any:
    """Sketches of rows with few features, from the sum of all of them; zeros for rows without any."""
    before = np.cumsum(features) - features
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(hashed, dtype=np.uint64)))
    total = sums[(before + features)[few]] - sums[before[few]]
    total += features[few].astype(np.uint64)
    mixed = np.stack(
        [(total * np.uint64(prime)) ^ (total >> np.uint64(31 - i)) for i, prime in enumerate(_PRIMES * 2)],
        axis=1,
    )
    octets = mixed.astype("<u8").view(np.uint8).reshape(len(few), VALUES) | 1
    octets[features[few] == 0] = 0
    return octets


class SketchTable:
    """The sketches of a file's rows: in pieces of a megabyte, so that no copy is made when there are more."""

    def __init__(self) -> None:
        self._pieces: list[bytearray] = []
        self.has_any = False  # whether a sketch was ever put: without near duplicates nobody does

    def make_room(self, rows: int) -> None:
        """Have a place for so many rows; new places hold zeros."""
        while len(self._pieces) * _PIECE_ROWS < rows:
            self._pieces.append(bytearray(_PIECE_ROWS * VALUES))

    def put(self, row: int, sketches: bytes) -> None:
        """Sketches of neighbouring rows, the first of which is given."""
        self.has_any = self.has_any or any(sketches)
        while sketches:
            piece, place = divmod(row, _PIECE_ROWS)
            part = sketches[: (_PIECE_ROWS - place) * VALUES]
            self._pieces[piece][place * VALUES : place * VALUES + len(part)] = part
            row += len(part) // VALUES
            sketches = sketches[len(part) :]

    def clear(self) -> None:
        """Forget all sketches and give their memory back."""
        self._pieces.clear()

    def entries(self, np: Any, band: int, last_bit: int) -> Any:
        """Four neighbouring values of the rows where they end so, as the upper half of a number; the row is its lower half."""
        entries, count = np.empty(len(self), np.uint64), 0
        for start, piece in zip(range(0, len(self), _PIECE_ROWS), self._pieces, strict=True):
            values = np.frombuffer(piece, "<u4")[band // 4 :: VALUES // 4].astype(np.uint64)
            rows = np.flatnonzero((values & np.uint64(1)) == last_bit)
            part = entries[count : count + len(rows)]
            part[:] = values[rows] << np.uint64(32)
            part |= (rows + start).astype(np.uint64)
            count += len(rows)
        return entries[:count]

    def at(self, np: Any, rows: Any) -> Any:
        """The sketches of some rows, a line each."""
        found = np.empty((len(rows), VALUES), np.uint8)
        pieces, places = rows // _PIECE_ROWS, rows % _PIECE_ROWS
        for number, piece in enumerate(self._pieces):
            here = np.flatnonzero(pieces == number)
            found[here] = np.frombuffer(piece, np.uint8).reshape(-1, VALUES)[places[here]]
        return found

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same."""
        return isinstance(other, SketchTable) and self._pieces == other._pieces

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __len__(self) -> int:
        """Rows for which there is a place."""
        return len(self._pieces) * _PIECE_ROWS

    @classmethod
    def of(cls, tables: Sequence[SketchTable]) -> SketchTable:
        """The rows of several tables, one after the other, sharing their memory; each begins at a multiple of `len`."""
        table = cls()
        for other in tables:
            table._pieces += other._pieces  # noqa: SLF001  of the same class
            table.has_any = table.has_any or other.has_any
        return table


def similar_pairs(table: SketchTable) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows that are nearly the same: (earlier row, later row, estimated similarity), each pair once.

    Rows of one neighbourhood are compared with the first and the next of it, so a group of n rows gives at least n - 1 pairs.
    """
    import numpy as np  # noqa: PLC0415  loaded on use

    if not table.has_any or not len(table):
        return
    count = np.int64(len(table))
    found = np.zeros(0, np.int64)
    for band, last_bit in itertools.product(range(0, VALUES, _BAND), (0, 1)):
        found = np.union1d(found, _candidates(np, table, band, last_bit))
    for block in np.array_split(found, len(found) // _COMPARED + 1):
        left, right = block // count, block % count
        a, b = table.at(np, left), table.at(np, right)
        either = np.maximum(((a | b) != 0).sum(axis=1), 1)
        share = ((a == b) & (a != 0)).sum(axis=1) / either
        for index in np.flatnonzero(share >= SIMILARITY_MIN):
            yield int(left[index]), int(right[index]), float(share[index])


def _candidates(np: Any, table: SketchTable, band: int, last_bit: int) -> Any:
    """Pairs of rows that agree in one band that ends so, as `left * rows + right`."""
    # Rows are many and memory is not: one array, for half of the rows, sorted and compared where it is.
    entries = table.entries(np, band, last_bit)
    entries.sort()
    entries = entries[np.searchsorted(entries, np.uint64(1 << 32)) :]  # without the rows that have no sketch
    same = np.concatenate(
        [
            np.flatnonzero((part[1:] ^ part[:-1]) < np.uint64(1 << 32)) + start
            for start in range(0, max(len(entries), 1), _PIECE_ROWS)
            for part in [entries[start : start + _PIECE_ROWS + 1]]
        ]
    )
    begins = np.diff(same, prepend=-2) != 1
    heads = same[begins][np.cumsum(begins) - 1] if len(same) else same
    left, right, head = (
        (entries[at] & np.uint64(2**32 - 1)).astype(np.int64) for at in (same, same + 1, heads)
    )
    count = np.int64(len(table))
    return np.concatenate((left * count + right, head * count + right))
