"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def when(text: str) -> str:
    """A time as people read it, in UTC."""
    return f"{text[:10]} {text[11:16]} UTC"


def now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def age(text: str) -> str:
    """How long ago a time was: `40 s`, `12 min`, `3 h`, `5 d`."""
    return _long((now() - datetime.fromisoformat(text)).total_seconds())


def _long(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def left(text: str) -> str:
    """How long until a time, as the end of a phrase."""
    seconds = (datetime.fromisoformat(text) - now()).total_seconds()
    return f", in {_long(seconds)}" if seconds > 0 else ", which has passed"
