"""Sketches of rows, by which near duplicates are found: 64 bytes a row, whatever its length.

A row's features are its sequences of three words (each seen through its first eight bytes, without case; a CJK character counts
as a word).  Of each of 64 classes of features the least hash is kept, one byte of it: one-permutation hashing (Li, Owen, Zhang,
NIPS 2012) with b-bit values (Li, Koenig, WWW 2010).  The share of equal bytes estimates the Jaccard similarity of the features.
Candidates are rows that agree in four neighbouring bytes.  The fastest library measured (rensa) takes 16 ms a megabyte, mostly to
cut words in Python; this takes 2 to 3.
"""

from __future__ import annotations

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
_PRIMES_32: Final = (0xC2B2AE35, 0x85EBCA6B, 0x9E3779B1)
#: The lowest bits of a feature's hash are its class, the others its value; the highest value says that there is none: one more
#: ends with a byte of zeros.
_CLASS_BITS: Final = 6
_NONE: Final = 2**32 - 1
_NO_VALUE: Final = _NONE >> _CLASS_BITS

#: After each row: words are seen through eight bytes.
ROW_END: Final = bytes(8)


class Sketcher:
    """Makes sketches of rows, without the features of templates that many rows are made from.

    What is a template is learned from the first batch: a feature in at least one row of twenty, and in ten rows.  Without this,
    rows that share a long instruction and differ in a number or a question would all be near duplicates.
    """

    def __init__(self) -> None:
        self._templates: bytes | None = None
        self._is_common: Any = None

    @property
    def templates(self) -> bytes | None:
        """What was learned, for other sketchers to do the same; None if nothing was yet."""
        return self._templates

    @templates.setter
    def templates(self, learned: bytes) -> None:
        if learned != self._templates:
            import numpy as np  # noqa: PLC0415  80 ms, loaded on use

            self._templates = learned
            self._is_common = np.zeros(1 << _COMMON_BITS, bool)
            self._is_common[np.frombuffer(learned, "<u2")] = True

    def rows(self, text: bytes, ends: Sequence[int]) -> bytes:
        """Sketches of rows, one after the other.

        Args:
            text: all rows, with `ROW_END` after each, their texts as JSON: words end at quotation marks and at what is escaped,
                as they do at white space.
            ends: offset after each row.
        """
        import numpy as np  # noqa: PLC0415  80 ms, loaded on use

        words, counts = _words(np, text, ends)
        hashed = _features(np, words, counts)
        if self._templates is None:
            self.templates = _common_features(np, hashed, counts).astype("<u2").tobytes()
        features = np.maximum(counts - 2, 0)
        if self._templates:
            place = (hashed >> np.uint32(_COMMON_SHIFT)).astype(np.intp)
            common = np.flatnonzero(self._is_common.take(place))
            hashed[common] = _NONE
            row = np.searchsorted(np.cumsum(counts), common, side="right")
            features -= np.bincount(row, minlength=len(features))
        sketches = _sketch(np, hashed, counts)
        few = np.flatnonzero(features < FEATURES_MIN)
        if len(few):
            sketches[few] = _of_short(np, words, hashed, counts, few)
        return bytes(sketches.tobytes())


_COMMON_BITS: Final = 16
_COMMON_SHIFT: Final = 32 - _COMMON_BITS
_COMMON_ROWS_MIN: Final = 10
_COMMON_SHARE: Final = 0.05


def _common_features(np: Any, hashed: Any, counts: Any) -> Any:
    """The features (by their highest bits) that so many rows have that they belong to a template."""
    row = np.repeat(np.arange(len(counts)), counts)[hashed != _NONE]
    place = (hashed[hashed != _NONE] >> np.uint32(_COMMON_SHIFT)).astype(np.int64)
    once = np.unique(row << _COMMON_BITS | place) & ((1 << _COMMON_BITS) - 1)
    rows_with = np.bincount(once, minlength=1 << _COMMON_BITS)
    rows_with[-1] = 0  # where there is no feature, there is none to be taken away
    return np.flatnonzero(rows_with >= max(_COMMON_ROWS_MIN, _COMMON_SHARE * len(counts)))


def _words(np: Any, text: bytes, ends: Sequence[int]) -> tuple[Any, Any]:
    """A 64-bit hash of each word, row by row, and how many words each row has."""
    octets = np.frombuffer(text or ROW_END, np.uint8)
    is_word = octets > ord('"')  # white space, control characters, and the ends of texts
    is_other = octets != ord("\\")
    is_word &= is_other
    is_word[1:] &= is_other[:-1]
    lower = octets | np.uint8(_LOWER)
    lower &= np.negative(is_word.view(np.uint8))  # what is not of a word becomes zero
    begins = is_word[1:] > is_word[:-1]
    begins |= octets[1:] >= 0xE0
    words = np.flatnonzero(begins)
    words += 1
    if is_word[0]:
        words = np.concatenate(([0], words))
    counts = np.searchsorted(words, ends)
    counts[1:] -= counts[:-1].copy()
    seen = np.ndarray((len(octets) - 7,), "<u8", lower, 0, (1,)).take(words)
    end = seen - np.uint64(_LOW_BITS)
    other = ~seen
    end &= other
    end &= np.uint64(_HIGH_BITS)  # the lowest bit marks the first zero: the word's end
    np.subtract(end, np.uint64(1), out=other)
    other ^= end
    seen &= other
    seen *= np.uint64(_PRIMES[0])
    return seen, counts


