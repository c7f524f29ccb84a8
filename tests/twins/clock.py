"""Time that tests set."""

from __future__ import annotations

from datetime import datetime, timedelta


class TwinClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time that was set."""
        return self._now

    def set(self, now: datetime) -> None:
        """Go to a time."""
        self._now = now

    def advance(self, seconds: float) -> datetime:
        """Let time pass; the time after that."""
        self._now += timedelta(seconds=seconds)
        return self._now
