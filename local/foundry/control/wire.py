"""What a good HTTP server does not do, on purpose: resets, answers that are cut off, and answers that drip."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT: Final = "local.transport"
_LINGER_NONE: Final = struct.pack("ii", 1, 0)  # closing then discards unsent data and resets the connection


class Protocol(H11Protocol):
    """uvicorn's protocol, which also gives the app the connection of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Called by asyncio for each connection."""
        super().connection_made(transport)
        app: Callable[..., Any] = self.app

        async def shown(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = shown


@dataclass(slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it as it is."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    async def drip(self, send: Send, size: int, pause_s: float) -> None:
        """Send it in parts of so many bytes, with pauses between them."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for start in range(0, len(self.body), size):
            await asyncio.sleep(pause_s if start else 0)
            await send(
                {"type": "http.response.body", "body": self.body[start : start + size], "more_body": True}
            )
        await send({"type": "http.response.body"})

    async def cut(self, scope: Scope, receive: Receive, send: Send, share: float) -> None:
        """Announce the whole length, send a share of it, and close the connection."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._with_length()})
        part = self.body[: int(len(self.body) * share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        transport = _transport(scope)
        if transport is not None:
            transport.close()
            await _gone(receive)

    def _with_length(self) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        return [*kept, (b"content-length", str(max(1, len(self.body))).encode())]


def _transport(scope: Scope) -> asyncio.Transport | None:
    found: asyncio.Transport | None = scope.get("extensions", {}).get(_TRANSPORT)
    return found


async def _gone(receive: Receive) -> None:
    """Wait until the server knows that the connection is closed; otherwise it would report an answer without an end."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection of a request.

    Raises:
        RuntimeError: the server does not use `Protocol`.
    """
    transport = _transport(scope)
    if transport is None:
        msg = "the server in use does not show its connections"
        raise RuntimeError(msg)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    transport.abort()
    await _gone(receive)


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def ask(app: ASGIApp, scope: Scope, body: bytes) -> Answer:
    """The whole answer of an app to a request."""
    answer = Answer(500, [], b"")
    parts: list[bytes] = []
    is_read = False

    async def receive() -> Message:
        nonlocal is_read
        if is_read:
            await asyncio.Event().wait()  # nobody disconnects
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    answer.body = b"".join(parts)
    return answer
