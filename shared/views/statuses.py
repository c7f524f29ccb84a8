"""Statuses in words and colours, the same on every page."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

import msgspec

from shared.core.shown import clipped, visible
from shared.core.status import FINISHED, GATES, Status

#: How a page marks something; never by colour alone, the words stand beside it.
type Tone = Literal["good", "bad", "wait", "run", "quiet"]

_ENDS: Final[MappingProxyType[Status, Tone]] = MappingProxyType(
    {
        Status.DEPLOYED: "good",
        Status.NOT_PROMOTED: "wait",
        Status.INVALID: "bad",
        Status.FAILED: "bad",
        Status.EXPIRED: "bad",
        Status.REJECTED: "quiet",
        Status.CANCELLED: "quiet",
        Status.DUPLICATE: "quiet",
        Status.SUPERSEDED: "quiet",
    }
)


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """A word with a colour."""

    tone: Tone
    words: str


def badge(status: Status) -> Badge:
    """The status of a run."""
    words = status.value.replace("_", " ")
    if status in FINISHED:
        return Badge(tone=_ENDS[status], words=words)
    return Badge(tone="wait" if status in GATES.values() else "run", words=words)


#: Of names and sentences of others in lists, so that a page stays small whatever they wrote.
_NAME_MAX: Final = 200
_WORDS_MAX: Final = 600


def brief(text: str, chars_max: int = _NAME_MAX) -> str:
    """The beginning of a name in a list; the page of the thing itself has all of it."""
    return clipped(visible(text), chars_max)


def brief_words(text: str) -> str:
    """The beginning of a sentence of others."""
    return brief(text, _WORDS_MAX)


#: Groups of statuses that people look for, by the word that stands in an address.
GROUPS: Final[MappingProxyType[str, frozenset[Status]]] = MappingProxyType(
    {
        "waiting": frozenset(GATES.values()),
        "going": frozenset(
            status for status in Status if status not in FINISHED and status not in GATES.values()
        ),
        "deployed": frozenset({Status.DEPLOYED}),
        "not-promoted": frozenset({Status.NOT_PROMOTED}),
        "failed": frozenset({Status.FAILED}),
        "invalid": frozenset({Status.INVALID}),
        "expired": frozenset({Status.EXPIRED}),
        "other": frozenset({Status.REJECTED, Status.CANCELLED, Status.DUPLICATE, Status.SUPERSEDED}),
    }
)