def _features(np: Any, words: Any, counts: Any) -> Any:
    """A 32-bit hash of each three words; none for the last two of each row."""
    upper = words.view("<u4")[1::2].copy()
    hashed = upper * np.uint32(_PRIMES_32[0])
    hashed[:-1] += upper[1:] * np.uint32(_PRIMES_32[1])
    hashed[:-2] += upper[2:]
    hashed *= np.uint32(_PRIMES_32[2])
    hashed ^= hashed >> np.uint32(16)
    ends = np.cumsum(counts)
    for back in (1, 2):
        hashed[(ends - back)[counts >= back]] = _NONE
    return hashed


def _sketch(np: Any, hashed: Any, counts: Any) -> Any:
    """The sketches of rows, a line each."""
    place = np.repeat(np.arange(0, len(counts) * VALUES, VALUES, np.uint32), counts)
    place |= hashed & np.uint32(VALUES - 1)
    least = np.full(len(counts) * VALUES, _NO_VALUE, np.uint32)
    np.minimum.at(least, place.astype(np.intp), hashed >> np.uint32(_CLASS_BITS))
    least += np.uint32(1)
    return least.astype(np.uint8).reshape(len(counts), VALUES)


def _sums(np: Any, values: Any, counts: Any) -> Any:
    """The sum of the values of each row."""
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)))
    return np.diff(sums[np.concatenate(([0], np.cumsum(counts)))])


def _of_short(np: Any, words: Any, hashed: Any, counts: Any, few: Any) -> Any:
    """Sketches of rows with few features, from the sum of all of them; zeros for rows without any."""
    is_few = np.zeros(len(counts), bool)
    is_few[few] = True
    chosen = np.flatnonzero(np.repeat(is_few, counts))
    is_own = hashed[chosen] != _NONE
    # In 64 bits, since here all depends on one number, and short rows may be many.
    of_feature = np.zeros(len(chosen), np.uint64)
    for distance, prime in enumerate(_PRIMES[1:]):
        of_feature += words[np.minimum(chosen + distance, len(words) - 1)] * np.uint64(prime)
        of_feature ^= of_feature >> np.uint64(32)
    of_feature *= is_own
    total = _sums(np, of_feature, counts[few])
    features = _sums(np, is_own, counts[few])
    total += features
    mixed = np.stack(
        [(total * np.uint64(prime)) ^ (total >> np.uint64(31 - i)) for i, prime in enumerate(_PRIMES * 2)],
        axis=1,
    )
    octets = mixed.astype("<u8").view(np.uint8).reshape(len(few), VALUES) | 1
    octets[features == 0] = 0
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

    def bands(self, np: Any, band: int) -> list[Any]:
        """Four neighbouring values of each row as one number, piece by piece."""
        return [np.frombuffer(piece, "<u4")[band // _BAND :: VALUES // _BAND] for piece in self._pieces]

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
    for band in range(0, VALUES, _BAND):
        found = np.union1d(found, _candidates(np, table.bands(np, band)))
    for block in np.array_split(found, len(found) // _COMPARED + 1):
        left, right = block // count, block % count
        a, b = table.at(np, left), table.at(np, right)
        either = np.maximum(((a | b) != 0).sum(axis=1), 1)
        share = ((a == b) & (a != 0)).sum(axis=1) / either
        for index in np.flatnonzero(share >= SIMILARITY_MIN):
            yield int(left[index]), int(right[index]), float(share[index])


def _candidates(np: Any, pieces: Sequence[Any]) -> Any:
    """Pairs of rows that have the same number, but for 0, as `left * rows + right`."""
    # Rows are many and few of them have another's number: which, is told by numbers without rows, and by half of their bits.
    values = np.concatenate(pieces)
    count = np.int64(len(values))
    values.sort()
    again = np.zeros(1 << 16, bool)
    again[values[1:][values[1:] == values[:-1]] & np.uint32(2**16 - 1)] = True
    del values
    parts = []
    for start, piece in zip(range(0, count, _PIECE_ROWS), pieces, strict=True):
        rows = np.flatnonzero(again[piece & np.uint32(2**16 - 1)] & (piece != 0))
        parts.append(piece[rows].astype(np.uint64) << np.uint64(32) | (rows + start).astype(np.uint64))
    entries = np.concatenate(parts)
    entries.sort()
    same = np.flatnonzero((entries[1:] ^ entries[:-1]) < np.uint64(1 << 32))
    begins = np.diff(same, prepend=-2) != 1
    heads = same[begins][np.cumsum(begins) - 1] if len(same) else same
    left, right, head = (
        (entries[at] & np.uint64(2**32 - 1)).astype(np.int64) for at in (same, same + 1, heads)
    )
    return np.concatenate((left * count + right, head * count + right))
