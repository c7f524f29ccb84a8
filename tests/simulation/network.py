"""The way to every port: here calls take time, and here they go wrong.

A call is sent, applied and answered; another invocation may act between any two of these.  What can go wrong: the process dies
before or after, stands still for any time, is refused, or its request is applied and the answer lost, or is applied
long after everybody gave up.
"""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, BinaryIO, NamedTuple

from shared.core.errors import (
    FinetuneError,
    OutcomeUnknown,
    QuotaExhausted,
    Refused,
    StartWindowPassed,
    Throttled,
    Unauthorized,
    Unavailable,
)
from shared.core.run import DatasetRef
from shared.ports import PoisonMessage
from tests.simulation.kernel import Crash, Kernel


class Kind(Enum):
    """What a call does."""

    READ = "read"
    WRITE = "write"
    """Changes state; repeating it is harmless."""
    CREATE = "create"
    """Changes state; repeating it is not harmless."""


R, W, C = Kind.READ, Kind.WRITE, Kind.CREATE

#: port -> (service, method -> kind)
PORTS: dict[str, tuple[str, dict[str, Kind]]] = {
    "runs": ("tables", {"load": R, "insert": W, "replace": W, "history": R}),
    "index": ("tables", {"announce": W, "project": W, "active": R, "newest": R}),
    "claims": ("tables", {"holder": R, "take": W}),
    "pipelines": (
        "tables",
        {
            "champion": R,
            "previous": R,
            "promote": W,
            "committed": R,
            "commit": W,
            "look": W,
            "coming_look": R,
        },
    ),
    "datasets": ("blobs", {"properties": R, "chunks": R, "changed_since": R}),
    "pipeline_files": ("blobs", {"read": R, "read_text": R, "names": R}),
    "artifacts": ("blobs", {"read": R, "write": W, "open": R, "names": R}),
    "files": ("foundry", {"named": R, "count": R, "upload": C, "delete": W, "content": R}),
    "trainer": (
        "foundry",
        {"jobs": R, "job": R, "has_model": R, "create": C, "cancel": W, "events": R, "checkpoints": R},
    ),
    "inference": ("foundry", {"answer": R}),
    "deployer": ("arm", {"deployment": R, "put": W, "delete": W}),
}

#: Everything that can go wrong with a call, by name.
WAYS = (
    "dies before",
    "dies after",
    "unavailable",
    "throttled",
    "throttled with Retry-After",
    "unauthorized",
    "quota exhausted",
    "refused",
    "answer lost",
    "applied late",
    "stall",
)

#: What nobody foresaw: the call, or what reads its answer, raises anything at all.
STRANGE_WAYS = ("raises before", "raises after")


class Strange(Exception):
    """Nobody foresaw this one; it is of some other kind too, which the product may know for its own purposes."""


STRANGE: tuple[type[Strange], ...] = tuple(
    type(f"Strange{kind.__name__}", (Strange, kind), {})
    for kind in (ValueError, KeyError, TypeError, AssertionError, OverflowError, RecursionError, OSError)
)


def strange(rng: random.Random, where: str) -> Strange:
    """Any exception."""
    return rng.choice(STRANGE)(f"{where}: nobody foresaw this: a row of the \x1b[31mdataset\n")


