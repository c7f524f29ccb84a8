"""Simulated time and simulated concurrency: one thread, one heap of events, one seed.

Every invocation of the app is a greenlet.  It gives way at each external call, to whatever the heap says comes next; so
plain synchronous product code is interleaved at every point where another process could act, and the same seed gives
the same order of everything.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import greenlet

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Crash(BaseException):
    """The process is gone: nothing in the product catches this."""


class Violation(BaseException):
    """An invariant does not hold.  No `Exception`: nothing in the product may swallow it."""


class TooLong(Violation):
    """The simulation does not come to rest."""


@dataclass(eq=False)
class Instance:
    """One process of the app: its services with their caches, its clock's skew."""

    number: int
    skew_s: float
    services: Any = None
    is_dead: bool = False


class Invocation(greenlet.greenlet):
    """One invocation of a function in a process."""

    def __init__(self, run: Callable[[], None], name: str, instance: Instance) -> None:
        super().__init__(run)
        self.name = name
        self.instance = instance
        self.calls = 0


@dataclass
class Kernel:
    """Time, events, invocations and chance."""

    seed: int
    now_s: float = 0.0
    is_tracing: bool = False
    events_max: int = 400_000
    rng: random.Random = field(init=False)
    trace: list[str] = field(default_factory=list)
    violation: Violation | None = None

    def __post_init__(self) -> None:
        """Chance comes from the seed alone."""
        self.rng = random.Random(self.seed)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._events = 0
        self._hub = greenlet.getcurrent()
        self._digest = hashlib.blake2b(digest_size=16)
        self.alive = 0

    # -- time ---------------------------------------------------------------------------------------------------------

    def true_now(self) -> datetime:
        """The time that no process knows exactly."""
        return START + timedelta(seconds=self.now_s)

    def at(self, when_s: float, what: Callable[[], None]) -> None:
        """Let something happen at a time."""
        self._number += 1
        heapq.heappush(self._heap, (max(when_s, self.now_s), self._number, what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen later."""
        self.at(self.now_s + seconds, what)

    # -- invocations --------------------------------------------------------------------------------------------------

    def spawn(self, instance: Instance, name: str, body: Callable[[], None]) -> None:
        """Begin an invocation now."""

        def run() -> None:
            try:
                body()
            except Crash:
                self.note(f"{name} died with its process")
            except Violation as violation:
                self.violation = self.violation or violation
            except BaseException as error:  # an error that the product does not expect is a finding
                if isinstance(error, greenlet.GreenletExit):
                    raise
                broken = Violation(f"{name} raised {type(error).__name__}: {error}")
                broken.__cause__ = error
                self.violation = self.violation or broken
            finally:
                self.alive -= 1

        self.alive += 1
        invocation = Invocation(run, name, instance)
        self.after(0.0, invocation.switch)

    def pause(self, seconds: float) -> None:
        """Give way for some time; a process that died meanwhile does not come back."""
        me = greenlet.getcurrent()
        if not isinstance(me, Invocation):
            return  # the world itself, or a test, looks at its twins
        if me.instance.is_dead:
            raise Crash
        self.after(seconds, me.switch)
        self._hub.switch()
        if me.instance.is_dead:
            raise Crash

    @property
    def invocation(self) -> Invocation | None:
        """The invocation that is running, if any is."""
        me = greenlet.getcurrent()
        return me if isinstance(me, Invocation) else None

    @property
    def instance(self) -> Instance | None:
        """The process that is running, if any is."""
        return self.invocation.instance if self.invocation else None

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self, until_s: float) -> None:
        """Let everything happen that happens before a time.

        Raises:
            Violation: the first one, at once.
        """
        self._hub = greenlet.getcurrent()
        while self._heap and self._heap[0][0] <= until_s:
            when, _, what = heapq.heappop(self._heap)
            self.now_s = when
            what()
            self._events += 1
            if self.violation is not None:
                raise self.violation
            if self._events > self.events_max:
                msg = f"{self._events} events and no end"
                raise TooLong(msg)
        self.now_s = max(self.now_s, until_s)

    # -- trace --------------------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A line of the trace; its digest is what two equal simulations have in common."""
        line = f"{self.now_s:.6f} {text}"
        self._digest.update(line.encode(errors="surrogatepass"))
        if self.is_tracing:
            self.trace.append(line)

    @property
    def digest(self) -> str:
        """Digest of the whole trace."""
        return self._digest.hexdigest()


class TrueClock:
    """The services' own clock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now(self) -> datetime:
        """The true time."""
        return self._kernel.true_now()


class SkewedClock:
    """The clock of whichever process asks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now(self) -> datetime:
        """The true time and the process's error."""
        instance = self._kernel.instance
        skew = instance.skew_s if instance else 0.0
        return START + timedelta(seconds=self._kernel.now_s + skew)
