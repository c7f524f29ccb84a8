"""What time it is in the stand-in, and how long the phases of files, jobs and deployments take.

All ages and time stamps come from `now()`.  The process has one clock, which may run faster than real time, stand still, or be
stepped forward, but never back.  Two things keep real time: measurements of this machine (the latency of a grader), and the life
of tokens, because clients compare its end with clocks of their own.
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
    """How long each phase takes, in seconds of the clock at speed 1."""

    file_pending_s: float = 0.4
    file_running_s: float = 0.6
    job_pending_s: float = 1.2
    job_validating_s: float = 1.2
    job_queued_s: float = 1.2
    job_running_min_s: float = 5.0
    deployment_accepted_s: float = 0.5
    deployment_creating_s: float = 2.0
    deployment_not_ready_s: float = 1.0
    """For this long after Resource Manager reports Succeeded, the data plane does not answer yet."""

    def at_speed(self, speed: float) -> Timings:
        """The same phases, `speed` times as fast."""
        return Timings(**{field.name: getattr(self, field.name) / speed for field in fields(self)})


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a clock is: its time was `at` when the machine's was `since`, and `rate` of its seconds pass per real second."""

    at: float
    since: float
    rate: float = 1.0

    def now(self, wall: float) -> float:
        """The time when the machine's is `wall`; it stands still if the machine's clock was set back."""
        return self.at + max(0.0, wall - self.since) * self.rate


class Clock:
    """A clock whose speed can be chosen."""

    def __init__(self, reading: Reading | None = None, wall: Callable[[], float] = time.time) -> None:
        self._wall, self._lock = wall, threading.Lock()
        self._reading = reading or Reading(wall(), wall())

    @property
    def reading(self) -> Reading:
        """What must be stored for the clock to go on after a restart."""
        return self._reading

    @property
    def rate(self) -> float:
        """Seconds of this clock per real second; 0 when it stands still."""
        return self._reading.rate

    def now(self) -> float:
        """Seconds since 1970."""
        return self._reading.now(self._wall())

    def change(self, *, advance_s: float = 0.0, rate: float | None = None) -> Reading:
        """Step forward, change the rate, or both; the time until now is not affected.

        Raises:
            ValueError: for a step back, or for a value that is too large.
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
        """Real seconds in which so many seconds of this clock pass; infinite when it stands still."""
        if seconds <= 0:
            return 0.0
        return seconds / self.rate if self.rate else math.inf


class _Process:
    """Holds the clock of the process."""

    clock = Clock()


def current() -> Clock:
    """The clock of this process."""
    return _Process.clock


def use(clock: Clock) -> None:
    """Make this the clock of the process."""
    _Process.clock = clock


def now() -> float:
    """Seconds since 1970 by the clock of this process."""
    return _Process.clock.now()
