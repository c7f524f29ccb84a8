"""Who is signed in with a browser: a random key in a cookie, which this host knows until the session ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

#: As `cookieExpiration` in infra/modules/app.bicep: fixed, whatever the browser does meanwhile.
LASTS_S: Final = 8 * 3600.0


class Sessions:
    """Sessions of one run of the host; they end with it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            clock: seconds since any moment.
        """
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}

    def begin(self, identity: str) -> str:
        """Begin a session of an identity; its key."""
        now = self._clock()
        self._known = {key: known for key, known in self._known.items() if now < known[1]}
        key = secrets.token_urlsafe(32)
        self._known[key] = (identity, now + LASTS_S)
        return key

    def find(self, key: str) -> str | None:
        """Whose session it is; None if there is none, or it has ended."""
        identity, ends_at = self._known.get(key, ("", 0.0))
        return identity if identity and self._clock() < ends_at else None

    def end(self, key: str) -> None:
        """End a session, if it is one."""
        self._known.pop(key, None)
