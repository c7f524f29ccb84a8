"""Requests that are sent twice: whoever names a request by a key gets the first answer again, and nothing is done a second time.

Shape: draft-ietf-httpapi-idempotency-key-header.  What is known of a key stands in table `claims`, in a partition of its own, and
is changed by compare-and-swap.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.core.errors import Conflict, FinetuneError, KeyReused, StillRunning
from shared.core.naming import REQUESTS, person_key
from shared.ports import World

#: So long the first answer is given again.
_KEPT: Final = timedelta(hours=24)
#: Whoever has not answered after this time was killed: no request lives longer (230 s in Azure).
_RUNNING: Final = timedelta(minutes=5)
#: Of an answer; a longer one is not kept, and the request runs again.
_CHARS_MAX: Final = 15_000


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was given first."""

    status: int
    media_type: str
    body: str


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key."""

    asked: str
    """SHA-256 of what was asked."""
    at: datetime
    nonce: str
    outcome: Outcome | None = None
    """None while it is running."""

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_decode: Final = msgspec.json.Decoder(_Known).decode


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is being worked on; or that was answered, if it has an outcome."""

    row: str
    text: str
    asked: str
    at: datetime
    outcome: Outcome | None = None


class Repeated:
    """Knows which requests were made."""

    def __init__(self, world: World) -> None:
        self._world = world

    def begin(self, person: str, key: str, asked: bytes) -> Begun:
        """Begin a request, or find what was answered to it.

        Args:
            person: object id of who asks.
            key: by which they know the request.
            asked: all that makes it this request.

        Raises:
            KeyReused: the key is that of another request.
            StillRunning: the same request is being worked on.
            Unavailable: storage did not answer; nothing was begun.
        """
        row = hashlib.sha256(f"{person_key(person)}\n{key}".encode()).hexdigest()
        now, digest = self._world.clock.now(), hashlib.sha256(asked).hexdigest()
        stored = self._world.claims.holder(REQUESTS, row)
        known = _decode(stored) if stored else None
        if known and now < known.at + _KEPT:
            if known.asked != digest:
                raise KeyReused
            if known.outcome:
                return Begun(row=row, text=stored or "", asked=digest, at=known.at, outcome=known.outcome)
            if now < known.at + _RUNNING:
                raise StillRunning
        text = _Known(asked=digest, at=now, nonce=secrets.token_hex(8)).text()
        try:
            self._world.claims.take(REQUESTS, row, text, stored)
        except Conflict as error:
            raise StillRunning from error
        return Begun(row=row, text=text, asked=digest, at=now)

    def end(self, begun: Begun, outcome: Outcome) -> None:
        """Keep what was answered, if something was done.

        A refusal or a failure is not kept, since nothing was recorded: whoever corrects the request, or finds the run in another
        status later, may send it with the same key.
        """
        is_kept = outcome.status < 400 and len(outcome.body) <= _CHARS_MAX
        at = begun.at if is_kept else begun.at - _KEPT
        kept = _Known(asked=begun.asked, at=at, nonce="", outcome=outcome if is_kept else None)
        with suppress(FinetuneError):  # the answer is given all the same
            self._world.claims.take(REQUESTS, begun.row, kept.text(), begun.text)
