"""How often one person may ask: a bound for each person, kept by each instance for itself."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from shared.core.errors import TooManyRequests
from shared.core.naming import person_key

_WINDOW: Final = timedelta(seconds=60)
#: With more persons than this, those who did not ask for a minute are forgotten.
_PERSONS_MAX: Final = 1000


class RequestRate:
    """Counts the requests of the last minute, person by person."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._asked: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def count(self, person: str, now: datetime) -> None:
        """Count a request.

        Args:
            person: object id of who asks.
            now: the time.

        Raises:
            TooManyRequests: if this person asked often enough within the last minute; that is not counted.
        """
        with self._lock:
            if len(self._asked) > _PERSONS_MAX:
                self._asked = {who: times for who, times in self._asked.items() if _is_recent(times[-1], now)}
            times = self._asked.setdefault(person_key(person), deque())
            while times and not _is_recent(times[0], now):
                times.popleft()
            if len(times) >= self._per_minute:
                wait_s = max(1, math.ceil((times[0] + _WINDOW - now).total_seconds()))
                msg = f"more than {self._per_minute} requests within a minute"
                raise TooManyRequests(msg, retry_after_s=wait_s)
            times.append(now)


def _is_recent(asked_at: datetime, now: datetime) -> bool:
    """Whether a request counts; a clock that was set back forgets what seems to come."""
    return now - _WINDOW < asked_at <= now
