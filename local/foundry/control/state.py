"""The state behind the control API: the clock, faults, late requests and lags, in SQLite; and the journal, in memory."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.foundry.common import clock
from local.foundry.common.clock import Clock, Reading
from local.foundry.common.offer import Offer
from local.foundry.common.store import Store
from local.foundry.control.faults import Chosen, Fault, choose
from local.foundry.control.journal import Journal

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), at REAL, since REAL, rate REAL);
CREATE TABLE IF NOT EXISTS faults (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    data TEXT NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0,
    fired INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS late (number INTEGER PRIMARY KEY, due REAL NOT NULL, request TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS hidden (id TEXT PRIMARY KEY, listing TEXT NOT NULL, until REAL, reads INTEGER);
"""
_LISTING: Final = re.compile(r"/(jobs|files|deployments)(?:/[^/]+)?$")


class Lags:
    """Resources that lists do not show yet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def hide(self, listing: str, resource: str, until: float | None, reads: int | None) -> None:
        """Leave a resource out of a list, until a time and for so many reads, whichever is longer."""
        self._store.run(
            "INSERT OR REPLACE INTO hidden VALUES (?, ?, ?, ?)", resource, listing, until, reads or 0
        )

    def read(self, listing: str) -> frozenset[str]:
        """What a list does not show now; to be called once for each time that the list is read."""
        now = clock.now()
        self._store.run("DELETE FROM hidden WHERE coalesce(until, 0) <= ? AND reads <= 0", now)
        found = self._store.run("SELECT id FROM hidden WHERE listing = ?", listing)
        if found:
            self._store.run("UPDATE hidden SET reads = reads - 1 WHERE listing = ?", listing)
        return frozenset(str(row[0]) for row in found)


@dataclass(frozen=True, slots=True)
class LateRequest:
    """A request whose time to be applied has come."""

    number: int
    request: dict[str, Any]
    body: bytes


class Control:
    """The clock, the faults, the requests that are applied late, and the journal."""

    def __init__(self, store: Store, offer: Offer) -> None:
        self._store, self.offer = store, offer
        for table in _TABLES.strip().split(";\n"):
            store.run(table)
        self.lags = Lags(store)
        self.journal = Journal()
        self.applying = 0
        self._faults = {fault.number: fault for fault in self._stored()}
        readings = store.run("SELECT at, since, rate FROM clock")
        clock.use(Clock(Reading(*readings[0]) if readings else None))

    def _stored(self) -> Iterable[Fault]:
        for number, data, seen, fired in self._store.run(
            "SELECT number, data, seen, fired FROM faults ORDER BY number"
        ):
            fault = Fault.read(number, json.loads(data))
            fault.seen, fault.fired = seen, fired
            yield fault

    # The clock

    def change_clock(self, *, advance_s: float = 0.0, rate: float | None = None) -> None:
        """Step the clock forward or change its rate, and store that.

        Raises:
            ValueError: for a step back, or for a value that is too large.
        """
        reading = clock.current().change(advance_s=advance_s, rate=rate)
        row = (reading.at, reading.since, reading.rate)
        self._store.run("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", *row)

    # Faults

    def add_fault(self, body: dict[str, Any]) -> Fault:
        """Add a fault.

        Raises:
            NotAFault: the settings are wrong.
        """
        Fault.read(0, body)
        ((number,),) = self._store.run(
            "INSERT INTO faults (data) VALUES (?) RETURNING number", json.dumps(body)
        )
        self._faults[number] = Fault.read(number, body)
        return self._faults[number]

    def faults(self) -> list[Fault]:
        """All faults, in the order in which they were added."""
        return list(self._faults.values())

    def fault(self, number: int) -> Fault | None:
        """A fault by its number; None if there is none."""
        return self._faults.get(number)

    def remove_fault(self, number: int) -> bool:
        """Remove a fault; False if there was none."""
        self._store.run("DELETE FROM faults WHERE number = ?", number)
        return self._faults.pop(number, None) is not None

    def choose(self, method: str, path: str) -> Chosen:
        """Which faults hit a request that has just come in."""
        chosen = choose(self.faults(), method, path)
        for fault in chosen.touched:
            row = (fault.seen, fault.fired, fault.number)
            self._store.run("UPDATE faults SET seen = ?, fired = ? WHERE number = ?", *row)
        return chosen

    # Late requests and lags

    def postpone(self, after_s: float, request: dict[str, Any], body: bytes) -> None:
        """Store a request, to be applied after so many seconds."""
        row = (clock.now() + after_s, json.dumps(request), body)
        self._store.run("INSERT INTO late (due, request, body) VALUES (?, ?, ?)", *row)

    def waiting(self) -> int:
        """How many late requests have not been applied yet, including those that are being applied now."""
        return int(self._store.run("SELECT COUNT(*) FROM late")[0][0]) + self.applying

    def take_due(self) -> LateRequest | None:
        """The next request whose time has come; None if there is none.

        It is deleted here: a request is applied once, or never if the stand-in is killed at that moment.
        """
        found = self._store.run(
            "DELETE FROM late WHERE number = (SELECT number FROM late WHERE due <= ? ORDER BY due, number LIMIT 1) "
            "RETURNING number, request, body",
            clock.now(),
        )
        if not found:
            return None
        number, request, body = found[0]
        return LateRequest(number, json.loads(request), bytes(body))

    def hide_made(self, lag: Fault, path: str, shown: dict[str, Any]) -> None:
        """Hide what a request has just made from lists for a while."""
        listing = _LISTING.search(path)
        if listing is None:
            return
        made = str(shown.get("name") if listing[1] == "deployments" else shown.get("id"))
        seconds = lag.given["hidden_s"]
        until = None if seconds is None else clock.now() + seconds
        self.lags.hide(listing[1], made, until, lag.given["hidden_reads"])


def control_key(state_dir: Path) -> str:
    """The key that the control API asks for; it stays the same after a restart."""
    path = state_dir / "control-key"
    if not path.exists() or not path.read_text():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()
