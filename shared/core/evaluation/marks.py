"""Numbers in words, for pages and sentences."""

from __future__ import annotations


def examples_of(items: int, groups: int) -> str:
    """How many held-out examples there are, and of how many groups if these are fewer."""
    text = f"{items} held-out examples"
    return text if items == groups else f"{text} in {groups} groups"


def percent(share: float | None) -> str:
    """A share for people; `all` if there is no bound."""
    return "all" if share is None else f"{share * 100:.4g}%"
