"""Bounds on answers: how long they may take, and how large they may be.

The clients' time-outs bound each single read from a socket, not a whole answer.  A body that never ends, or that drips, keeps
them busy until the function is killed, or fills the memory (measured with the fault server of the tests).  The transports here
give up on both, with errors that the clients know already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpx2
from azure.core.pipeline.transport import RequestsTransport
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

#: Far above any answer that is wanted: blocks of 4 MiB, listings of 5,000 blobs, results of a job.
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024


def bounded(
    chunks: Iterator[bytes], *, until: float, bytes_max: int, error: Callable[[str], Exception]
) -> Iterator[bytes]:
    """The chunks of a body while it is neither too long nor too late.

    Args:
        chunks: the body as it comes.
        until: reading of `time.monotonic` after which no chunk is waited for any more.
        bytes_max: longest body.
        error: makes the exception that is raised otherwise, from the reason.
    """
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > bytes_max:
            raise error(f"the body is longer than {bytes_max} bytes")
        if time.monotonic() > until:
            raise error(f"the body did not end in time; {received} bytes came")
        yield chunk


class _BoundedAdapter(HTTPAdapter):
    """Lets no answer go on for ever."""

    def __init__(self, answer_s: float, bytes_max: int) -> None:
        super().__init__(max_retries=0)  # azure-core has retries of its own
        self._answer_s = answer_s
        self._bytes_max = bytes_max

    def send(self, request: PreparedRequest, *given: Any, **options: Any) -> Response:
        """Send the request; the body of the answer is read later, through the bounds."""
        until = time.monotonic() + self._answer_s
        response = super().send(request, *given, **options)
        read = response.raw.stream

        def stream(*amount: Any, **how: Any) -> Iterator[bytes]:
            return bounded(read(*amount, **how), until=until, bytes_max=self._bytes_max, error=ProtocolError)

        response.raw.stream = stream
        if response.headers.get("Content-Length") == "0":
            # Of an empty blob nothing is read, so the connection would stay open until it is collected.
            response.raw.release_conn()
        return response


def bounded_transport(
    *, connect_s: float, read_s: float, answer_s: float, bytes_max: int = ANSWER_BYTES_MAX
) -> RequestsTransport:
    """A transport of azure-core whose answers end.

    Args:
        connect_s: longest wait for a connection.
        read_s: longest silence of the service.
        answer_s: longest life of a request, until the last byte of its answer.
        bytes_max: longest answer.
    """
    session = Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _BoundedAdapter(answer_s, bytes_max))
    return RequestsTransport(
        session=session, session_owner=True, connection_timeout=connect_s, read_timeout=read_s
    )


#: Called just before a request of this context leaves; raises if the request must not leave any more.
_LAST_LOOK: Final[ContextVar[Callable[[], None] | None]] = ContextVar("last_look", default=None)


@contextmanager
def looking_at_the_clock(check: Callable[[], None]) -> Iterator[None]:
    """Call `check` just before a request leaves: since the client was called, a token may have been waited for."""
    given = _LAST_LOOK.set(check)
    try:
        yield
    finally:
        _LAST_LOOK.reset(given)


class _BoundedStream(httpx2.SyncByteStream):
    """A body, of a request or an answer, that ends."""

    def __init__(self, stream: Any, chunks: Iterator[bytes]) -> None:
        self._stream = stream
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if hasattr(self._stream, "close"):
            self._stream.close()


class BoundedTransport(httpx2.BaseTransport):
    """A transport of httpx that lets neither a request nor its answer live longer than its time-outs."""

    def __init__(self, inner: httpx2.BaseTransport, bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._inner = inner
        self._bytes_max = bytes_max

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and read its answer, both at most as long as the client's time-outs of one read and one write."""
        if (check := _LAST_LOOK.get()) is not None:
            check()
        limits = request.extensions.get("timeout", {})
        started = time.monotonic()
        sent = _within(request.stream, started, limits.get("write"), None, httpx2.WriteTimeout)
        bounded_request = httpx2.Request(
            request.method, request.url, headers=request.headers, stream=sent, extensions=request.extensions
        )
        answer = self._inner.handle_request(bounded_request)
        read = _within(answer.stream, started, limits.get("read"), self._bytes_max, httpx2.ReadTimeout)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=read, extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()


def _within(
    stream: Any,
    started: float,
    limit_s: float | None,
    bytes_max: int | None,
    error: Callable[[str], Exception],
) -> _BoundedStream:
    until = started + limit_s if limit_s is not None else float("inf")
    longest = bytes_max if bytes_max is not None else 1 << 62
    return _BoundedStream(stream, bounded(iter(stream), until=until, bytes_max=longest, error=error))
