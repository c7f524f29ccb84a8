"""Texts of others cut to what a page has room for: signs that HTML has to spell out, and those of many bytes, take more of it."""

from __future__ import annotations

from html import escape

from shared.core.shown import clipped, visible


def fitting(text: str, chars_max: int, bytes_max: int | None = None) -> str:
    """The beginning of a text: at most so many characters, and as they are sent at most so many bytes.

    Args:
        text: of anybody.
        chars_max: most characters.
        bytes_max: most bytes; without it as many as characters.
    """
    room, shown = bytes_max or chars_max, clipped(text, chars_max)
    while shown and (size := size_of(shown)) > room:
        fewer = min(len(shown) - 1, len(shown) * room // size)
        shown = clipped(text, fewer, is_whole=False) if fewer > 1 else ""
    return shown


def size_of(text: str) -> int:
    """Bytes that a text takes in a page."""
    return len(escape(visible(text, keep="\n\t")).encode("utf-8", "replace"))
