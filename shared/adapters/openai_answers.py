"""What the OpenAI client answers and raises, as values that can be trusted and errors of ours.

The client builds its models from whatever arrives: a sign-in page with status 200 becomes a text, `{}` an empty listing.  If
such a listing were taken for the truth, a second job would be started and paid.  So an answer that lacks a needed key counts as
no answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
import openai
from azure.core.exceptions import AzureError

from shared.adapters.azure_errors import from_azure
from shared.adapters.classification import classify, seconds
from shared.core.errors import FinetuneError, StartWindowPassed
from shared.core.evaluation.answers import encodable

_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class _Unreadable(Exception):
    """An answer that lacks what it must have."""


@contextmanager
def translated(what: str, *, is_idempotent: bool = True) -> Iterator[None]:
    """Raise our errors instead of the SDK's."""
    try:
        yield
    except openai.OpenAIError as error:
        if isinstance(error.__cause__, StartWindowPassed):  # the client wraps what its transport raises
            raise error.__cause__ from None
        raise from_openai(what, error, is_idempotent=is_idempotent) from error
    except _Unreadable as error:
        raise classify(what, status=None, message=str(error), is_idempotent=is_idempotent) from error
    except AzureError as error:  # the token, before anything was sent
        raise from_azure(what, error) from error


def from_openai(what: str, error: openai.OpenAIError, *, is_idempotent: bool = True) -> FinetuneError:
    """What an error of the OpenAI client means.

    A connection that was never made carried no request; any other may have broken after the request was applied.
    """
    if isinstance(error, openai.APIStatusError):
        return classify(
            what,
            status=error.status_code,
            code=code_of(error),
            message=error.message,
            retry_after_s=_retry_after(error),
            is_idempotent=is_idempotent,
        )
    was_sent = not isinstance(error.__cause__, _NOT_SENT)
    return classify(what, status=None, message=str(error), was_sent=was_sent, is_idempotent=is_idempotent)


def code_of(error: openai.APIStatusError) -> str | None:
    """The service's name for an error; None if it gave none, or something that is no name."""
    code: object = error.code
    return encodable(str(code)) if isinstance(code, str | int) else None


def _retry_after(error: openai.APIStatusError) -> float | None:
    headers = error.response.headers
    milliseconds = seconds(headers.get("retry-after-ms"))
    return seconds(headers.get("retry-after")) if milliseconds is None else milliseconds / 1000


def read(raw: Any, *needed: str) -> Any:
    """The parsed answer of a `with_raw_response` call.

    Args:
        raw: what the call returned.
        needed: keys without which the answer is of no use.

    Raises:
        _Unreadable: if it is not a JSON object, or lacks one of the keys; `translated` turns it into an error of ours.
    """
    try:
        body = raw.http_response.json()
    except ValueError:
        body = None
    _check(body, needed)
    return raw.parse()


def read_pages(fetch: Callable[[str | openai.Omit], Any], *needed: str) -> Iterator[Any]:
    """All items of a listing, page after page, in the service's order.

    Args:
        fetch: a `with_raw_response` call of one page, after the item with the given id.
        needed: keys without which an item is of no use.

    Raises:
        _Unreadable: as `read`.
    """
    after: str | openai.Omit = openai.omit
    while True:
        page = read_page(fetch(after), *needed)
        yield from page.data
        if not page.data or page.has_more is False:
            return
        if page.data[-1].id == after:
            msg = f"the listing does not go on after {after}"
            raise _Unreadable(msg)
        after = page.data[-1].id


def read_page(raw: Any, *needed: str) -> Any:
    """One page of a listing; see `read_pages`."""
    page = read(raw, "data")
    items = raw.http_response.json()["data"]
    if not isinstance(items, list):
        msg = "the answer's `data` is not a list"
        raise _Unreadable(msg)
    for item in items:
        _check(item, needed)
    return page


def read_bytes(content: Any) -> bytes:
    """The bytes of a file.

    Raises:
        _Unreadable: if it is a web page, which neither files for fine-tuning nor results are.
    """
    if "html" in content.response.headers.get("content-type", ""):
        msg = "the answer is a web page"
        raise _Unreadable(msg)
    return bytes(content.read())


def read_completion(raw: Any) -> dict[str, Any]:
    """The JSON object of a chat completion, as it was sent.

    What is odd in a completion is the model's doing, and the outcome of one question (`completions`).  What is no completion at
    all is trouble on the way: a sign-in page, half an answer, an empty one.  Bytes that are not UTF-8 become U+FFFD.

    Raises:
        _Unreadable: if it is not a JSON object with `choices`.
    """
    try:
        body = json.loads(raw.http_response.content.decode("utf-8-sig", "replace"))
    except json.JSONDecodeError:
        body = None
    except (ValueError, RecursionError):  # JSON, but with numbers too long, or nested too deep
        return {}
    if not isinstance(body, dict) or "choices" not in body:
        msg = "the answer is not a chat completion"
        raise _Unreadable(msg)
    return body


def _check(body: object, needed: Iterable[str]) -> None:
    if not isinstance(body, dict):
        msg = "the answer is not a JSON object"
        raise _Unreadable(msg)
    if missing := [key for key in needed if body.get(key) is None]:
        msg = f"the answer lacks {', '.join(missing)}"
        raise _Unreadable(msg)
