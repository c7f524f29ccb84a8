"""What time it is in the stand-in, and how long things take.

Everything that has an age or a time stamp asks `now()`.  The one clock of the process may run faster than real time, stand still
or be stepped forward; never back.  Two things keep real time: what is measured of the machine (latency of a grader), and the life
of tokens, because the clients compare their end with clocks of their own.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

RATE_MAX: Final = 1e6
ADVANCE_S_MAX: Final = 10 * 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Timings:
    """Lengths of the phases that Azure takes its time for, in seconds of the clock at speed 1."""

    file_pending_s: float = 0.4
    file_running_s: float = 0.6
    job_pending_s: float = 1.2
    job_validating_s: float = 1.2
    job_queued_s: float = 1.2
    job_running_min_s: float = 5.0
    deployment_accepted_s: float = 0.5
    deployment_creating_s: float = 2.0
    deployment_not_ready_s: float = 1.0
    """ARM says Succeeded this long before the data plane serves."""

    def at_speed(self, speed: float) -> Timings:
        """The same phases, `speed` times as fast."""
        return Timings(**{field.name: getattr(self, field.name) / speed for field in fields(self)})


@dataclass(frozen=True, slots=True)
class Reading:
    """From which everything follows: it was `at` when the machine's time was `since`, and `rate` seconds pass in one."""

    at: float
    since: float
    rate: float = 1.0

    def now(self, wall: float) -> float:
        """The time; a machine whose own clock was set back makes it stand still."""
        return self.at + max(0.0, wall - self.since) * self.rate


class Clock:
    """Seconds since 1970, as fast as one likes."""

    def __init__(self, reading: Reading | None = None, wall: Callable[[], float] = time.time) -> None:
        self._wall, self._lock = wall, threading.Lock()
        self._reading = reading or Reading(wall(), wall())

    @property
    def reading(self) -> Reading:
        """What must be kept for the clock to go on after a restart."""
        return self._reading

    @property
    def rate(self) -> float:
        """Seconds that pass in one; 0 when the clock stands still."""
        return self._reading.rate

    def now(self) -> float:
        """Seconds since 1970."""
        return self._reading.now(self._wall())

    def change(self, *, advance_s: float = 0.0, rate: float | None = None) -> Reading:
        """Step forward, or go on at another rate; what it was until now stays as it was.

        Raises:
            ValueError: if it would go back, or further than anyone needs.
        """
        if not 0 <= advance_s <= ADVANCE_S_MAX:
            msg = f"advance_s must be 0 to {ADVANCE_S_MAX:.0f}"
            raise ValueError(msg)
        if rate is not None and not 0 <= rate <= RATE_MAX:
            msg = f"rate must be 0 to {RATE_MAX:.0f}"
            raise ValueError(msg)
        with self._lock:
            wall = self._wall()
            at = self._reading.now(wall) + advance_s
            self._reading = Reading(at, wall, self._reading.rate if rate is None else rate)
            return self._reading

    def real_s(self, seconds: float) -> float:
        """How long so many seconds of this clock take; infinitely long when it stands still."""
        if seconds <= 0:
            return 0.0
        return seconds / self.rate if self.rate else math.inf


class _Process:
    """Which clock the process goes by."""

    clock = Clock()


def current() -> Clock:
    """The clock of this process."""
    return _Process.clock


def use(clock: Clock) -> None:
    """Go by this clock from now on."""
    _Process.clock = clock


def now() -> float:
    """Seconds since 1970 by the clock of this process."""
    return _Process.clock.now()
