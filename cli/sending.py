"""How requests are sent: over TLS, with a time limit, and to nowhere else than where they were meant to go."""

from __future__ import annotations

import functools
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

#: Seconds without a byte after which an app counts as one that does not answer.
_TIMEOUT_S: Final = 60.0
#: This machine: the only one that is asked without TLS, and never through a proxy.
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: of HTTP.
        body: its bytes.
        retry_after_s: seconds that the sender is asked to wait; None if it is not, or by a date.
    """

    status: int
    body: bytes
    retry_after_s: float | None = None


#: Sends a request: method, address, headers, body.
type Send = Callable[[str, str, dict[str, str], bytes | None], Reply]


class Unreachable(Exception):
    """No answer came; whether the request arrived is not known."""


def send_by_http(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Reply:
    """Send a request, once.

    Raises:
        Unreachable: no answer came, or not all of it.
    """
    opener = _opener(is_local=urlsplit(url).hostname in LOCAL)
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310  `Client` looks at the scheme
    try:
        try:
            answer = opener.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Reply(answer.status, answer.read(), _seconds(answer.headers.get("Retry-After")))
    except urllib.error.URLError as error:
        raise Unreachable(str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(str(error) or type(error).__name__) from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for this app only."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """None: the answer is an error."""


@functools.cache
def _opener(*, is_local: bool) -> urllib.request.OpenerDirector:
    """Made once: each one reads the certificates of this machine anew."""
    proxies = [urllib.request.ProxyHandler({})] if is_local else []
    return urllib.request.build_opener(_Stay, *proxies)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def status_in_words(status: int) -> str:
    """Its phrase; whatever stands in front of an app may answer with a number that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an answer that HTTP does not know"
