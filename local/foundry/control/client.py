"""The control API in Python, for tests and scripts."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

_TIMEOUT_S: Final = 10.0


class ControlError(Exception):
    """The control API refused a call; the message is its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ControlClient:
    """Clock, faults and requests of a running stand-in."""

    def __init__(self, endpoint: str, key: str, ca_bundle: str) -> None:
        self._endpoint, self._key = endpoint, key
        context = ssl.create_default_context(cafile=ca_bundle)
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(
            *handlers
        )  # without the proxy that the environment may name

    @classmethod
    def of(cls, ready: dict[str, str]) -> ControlClient:
        """The client for a stand-in that was started with `--control`, from its line of JSON."""
        return cls(ready["control_endpoint"], ready["control_key"], ready["ca_bundle"])

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call; None if its answer is empty.

        Raises:
            ControlError: it was refused.
        """
        request = urllib.request.Request(
            f"{self._endpoint}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Control-Key": self._key, "Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ControlError(error.code, error.read().decode(errors="replace")) from None
        return json.loads(raw) if raw else None

    def now(self) -> float:
        """The stand-in's time, in seconds since 1970."""
        return float(self.call("GET", "clock")["now"])

    def advance(self, seconds: float) -> float:
        """Step the clock forward; the time after that."""
        return float(self.call("POST", "clock", {"advance_s": seconds})["now"])

    def set_rate(self, rate: float) -> None:
        """Let so many seconds pass per real second; 0 makes the clock stand still."""
        self.call("POST", "clock", {"rate": rate})

    def add_fault(self, kind: str, **given: Any) -> int:
        """Add a fault; its number."""
        return int(self.call("POST", "faults", {"kind": kind} | given)["id"])

    def fault(self, number: int) -> dict[str, Any]:
        """A fault, with how often it was seen and fired."""
        return dict(self.call("GET", f"faults/{number}"))

    def faults(self) -> list[dict[str, Any]]:
        """All faults."""
        return list(self.call("GET", "faults")["data"])

    def waiting(self) -> int:
        """How many late requests have not been applied yet."""
        return int(self.call("GET", "faults")["waiting"])

    def remove_fault(self, number: int) -> None:
        """Remove a fault."""
        self.call("DELETE", f"faults/{number}")

    def remove_faults(self) -> None:
        """Remove all faults."""
        self.call("DELETE", "faults")

    def retire(self, model: str, **dates: str) -> None:
        """Set from which days on a model is not offered any more; see `local.foundry.common.offer`."""
        self.call("POST", f"retirements/{urllib.parse.quote(model)}", dates)

    def refuse(self, path: str, status: int = 403) -> int:
        """Refuse what is asked at a path; the number of the fault."""
        return self.add_fault("status", status=status, path=path)

    def requests(self, after: int = 0, *, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """The requests after a number, oldest first; only those with a method and an end of their path, if given."""
        query = urllib.parse.urlencode({"after": after})
        found = self.call("GET", f"requests?{query}")["data"]
        return [one for one in found if method in {"", one["method"]} and one["path"].endswith(path)]

    def last_request(self) -> int:
        """The number of the last request, for `requests(after=...)`; 0 if there is none."""
        found = self.requests()
        return int(found[-1]["number"]) if found else 0