#: Longest pause that a throttled answer asks for, in seconds.
RETRY_AFTER_MAX_S = 120.0
#: What the adapters write as read, compare, write: the twins do it in one.
_CONDITIONAL = frozenset(
    {"index.project", "claims.take", "pipelines.promote", "pipelines.commit", "pipelines.look"}
)


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How bad the world is in one simulation."""

    rate: float = 0.0
    """Chance that a call goes wrong."""
    ways: tuple[str, ...] = ()
    """In which ways."""
    stall_rate: float = 0.0
    stall_max_s: float = 3000.0
    until_s: float = 0.0
    """From then on nothing goes wrong any more."""
    late_max_s: float = 3000.0
    latency_s: tuple[float, float] = (0.01, 0.6)
    request_max_s: float = 29.0
    hot: frozenset[str] = frozenset()
    """Calls that go wrong, and at which workers stand still, far more often."""
    hot_stall_rate: float = 0.2
    outages: tuple[tuple[str, float, float, str], ...] = ()
    """(service, from, to, way): all its calls go wrong in that way."""
    raising: float = 0.0
    """Chance that a look, a decision or an effect raises anything at all, beside its calls."""
    broken: frozenset[tuple[str, str]] = frozenset()
    """(status, "look" | "decision" | "effect"): it always raises there."""


class Call(NamedTuple):
    """A call that was made, and the status that the only run had when it was sent; none before there is one."""

    label: str
    kind: Kind
    status: str


@dataclass
class Network:
    """All calls to the world."""

    kernel: Kernel
    weather: Weather
    plan: dict[int, str] = field(default_factory=dict)
    """Call number -> the way in which just this call goes wrong."""
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    recorded: list[Call] = field(default_factory=list)
    is_recording: bool = False
    kill: Callable[[], None] = lambda: None
    status: Callable[[], str] = lambda: ""
    _written: Counter[str] = field(default_factory=Counter)

    def call(
        self,
        service: str,
        label: str,
        kind: Kind,
        apply: Callable[[], Any],
        not_after: Callable[[], None] | None = None,
    ) -> Any:
        """One call: send, apply, answer; each may go wrong."""
        kernel, rng = self.kernel, self.kernel.rng
        if kernel.invocation is None:
            return apply()  # the simulation itself looks
        self.calls += 1
        kernel.invocation.calls += 1
        number = self.calls
        if self.is_recording:
            self.recorded.append(Call(label, kind, self.status()))
        way = self._way(number, service, kind, label)
        kernel.note(f"{number} {label} {way or ''}")
        self._stall(label)
        if way == "dies before":
            self._die(way)
        if way == "raises before":
            self.faults[way] += 1
            raise strange(rng, label)
        if not_after is not None:
            not_after()
        low, high = self.weather.latency_s
        kernel.pause(self._flight(low, high))
        if way in _ERRORS:
            self.faults[way] += 1
            raise _ERRORS[way](rng.uniform(1, RETRY_AFTER_MAX_S), label)
        if way == "applied late":
            self.faults[way] += 1
            kernel.after(
                rng.uniform(1.0, self.weather.late_max_s),
                lambda: self._late(apply, label, self._written[label]),
            )
            raise _lost(kind, label)
        if kind is W:
            self._written[label] += 1
        try:
            answer = apply()
        except FinetuneError as error:
            kernel.note(f"{number} answered {error.code}")
            kernel.pause(rng.uniform(low, high))
            raise
        kernel.pause(rng.uniform(low, high))
        if way == "dies after":
            self._die(way)
        if way == "raises after":
            self.faults[way] += 1
            raise strange(rng, label)
        if way == "answer lost":
            self.faults[way] += 1
            raise _lost(kind, label)
        self._stall(label)
        return answer

    def _late(self, apply: Callable[[], Any], label: str, written: int) -> None:
        """A request arrives after everybody gave up.  Rows are written on the condition that nobody wrote meanwhile."""
        if label in _CONDITIONAL and self._written[label] != written:
            return
        with suppress(FinetuneError):
            apply()
            self.kernel.note(f"late {label}")

    def _flight(self, low: float, high: float) -> float:
        """Most requests are quick; a few take as long as their time-out allows."""
        rng = self.kernel.rng
        return (
            rng.uniform(high, self.weather.request_max_s) if rng.random() < 0.02 else rng.uniform(low, high)
        )

    def _way(self, number: int, service: str, kind: Kind, label: str) -> str | None:
        if number in self.plan:
            return self.plan[number]
        weather, now = self.weather, self.kernel.now_s
        for name, begin, end, way in weather.outages:
            if name in {service, "all"} and begin <= now < end:
                self.faults[f"outage of {service}"] += 1
                return way
        rate = (
            weather.rate if kind is not C else min(0.4, 4 * weather.rate)
        )  # rare calls, on which most depends
        if label in weather.hot:
            rate = 0.4
        if now >= weather.until_s or not weather.ways or self.kernel.rng.random() >= rate:
            return None
        way = self.kernel.rng.choice(weather.ways)
        if way == "applied late" and kind is Kind.READ:
            return "unavailable"
        if way == "refused" and not (kind is Kind.CREATE or service == "arm"):
            return "throttled"
        if way in {"quota exhausted", "unauthorized"} and service in {"tables", "blobs"}:
            return "unavailable"
        return way

    def _stall(self, label: str) -> None:
        """The worker stands still: a paused machine, a stopped thread."""
        weather, rng = self.weather, self.kernel.rng
        rate = weather.hot_stall_rate if label in weather.hot else weather.stall_rate
        if rate and self.kernel.now_s < weather.until_s and rng.random() < rate:
            self.faults["stall"] += 1
            self.kernel.pause(rng.choice((rng.uniform(5, 90), rng.uniform(60, weather.stall_max_s))))

    def _die(self, way: str) -> None:
        self.faults[way] += 1
        self.kill()
        raise Crash


def _lost(kind: Kind, label: str) -> FinetuneError:
    error = OutcomeUnknown if kind is Kind.CREATE else Unavailable
    return error(f"{label}: the answer was lost")


_ERRORS: dict[str, Callable[[float, str], FinetuneError]] = {
    "unavailable": lambda _, what: Unavailable(f"{what}: HTTP 503"),
    "throttled": lambda _, what: Throttled(f"{what}: HTTP 429"),
    "throttled with Retry-After": lambda wait, what: Throttled(f"{what}: HTTP 429", retry_after_s=wait),
    "unauthorized": lambda _, what: Unauthorized(f"{what}: HTTP 403"),
    "quota exhausted": lambda _, what: QuotaExhausted(f"{what}: quota"),
    "refused": lambda _, what: Refused(f"{what}: HTTP 400"),
}


class Port:
    """A port as the product sees it: the twin behind the network."""

    def __init__(self, network: Network, name: str, twin: Any) -> None:
        service, methods = PORTS[name]
        for method, kind in methods.items():
            if not hasattr(type(self), method):
                setattr(
                    self, method, _through(network, service, f"{name}.{method}", kind, getattr(twin, method))
                )
        self.network, self.name, self.service, self.twin = network, name, service, twin


def _through(network: Network, service: str, label: str, kind: Kind, method: Callable[..., Any]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return network.call(service, label, kind, lambda: method(*args, **kwargs))

    return call


class IndexPort(Port):
    """Table `index`."""

    def ticked(self, version: str, at: datetime) -> None:
        """See `ports.RunIndex`.  Nothing follows from it, and its failure is none of a tick: it meets no weather."""
        self.twin.ticked(version, at)

    def poisoned(self, message: PoisonMessage) -> None:
        """See `ports.RunIndex`.  Likewise: nothing follows from it."""
        self.twin.poisoned(message)


class DatasetPort(Port):
    """Container `datasets`: each chunk and each listing is a call."""

    def chunks(self, name: str, etag: str) -> Iterator[bytes]:
        """See `ports.DatasetSource`."""
        parts = self.twin.chunks(name, etag)
        while True:
            part = self.network.call("blobs", "datasets.chunks", R, lambda: next(parts, None))
            if part is None:
                return
            yield part

    def changed_since(self, since: datetime) -> Iterator[list[DatasetRef]]:
        """See `ports.DatasetSource`."""
        yield from self.network.call(
            "blobs", "datasets.changed_since", R, lambda: list(self.twin.changed_since(since))
        )


class ArtifactPort(Port):
    """Container `artifacts`: a stream is read before it is sent, since it is closed when a late request arrives."""

    def write(self, name: str, data: bytes | BinaryIO, content_type: str) -> None:
        """See `ports.Artifacts`."""
        raw = data if isinstance(data, bytes) else data.read()
        label = f"artifacts.write {name[25:]}"
        self.network.call("blobs", label, W, lambda: self.twin.write(name, raw, content_type))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """See `ports.Artifacts`."""

        def copy() -> bytes:
            with self.twin.open(name) as content:
                return content.read()

        raw = self.network.call("blobs", "artifacts.open", R, copy)
        yield io.BytesIO(raw)


class CreatingPort(Port):
    """Foundry's files and jobs: the start window is checked when the request is sent, not when it arrives."""

    def _create(self, label: str, not_after: datetime, apply: Callable[[], Any]) -> Any:
        def check() -> None:
            if self.clock.now() > not_after:
                raise StartWindowPassed

        return self.network.call("foundry", label, C, apply, check)

    clock: Any = None
    far: datetime


class FilesPort(CreatingPort):
    """Files in Foundry."""

    def upload(self, filename: str, content: BinaryIO, not_after: datetime) -> Any:
        """See `ports.Files`."""
        raw = content.read()
        apply = lambda: self.twin.upload(filename, io.BytesIO(raw), self.far)  # noqa: E731
        return self._create("files.upload", not_after, apply)


class TrainerPort(CreatingPort):
    """Jobs in Foundry."""

    def create(self, body: dict[str, Any], not_after: datetime) -> Any:
        """See `ports.Trainer`."""
        return self._create("trainer.create", not_after, lambda: self.twin.create(body, self.far))


PORT_CLASSES: dict[str, type[Port]] = {
    "index": IndexPort,
    "datasets": DatasetPort,
    "artifacts": ArtifactPort,
    "files": FilesPort,
    "trainer": TrainerPort,
}
