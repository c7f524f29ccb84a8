"""Faults on demand: what a fault is, and which requests it befalls.

Whether a fault befalls the n-th request that it selects follows from its seed and from n alone: the same faults and the same
requests are the same sequence, also across a restart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, cast

#: Any of these can be a value that a client gives.
_Number = int | float


@dataclass(frozen=True, slots=True)
class _Option:
    """A value that a fault takes."""

    default: Any
    kind: type | Any
    least: float = 0.0
    most: float = 86_400.0 * 366

    def problem(self, name: str, value: Any) -> str | None:
        """What is wrong with a value, if anything."""
        if value is None and self.default is None:
            return None
        if not isinstance(value, self.kind) or (isinstance(value, bool) and self.kind is not bool):
            return f"{name} must be {_NAMES[self.kind]}"
        if isinstance(value, _Number) and not self.least <= value <= self.most:
            return f"{name} must be {self.least:g} to {self.most:g}"
        return None


_NAMES: Final[dict[Any, str]] = {
    int: "a whole number",
    int | float: "a number",
    str: "text",
    bool: "true or false",
}
_MANY: Final = 10**9
_STATUS: Final = (400, 599)
_IS_APPLIED: Final = {"is_applied": _Option(default=False, kind=bool)}
#: What every fault takes.
_COMMON: Final = {
    "method": _Option("*", str),
    "path": _Option("*", str),
    "count": _Option(None, int, 1, _MANY),
    "skip": _Option(0, int, 0, _MANY),
    "every": _Option(1, int, 1, _MANY),
    "probability": _Option(1.0, _Number, 0, 1),
    "seed": _Option(0, int, -_MANY, _MANY),
}
#: Kind -> what it takes beside that.  A value without a default of its own kind may be null.
_KINDS: Final[dict[str, dict[str, _Option]]] = {
    "status": {
        "status": _Option(503, int, *_STATUS),
        "code": _Option(None, str),
        "message": _Option("A fault on demand.", str),
        "retry_after_s": _Option(None, _Number),
        "retry_after_ms": _Option(None, _Number),
    }
    | _IS_APPLIED,
    "html": {"status": _Option(502, int, 200, 599)} | _IS_APPLIED,
    "reset": _IS_APPLIED,
    "slow": {
        "first_byte_s": _Option(0.0, _Number),
        "drip_s": _Option(0.0, _Number),
        "drip_bytes": _Option(16, int, 1, _MANY),
    },
    "truncated": {"share": _Option(0.5, _Number, 0, 0.999)},
    "late": {"after_s": _Option(5.0, _Number), "status": _Option(None, int, *_STATUS)},
    "lag": {"hidden_s": _Option(None, _Number), "hidden_reads": _Option(None, int, 1, _MANY)},
}
KINDS: Final = tuple(_KINDS)


class NoFault(ValueError):
    """What was asked for is no fault; the message says why."""


@dataclass(slots=True)
class Fault:
    """A fault, and how often it was met."""

    number: int
    kind: str
    given: dict[str, Any]
    """Every value that its kind takes."""
    seen: int = 0
    """Requests that it selects, since it was asked for."""
    fired: int = 0
    """Requests that it befell."""

    @classmethod
    def read(cls, number: int, body: dict[str, Any]) -> Fault:
        """The fault that a client asks for.

        Raises:
            NoFault: it asks for none.
        """
        kind = body.get("kind")
        if kind not in _KINDS:
            msg = f"kind must be one of {', '.join(KINDS)}"
            raise NoFault(msg)
        known = _COMMON | _KINDS[kind]
        if unknown := sorted(set(body) - set(known) - {"kind"}):
            msg = f"a {kind} fault takes no {', '.join(unknown)}"
            raise NoFault(msg)
        given = {name: body.get(name, option.default) for name, option in known.items()}
        for name, option in known.items():
            if problem := option.problem(name, given[name]):
                raise NoFault(problem)
        if kind == "lag" and given["hidden_s"] is None and given["hidden_reads"] is None:
            msg = "a lag fault takes hidden_s, hidden_reads or both"
            raise NoFault(msg)
        return cls(number, kind, given)

    @property
    def is_spent(self) -> bool:
        """Whether it befalls no request any more."""
        count = self.given["count"]
        return count is not None and self.fired >= count

    def selects(self, method: str, path: str) -> bool:
        """Whether it is about such a request; `*` in its path stands for anything, slashes too."""
        return self.given["method"].upper() in {"*", method} and fnmatchcase(path, self.given["path"])

    def befalls(self) -> bool:
        """Whether it befalls the request that it has seen last."""
        place = self.seen - 1 - self.given["skip"]
        if self.is_spent or place < 0 or place % self.given["every"]:
            return False
        drawn = random.Random(f"{self.given['seed']}:{self.seen}").random()  # a sequence, no secret
        return drawn < cast("float", self.given["probability"])

    def show(self) -> dict[str, Any]:
        """The fault as the control API answers."""
        return {
            "id": self.number,
            "kind": self.kind,
            **self.given,
            "seen": self.seen,
            "fired": self.fired,
            "is_spent": self.is_spent,
        }


@dataclass(frozen=True, slots=True)
class Chosen:
    """What befalls one request: at most one fault of its answer, and at most one lag of what it makes."""

    answer: Fault | None = None
    lag: Fault | None = None
    touched: list[Fault] = field(default_factory=list)
    """Faults that have seen it."""

    @property
    def numbers(self) -> list[int]:
        """Of the faults that befell it."""
        return [fault.number for fault in (self.answer, self.lag) if fault is not None]


def choose(faults: list[Fault], method: str, path: str) -> Chosen:
    """What befalls a request: of the faults that would, the one that was asked for first."""
    touched = [fault for fault in faults if fault.selects(method, path)]
    found: dict[bool, Fault] = {}
    for fault in touched:
        fault.seen += 1
        is_lag = fault.kind == "lag"
        if is_lag not in found and fault.befalls():
            fault.fired += 1
            found[is_lag] = fault
    return Chosen(found.get(False), found.get(True), touched)
