"""A client of the app's HTTP API: each operation is a method of the same name, and answers have the types of the app.

A test compares it with the description of the API (docs/openapi.json).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from cli.sending import LOCAL, Reply, Send, Unreachable, send_by_http, status_in_words
from shared.core import served
from shared.version import VERSION

#: So often a request is sent: each is safe to repeat, a POST by its `Idempotency-Key`.
_TRIES: Final = 4
#: Longest pause between two of them, in seconds, whatever the app asks for.
_PAUSE_MAX_S: Final = 60.0
_SHAPES: Final = (
    *(served.Runs, served.Run, served.History, served.Accepted, served.Rejudged, served.Decided),
    *(served.Pipelines, served.Pipeline, served.Waiting, served.Decisions, served.Health),
)
_DECODERS: Final[dict[type, Callable[[bytes], Any]]] = {
    shape: msgspec.json.Decoder(shape).decode for shape in _SHAPES
}
_decode_problem: Final = msgspec.json.Decoder(served.Problem).decode


class ApiError(Exception):
    """The app, or what stands in front of it, refused.

    Attributes:
        status: of the answer.
        problem: what the app said; None if the answer is not the app's own, such as that of the sign-in.
        head: what happened, without what to do.
    """

    def __init__(self, status: int, problem: served.Problem | None) -> None:
        self.head = f"{status} {status_in_words(status)}"
        if problem:
            self.head = f"{status} {problem.code}: {problem.detail.removesuffix('.')}."
        super().__init__(f"{self.head} {problem.remedy}" if problem else self.head)
        self.status, self.problem = status, problem


class NewerRelease(Exception):
    """The app answered otherwise than this client knows: one of the two is of another release."""


class Page(Protocol):
    """A page of a list."""

    @property
    def next(self) -> str | None:
        """`after` of the next page; None at the end."""


class Client:
    """Asks an app.

    Args:
        url: of the app, such as `https://NAME.azurewebsites.net`; without TLS on this machine only.
        token: gives an access token for the app, before each request.
        send: how requests are sent.
        pause: waits so many seconds before a request is sent once more.

    Raises:
        ValueError: the address is none that a token may be sent to.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        send: Send = send_by_http,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
        ):
            msg = f"{url} is not an https address"
            raise ValueError(msg)
        self._url, self._token, self._send, self._pause = url.rstrip("/"), token, send, pause

    def list_runs(
        self, *, pipeline: str | None = None, limit: int | None = None, after: str | None = None
    ) -> served.Runs:
        """The newest runs."""
        return self._get(served.Runs, "/api/runs", pipeline=pipeline, limit=limit, after=after)

    def get_run(self, run_id: str) -> served.Run:
        """Everything about a run."""
        return self._get(served.Run, f"/api/runs/{_part(run_id)}")

    def get_history(
        self, run_id: str, *, kind: str | None = None, limit: int | None = None, after: str | None = None
    ) -> served.History:
        """A run's history."""
        path = f"/api/runs/{_part(run_id)}/history"
        return self._get(served.History, path, kind=kind, limit=limit, after=after)

    def get_artifact(self, run_id: str, name: str) -> bytes:
        """The bytes of an artifact."""
        return self._answer("GET", f"/api/runs/{_part(run_id)}/artifacts/{quote(name)}")

    def cancel_run(self, run_id: str, *, comment: str = "") -> served.Accepted:
        """Stop a run."""
        return self._post(
            served.Accepted, f"/api/runs/{_part(run_id)}/cancel", served.WishRequest(comment=comment)
        )

    def retry_run(self, run_id: str, *, comment: str = "") -> served.Accepted:
        """Put a failed run back to work."""
        return self._post(
            served.Accepted, f"/api/runs/{_part(run_id)}/retry", served.WishRequest(comment=comment)
        )

    def rejudge_run(self, run_id: str, *, comment: str = "") -> served.Rejudged:
        """Judge a run again by the pipeline file of today."""
        return self._post(
            served.Rejudged, f"/api/runs/{_part(run_id)}/rejudge", served.WishRequest(comment=comment)
        )

    def decide_gate(
        self, run_id: str, gate: str, *, decision: served.Said, digest: str, comment: str = ""
    ) -> served.Decided:
        """Approve, reject, withdraw or hold."""
        body = served.GateRequest(decision=decision, digest=digest, comment=comment)
        return self._post(served.Decided, f"/api/runs/{_part(run_id)}/gates/{_part(gate)}", body)

    def list_pipelines(self, *, limit: int | None = None, after: str | None = None) -> served.Pipelines:
        """The pipelines with their champions."""
        return self._get(served.Pipelines, "/api/pipelines", limit=limit, after=after)

    def get_pipeline(self, name: str) -> served.Pipeline:
        """Which deployment clients should use."""
        return self._get(served.Pipeline, f"/api/pipelines/{_part(name)}")

    def list_waiting(self, *, limit: int | None = None, after: str | None = None) -> served.Waiting:
        """The runs that wait for a person."""
        return self._get(served.Waiting, "/api/waiting", limit=limit, after=after)

    def list_decisions(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> served.Decisions:
        """What people decided from `since` on and before `until`."""
        query = {"from": since, "to": until, "limit": limit, "after": after}
        return self._get(served.Decisions, "/api/decisions", **query)

    def health(self) -> served.Health:
        """What is missing, if anything is."""
        return self._get(served.Health, "/api/health")

    def get_openapi(self) -> Any:
        """The description of the API, as JSON."""
        return msgspec.json.decode(self._answer("GET", "/api/openapi.json"))

    def _get[T](self, shape: type[T], path: str, **query: str | int | None) -> T:
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return _decoded(shape, self._answer("GET", f"{path}?{asked}" if asked else path))

    def _post[T](self, shape: type[T], path: str, body: msgspec.Struct) -> T:
        return _decoded(shape, self._answer("POST", path, msgspec.json.encode(body)))

    def _answer(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {
            "User-Agent": f"foundry-finetune/{VERSION}"
        }  # no browser, which would be sent to the sign-in
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        is_health = path == "/api/health"
        for tried in range(1, _TRIES + 1):
            is_last = tried == _TRIES
            try:
                given = headers | {"Authorization": f"Bearer {self._token()}"}
                reply = self._send(method, self._url + path, given, body)
            except Unreachable:
                if is_last:
                    raise
                self._pause(2.0 ** (tried - 1))
                continue
            if reply.status < 300 or (is_health and reply.status == 503 and reply.body.startswith(b"{")):
                return reply.body
            problem = _problem(reply)
            if is_last or not _is_passing(reply.status, problem):
                raise ApiError(reply.status, problem)
            self._pause(min(reply.retry_after_s or 2.0 ** (tried - 1), _PAUSE_MAX_S))
        raise AssertionError  # pragma: no cover  the last try returns or raises


def _problem(reply: Reply) -> served.Problem | None:
    try:
        return _decode_problem(reply.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _is_passing(status: int, problem: served.Problem | None) -> bool:
    """Whether the same request may be answered otherwise in a moment."""
    if problem is not None and problem.code == "still_running":
        return True
    return status in {429, 503, 504} or (status == 502 and problem is None)


def pages[P: Page](ask: Callable[[str | None], P]) -> Iterator[P]:
    """All pages of a list: `pages(lambda after: client.list_runs(after=after))`.  One may be empty although others follow."""
    page = ask(None)
    yield page
    while page.next is not None:
        page = ask(page.next)
        yield page


def _part(text: str) -> str:
    return quote(text, safe="")


def _decoded[T](shape: type[T], raw: bytes) -> T:
    try:
        decoded: T = _DECODERS[shape](raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"the app answers as another release than {VERSION} does: {error}"
        raise NewerRelease(msg) from error
    return decoded
