"""Errors of azure-core, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, Final

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DeserializationError,
    HttpResponseError,
    ServiceRequestError,
)
from requests import RequestException

from shared.adapters.classification import classify, redact, seconds
from shared.core.errors import FinetuneError, Unauthorized

#: What the clients raise when an answer breaks off or does not come from the service: their parsers find no header, no key, no
#: list (measured: `ChunkedEncodingError` of a batch, `ValueError` of a download, `AttributeError` of a listing).
_UNREADABLE: Final = (
    DeserializationError,
    RequestException,
    HTTPException,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)


def from_azure(what: str, error: AzureError, *, is_idempotent: bool = True) -> FinetuneError:
    """What an error of azure-core means.

    A `ServiceRequestError` was raised before the request left; everything else may have reached the service.
    """
    if isinstance(error, ClientAuthenticationError):
        # The token endpoint's 400 too, which is not the fault of the request.
        return Unauthorized(f"{what}: {redact(error.message or '')}")
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return classify(
            what,
            status=error.status_code,
            code=_code(error),
            message=error.message or "",
            retry_after_s=_retry_after(error),
            is_idempotent=is_idempotent,
        )
    was_sent = not isinstance(error, ServiceRequestError)
    return classify(what, status=None, message=str(error), was_sent=was_sent, is_idempotent=is_idempotent)


def _code(error: HttpResponseError) -> str | None:
    given: Any = getattr(error, "error_code", None) or getattr(error.error, "code", None)
    return str(getattr(given, "value", given)) if given else None


def _retry_after(error: HttpResponseError) -> float | None:
    headers = getattr(error.response, "headers", None) or {}
    return seconds(headers.get("Retry-After"))


@contextmanager
def translated(what: str, *, is_idempotent: bool = True) -> Iterator[None]:
    """Raise our errors instead of azure-core's; an answer that cannot be read counts as none.

    Only a request and the reading of its answer belong inside, or a mistake of ours would look like one of the service.
    """
    try:
        yield
    except _UNREADABLE as error:
        message = f"the answer cannot be read: {type(error).__name__}: {error}"
        raise classify(what, status=None, message=message, is_idempotent=is_idempotent) from error
    except AzureError as error:
        raise from_azure(what, error, is_idempotent=is_idempotent) from error
