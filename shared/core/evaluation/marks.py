"""Text of anybody on a page of Markdown: shown as it is, and within its cell."""

from __future__ import annotations

from typing import Final

_EXCERPT: Final = 300
_MARKS: Final = str.maketrans({mark: "\\" + mark for mark in "\\`*_[]<>|#~$&"})


def cell(text: str) -> str:
    """Text that stays within its cell."""
    return plain(text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…")


def plain(text: str) -> str:
    """Text that is shown as it is: no markup, no line breaks, no control characters, no links made of addresses."""
    visible = "".join(char if char.isprintable() else " " for char in text)
    return visible.translate(_MARKS).replace("://", "\\://").replace("www.", "www\\.")


def examples_of(items: int, groups: int) -> str:
    """How many held-out examples there are, and of how many groups if these are fewer."""
    text = f"{items} held-out examples"
    return text if items == groups else f"{text} in {groups} groups"


def percent(share: float | None) -> str:
    """A share for people; `all` if there is no bound."""
    return "all" if share is None else f"{share * 100:.4g}%"
