"""Times for people: in UTC, and how far away they are."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


class When(msgspec.Struct, frozen=True, kw_only=True):
    """A time as a page shows it.

    Attributes:
        iso: for machines.
        text: such as `28 Nov 2026, 14:05 UTC`.
        away: such as `in 5 h` or `3 days ago`.
    """

    iso: str
    text: str
    away: str


def when(at: datetime, now: datetime, *, has_seconds: bool = False) -> When:
    """A time, seen from now; with its seconds where several things happen in one minute."""
    return When(
        iso=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        text=f"{at.day} {at:%b %Y, %H:%M:%S} UTC" if has_seconds else f"{at.day} {at:%b %Y, %H:%M} UTC",
        away=away(at, now),
    )


def away(at: datetime, now: datetime) -> str:
    """How far a time is from now."""
    seconds = (at - now).total_seconds()
    span = duration(abs(seconds))
    if abs(seconds) < _MINUTE:
        return "now"
    return f"in {span}" if seconds > 0 else f"{span} ago"


def duration(seconds: float) -> str:
    """A time span in the largest unit that leaves at least one and a half of it, such as `35 min`, `30 h` or `3 days`."""
    if seconds < 1.5 * _HOUR:
        return f"{max(1, round(seconds / _MINUTE))} min"
    if seconds < 1.5 * _DAY:
        return f"{round(seconds / _HOUR)} h"
    return f"{round(seconds / _DAY)} days"
