"""Faults on demand: what a fault is, and which requests it hits.

Whether a fault hits the n-th request that it selects depends on its seed and on n, and on nothing else.  The same requests meet
the same faults again, also across a restart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, cast

#: The types of a number from a client.
_Number = int | float


@dataclass(frozen=True, slots=True)
class _Option:
    """A setting of a fault."""

    default: Any
    kind: type | Any
    least: float = 0.0
    most: float = 86_400.0 * 366

    def problem(self, name: str, value: Any) -> str | None:
        """What is wrong with a value; None if nothing is."""
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
#: The settings of every fault.
_COMMON: Final = {
    "method": _Option("*", str),
    "path": _Option("*", str),
    "count": _Option(None, int, 1, _MANY),
    "skip": _Option(0, int, 0, _MANY),
    "every": _Option(1, int, 1, _MANY),
    "probability": _Option(1.0, _Number, 0, 1),
    "seed": _Option(0, int, -_MANY, _MANY),
}
#: Kind -> the settings that it takes in addition.  Those with the default None may be null.
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


class NotAFault(ValueError):
    """What was asked for is not a fault; the message says why."""


@dataclass(slots=True)
class Fault:
    """A fault, and how often it fired."""

    number: int
    kind: str
    given: dict[str, Any]
    """Its settings, with all defaults."""
    seen: int = 0
    """How many requests it has selected."""
    fired: int = 0
    """How many requests it has hit."""

    @classmethod
    def read(cls, number: int, body: dict[str, Any]) -> Fault:
        """The fault that a client asks for.

        Raises:
            NotAFault: the settings are wrong.
        """
        kind = body.get("kind")
        if kind not in _KINDS:
            msg = f"kind must be one of {', '.join(KINDS)}"
            raise NotAFault(msg)
        known = _COMMON | _KINDS[kind]
        if unknown := sorted(set(body) - set(known) - {"kind"}):
            msg = f"a {kind} fault takes no {', '.join(unknown)}"
            raise NotAFault(msg)
        given = {name: body.get(name, option.default) for name, option in known.items()}
        for name, option in known.items():
            if problem := option.problem(name, given[name]):
                raise NotAFault(problem)
        if kind == "lag" and given["hidden_s"] is None and given["hidden_reads"] is None:
            msg = "a lag fault takes hidden_s, hidden_reads or both"
            raise NotAFault(msg)
        return cls(number, kind, given)

    @property
    def is_spent(self) -> bool:
        """Whether it will hit no further request."""
        count = self.given["count"]
        return count is not None and self.fired >= count

    def selects(self, method: str, path: str) -> bool:
        """Whether it selects such a request; `*` in its path stands for anything, also for slashes."""
        return self.given["method"].upper() in {"*", method} and fnmatchcase(path, self.given["path"])

    def hits(self) -> bool:
        """Whether it hits the request that it has just selected."""
        place = self.seen - 1 - self.given["skip"]
        if self.is_spent or place < 0 or place % self.given["every"]:
            return False
        drawn = random.Random(
            f"{self.given['seed']}:{self.seen}"
        ).random()  # it must repeat, and is not a secret
        return drawn < cast("float", self.given["probability"])

    def show(self) -> dict[str, Any]:
        """The fault as the control API answers it."""
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
    """What hits one request: at most one fault of its answer, and at most one lag of what it makes."""

    answer: Fault | None = None
    lag: Fault | None = None
    touched: list[Fault] = field(default_factory=list)
    """All faults that selected it."""

    @property
    def numbers(self) -> list[int]:
        """The numbers of the faults that hit it."""
        return [fault.number for fault in (self.answer, self.lag) if fault is not None]


def choose(faults: list[Fault], method: str, path: str) -> Chosen:
    """What hits a request: of the faults that would, the one that was added first."""
    touched = [fault for fault in faults if fault.selects(method, path)]
    found: dict[bool, Fault] = {}
    for fault in touched:
        fault.seen += 1
        is_lag = fault.kind == "lag"
        if is_lag not in found and fault.hits():
            fault.fired += 1
            found[is_lag] = fault
    return Chosen(found.get(False), found.get(True), touched)
