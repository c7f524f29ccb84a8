"""Where two texts differ, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

import msgspec

#: A number with its point, commas and percent sign; a word, a run of spaces, a sign; scripts without spaces sign by sign.
_TOKEN: Final = re.compile(
    r"[0-9]+(?:[.,:][0-9]+)+%?|[0-9]+%|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W\u0e00-\u9fff]+|\s+|\w+|[^\w\s]"
)


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text, and whether the other text lacks it."""

    text: str
    is_other: bool


def differing(one: str, other: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts in pieces; what is not in the other one is marked.

    Takes time with the product of the lengths: callers clip first.
    """
    left, right = _TOKEN.findall(one), _TOKEN.findall(other)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    ours, theirs = list[Piece](), list[Piece]()
    for kind, first, last, begin, end in matcher.get_opcodes():
        is_other = kind != "equal"
        _add(ours, "".join(left[first:last]), is_other=is_other)
        _add(theirs, "".join(right[begin:end]), is_other=is_other)
    return tuple(_joined(ours)), tuple(_joined(theirs))


def _add(pieces: list[Piece], text: str, *, is_other: bool) -> None:
    if text:
        pieces.append(Piece(text=text, is_other=is_other))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Spaces between two marked pieces are marked, too: one mark is easier to read than three."""
    joined = list[Piece]()
    for place, piece in enumerate(pieces):
        is_between = 0 < place < len(pieces) - 1 and piece.text.isspace() and pieces[place + 1].is_other
        is_other = piece.is_other or (is_between and joined[-1].is_other)
        if joined and joined[-1].is_other == is_other:
            joined[-1] = Piece(text=joined[-1].text + piece.text, is_other=is_other)
        else:
            joined.append(Piece(text=piece.text, is_other=is_other))
    return joined
