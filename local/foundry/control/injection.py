"""Makes the faults happen.  It is the outermost layer of the app, and only there if the control API is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.foundry.common import clock
from local.foundry.control.faults import Fault
from local.foundry.control.journal import Entry
from local.foundry.control.state import Control, LateRequest
from local.foundry.control.wire import Answer, ask, read_body, reset

_LOG: Final = logging.getLogger(__name__)
_LOOK_S: Final = 0.05
_REPLAYED: Final = "local.replayed"  # marks a late request, whose fault has happened already
_HTML: Final = b"<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
#: Error codes for faults without one: the data plane's and Resource Manager's.
_CODES: Final = {
    401: ("Unauthorized", "AuthenticationFailed"),
    403: ("PermissionDenied", "AuthorizationFailed"),
    404: ("notFound", "ResourceNotFound"),
    408: ("requestTimeout", "RequestTimeout"),
    409: ("conflict", "RequestConflict"),
    429: ("tooManyRequests", "TooManyRequests"),
    500: ("internalServerError", "InternalServerError"),
    503: ("serviceUnavailable", "ServerTimeout"),
}


class Injector:
    """An ASGI app around another one.  It notes what comes in, and makes faults happen."""

    def __init__(self, app: ASGIApp, control: Control) -> None:
        self._app, self._control = app, control
        self._ways: dict[str, Callable[..., Awaitable[None]]] = {
            "status": self._refuse,
            "html": self._html,
            "reset": self._reset,
            "slow": self._slow,
            "truncated": self._truncated,
            "late": self._late,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or _REPLAYED in scope.get("extensions", ()):
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        entry = self._control.journal.begin(clock.now(), method, path, query, agent)
        chosen = self._control.choose(method, path)
        entry.faults = chosen.numbers

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            await send(message)

        if chosen.answer is None and chosen.lag is None:
            await self._app(scope, _kept(entry, receive), noted)
            entry.route = _route(scope)
            return
        body = await read_body(receive)
        entry.keep(body)
        request = _Request(
            app=self._app,
            control=self._control,
            scope=scope,
            receive=receive,
            send=noted,
            entry=entry,
            body=body,
            lag=chosen.lag,
        )
        if chosen.answer is None:
            await (await request.apply()).send(noted)
        else:
            await self._ways[chosen.answer.kind](request, chosen.answer.given)

    async def _refuse(self, request: _Request, given: dict[str, Any]) -> None:
        await request.apply_if(given["is_applied"])
        await _error(request.scope["path"], given).send(request.send)

    async def _html(self, request: _Request, given: dict[str, Any]) -> None:
        await request.apply_if(given["is_applied"])
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(_HTML)).encode())]
        await Answer(given["status"], headers, _HTML).send(request.send)

    async def _reset(self, request: _Request, given: dict[str, Any]) -> None:
        await request.apply_if(given["is_applied"])
        await reset(request.scope, request.receive)

    async def _slow(self, request: _Request, given: dict[str, Any]) -> None:
        answer = await request.apply()
        await asyncio.sleep(given["first_byte_s"])
        await answer.drip(request.send, given["drip_bytes"] if given["drip_s"] else 2**20, given["drip_s"])

    async def _truncated(self, request: _Request, given: dict[str, Any]) -> None:
        answer = await request.apply()
        await answer.cut(request.scope, request.receive, request.send, given["share"])

    async def _late(self, request: _Request, given: dict[str, Any]) -> None:
        request.entry.is_applied = False
        self._control.postpone(given["after_s"], request.dump(), request.body)
        if given["status"] is None:
            await reset(request.scope, request.receive)
        else:
            await _error(request.scope["path"], given).send(request.send)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A request that a fault has hit."""

    app: ASGIApp
    control: Control
    scope: Scope
    receive: Receive
    send: Send
    entry: Entry
    body: bytes
    lag: Fault | None

    async def apply(self) -> Answer:
        """Let the service apply the request; what it makes is hidden from lists if a lag has hit the request."""
        answer = await ask(self.app, self.scope, self.body)
        self.entry.route = _route(self.scope)
        if self.lag is not None and _has_made(self.scope["method"], answer.status):
            self.control.hide_made(self.lag, self.scope["path"], json.loads(answer.body))
        return answer

    async def apply_if(self, is_applied: bool) -> None:  # noqa: FBT001  # the only argument, named like the method
        """Let the service apply the request, or not; the answer is not used."""
        self.entry.is_applied = is_applied
        if is_applied:
            await self.apply()

    def dump(self) -> dict[str, Any]:
        """What is needed to apply it later."""
        headers = [[part.decode("latin-1") for part in header] for header in self.scope["headers"]]
        kept = {name: self.scope[name] for name in ("method", "path", "scheme", "http_version")}
        lag = self.lag.number if self.lag else None
        return kept | {"headers": headers, "query": self.scope["query_string"].decode("latin-1"), "lag": lag}


async def apply_late_requests(app: ASGIApp, control: Control) -> None:
    """Apply late requests when their time comes, until this is cancelled."""
    while True:
        await asyncio.sleep(_LOOK_S)
        while (late := control.take_due()) is not None:
            control.applying += 1  # before the next `await`, so that `waiting` never leaves it out
            try:
                answer = await _replay(app, control, late)
            except Exception:  # noqa: BLE001  # the requests after it must be applied too
                _LOG.exception("a late request failed")
            else:
                _LOG.info(
                    "%s %s was applied late: %s", late.request["method"], late.request["path"], answer.status
                )
            finally:
                control.applying -= 1


async def _replay(app: ASGIApp, control: Control, late: LateRequest) -> Answer:
    kept = late.request
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "root_path": "",
        "raw_path": kept["path"].encode(),
        "client": None,
        "server": None,
        "extensions": {_REPLAYED: {}},
        "query_string": kept["query"].encode("latin-1"),
        "headers": [tuple(part.encode("latin-1") for part in header) for header in kept["headers"]],
        **{name: kept[name] for name in ("method", "path", "scheme", "http_version")},
    }
    answer = await ask(app, scope, late.body)
    lag = control.fault(kept["lag"]) if kept["lag"] is not None else None
    if lag is not None and _has_made(kept["method"], answer.status):
        control.hide_made(lag, kept["path"], json.loads(answer.body))
    return answer


def _has_made(method: str, status: int) -> bool:
    """Whether a request made something new: a POST does, and a PUT that answers 201."""
    return status == 201 or (method == "POST" and status == 200)


def _kept(entry: Entry, receive: Receive) -> Receive:
    async def noted() -> Message:
        message = await receive()
        entry.keep(message.get("body", b""))
        return message

    return noted


def _route(scope: Scope) -> str | None:
    """The template of the route that answered; on the data plane without its prefix."""
    route = scope.get("route")
    return getattr(route, "path", None)


def _error(path: str, given: dict[str, Any]) -> Answer:
    """An error in the shape of the plane that was called."""
    status, is_arm = given["status"], path.startswith(("/subscriptions/", "/operations/"))
    codes = _CODES.get(status, ("fault", "Fault"))
    error: dict[str, Any] = {
        "code": given.get("code") or codes[is_arm],
        "message": given.get("message") or "A fault on demand.",
    }
    if not is_arm:
        error |= {"param": None, "type": "error", "inner_error": None}
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    for name, key in ((b"retry-after", "retry_after_s"), (b"retry-after-ms", "retry_after_ms")):
        if given.get(key) is not None:
            headers.append((name, f"{given[key]:g}".encode()))
    return Answer(status, headers, body)
