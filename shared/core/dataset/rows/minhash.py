"""Signatures of rows, by which near duplicates are found: 64 bytes per row, whatever its length.

A row's features are its sequences of three words (each seen through its first eight bytes, without case; a CJK character counts
as a word).  Of each of 64 classes of features the least hash is kept, one byte of it: one-permutation hashing (Li, Owen, Zhang,
NIPS 2012) with b-bit values (Li, Koenig, WWW 2010).  The share of equal bytes estimates the Jaccard similarity of the features.
Candidates are rows that agree in a band of four neighbouring bytes, so that they fall into one bucket.  The fastest library
measured (rensa) takes 16 ms per megabyte, mostly to cut words in Python; this takes 2 to 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

type Array = npt.NDArray[Any]

VALUES: Final = 64
_BAND: Final = 4
#: Rows with fewer features get a signature of their whole text, equal only for equal texts: too few features say too little.
FEATURES_MIN: Final = 24
SIMILARITY_MIN: Final = 0.8
#: Pairs that are compared at once.
_COMPARED: Final = 16_384

#: Zeros for what ends words: white space, control characters, quotation marks, the beginning of an escape.  In all
#: others the bit is set that makes ASCII letters lower case.  It changes other characters too, but equal ones stay equal.
_WORD_CHARS: Final = bytes(0 if code <= ord('"') or code == ord("\\") else code | 0x20 for code in range(256))
_LOW_BITS: Final = 0x0101010101010101
_HIGH_BITS: Final = 0x8080808080808080
_PRIMES: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD)
_PRIMES_32: Final = (0xC2B2AE35, 0x85EBCA6B, 0x9E3779B1)
#: The lowest bits of a feature's hash are its class, the others its value.  The highest value stands for "no feature"; plus one,
#: it ends with a byte of zeros.
_CLASS_BITS: Final = 6
_NONE: Final = 2**32 - 1
_NO_VALUE: Final = _NONE >> _CLASS_BITS

#: After each row: words are seen through eight bytes.
ROW_END: Final = bytes(8)


class MinHasher:
    """Makes signatures of rows, without the features of templates that many rows are made from.

    What belongs to a template is learned from the first block: a feature that at least one row of twenty has, and ten rows.
    Without this, rows that share a long instruction and differ in a number or a question would all be near duplicates.

    Attributes:
        reduced_rows: rows that have too few features beside those of templates, so that they are near copies of equal ones only.
    """

    def __init__(self) -> None:
        self._is_common: Array | None = None
        self._has_common = False
        self.reduced_rows = 0

    def signatures(self, text: bytes, ends: Sequence[int]) -> bytes:
        """Signatures of rows, one after the other.

        Args:
            text: all rows, with `ROW_END` after each, their texts as JSON: words end at quotation marks and at what is escaped,
                as they do at white space.
            ends: offset after each row.
        """
        words, counts = _words(text, ends)
        hashed = _features(words, counts)
        if self._is_common is None:
            self._is_common = _common_features(hashed, counts)
            self._has_common = bool(self._is_common.any())
        features = np.maximum(counts - 2, 0)
        if self._has_common:
            place = (hashed >> np.uint32(_COMMON_SHIFT)).astype(np.intp)
            common = np.flatnonzero(self._is_common.take(place))
            hashed[common] = _NONE
            row = np.searchsorted(np.cumsum(counts), common, side="right")
            was_long = features >= FEATURES_MIN
            features -= np.bincount(row, minlength=len(features))
            self.reduced_rows += int(np.count_nonzero(was_long & (features < FEATURES_MIN)))
        found = _signatures(hashed, counts)
        few = np.flatnonzero(features < FEATURES_MIN)
        if len(few):
            found[few] = _of_short(words, hashed, counts, few)
        return found.tobytes()


_COMMON_BITS: Final = 16
_COMMON_SHIFT: Final = 32 - _COMMON_BITS
_COMMON_ROWS_MIN: Final = 10
_COMMON_SHARE: Final = 0.05


def _common_features(hashed: Array, counts: Array) -> Array:
    """For each value of the highest bits: whether so many rows have such features that these belong to a template."""
    row = np.repeat(np.arange(len(counts)), counts)[hashed != _NONE]
    place = (hashed[hashed != _NONE] >> np.uint32(_COMMON_SHIFT)).astype(np.int64)
    once = np.unique(row << _COMMON_BITS | place) & ((1 << _COMMON_BITS) - 1)
    rows_with = np.bincount(once, minlength=1 << _COMMON_BITS)
    rows_with[-1] = 0  # this value stands for "no feature", which cannot belong to a template
    is_common: Array = rows_with >= max(_COMMON_ROWS_MIN, _COMMON_SHARE * len(counts))
    return is_common


def _words(text: bytes, ends: Sequence[int]) -> tuple[Array, Array]:
    """A 64-bit hash of each word, row by row, and how many words each row has."""
    octets = np.frombuffer(text or ROW_END, np.uint8)
    lower = np.frombuffer(bytearray(text or ROW_END).translate(_WORD_CHARS), np.uint8)
    escaped = np.flatnonzero(octets[:-1] == ord("\\")) + 1
    lower[escaped] = 0
    is_word = lower != 0
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


def _features(words: Array, counts: Array) -> Array:
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


def _signatures(hashed: Array, counts: Array) -> Array:
    """The signatures of rows, a line each."""
    place = np.repeat(np.arange(0, len(counts) * VALUES, VALUES, dtype=np.uint32), counts)
    place |= hashed & np.uint32(VALUES - 1)
    least = np.full(len(counts) * VALUES, _NO_VALUE, np.uint32)
    np.minimum.at(least, place.astype(np.intp), hashed >> np.uint32(_CLASS_BITS))
    least += np.uint32(1)
    return least.astype(np.uint8).reshape(len(counts), VALUES)


def _sums(values: Array, counts: Array) -> Array:
    """The sum of the values of each row."""
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)))
    return np.diff(sums[np.concatenate(([0], np.cumsum(counts)))])


def _of_short(words: Array, hashed: Array, counts: Array, few: Array) -> Array:
    """Signatures of rows with few features, from the sum of all of them; zeros for rows without any."""
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
    total = _sums(of_feature, counts[few])
    features = _sums(is_own, counts[few])
    total += features
    mixed = np.stack(
        [(total * np.uint64(prime)) ^ (total >> np.uint64(31 - i)) for i, prime in enumerate(_PRIMES * 2)],
        axis=1,
    )
    octets = mixed.astype("<u8").view(np.uint8).reshape(len(few), VALUES) | 1
    octets[features == 0] = 0
    return octets


def similar_pairs(*files: bytes | bytearray) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows that are nearly the same: (earlier row, later row, estimated similarity), each pair once.

    Rows of one bucket are compared with the first and the next of it, so a group of n rows gives at least n - 1 pairs.

    Args:
        files: the signatures of the rows of each file, or of pieces of it; rows are numbered through all of them.
    """
    tables = [np.frombuffer(file, np.uint8).reshape(-1, VALUES) for file in files]
    count = np.int64(sum(map(len, tables)))
    if not any(table.any() for table in tables):
        return
    found = np.zeros(0, np.int64)
    for band in range(VALUES // _BAND):
        values = np.concatenate([table.view("<u4")[:, band] for table in tables])
        found = np.union1d(found, _candidates(values))
    for block in np.array_split(found, len(found) // _COMPARED + 1):
        left, right = block // count, block % count
        a, b = _signatures_at(tables, left), _signatures_at(tables, right)
        either = np.maximum(((a | b) != 0).sum(axis=1), 1)
        share = ((a == b) & (a != 0)).sum(axis=1) / either
        for index in np.flatnonzero(share >= SIMILARITY_MIN):
            yield int(left[index]), int(right[index]), float(share[index])


def _signatures_at(tables: Sequence[Array], rows: Array) -> Array:
    found = np.empty((len(rows), VALUES), np.uint8)
    start = 0
    for table in tables:
        here = np.flatnonzero((rows >= start) & (rows < start + len(table)))
        found[here] = table[rows[here] - start]
        start += len(table)
    return found


def _candidates(values: Array) -> Array:
    """Pairs of rows that fall into one bucket of a band, as `left * rows + right`; 0 stands for no bucket.

    Args:
        values: of the band, for each row.
    """
    # Few of the many rows share a bucket.  The rows that may are found first, by the lower half of the values that occur twice.
    count = np.int64(len(values))
    ordered = np.sort(values)
    again = np.zeros(1 << 16, bool)
    again[ordered[1:][ordered[1:] == ordered[:-1]] & np.uint32(2**16 - 1)] = True
    del ordered
    rows = np.flatnonzero(again[values & np.uint32(2**16 - 1)] & (values != 0))
    entries = np.sort(values[rows].astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64))
    same = np.flatnonzero((entries[1:] ^ entries[:-1]) < np.uint64(1 << 32))
    begins = np.diff(same, prepend=-2) != 1
    heads = same[begins][np.cumsum(begins) - 1] if len(same) else same
    left, right, head = (
        (entries[at] & np.uint64(2**32 - 1)).astype(np.int64) for at in (same, same + 1, heads)
    )
    return np.concatenate((left * count + right, head * count + right))
