"""Errors of azure-core, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)

from shared.adapters.classification import classify
from shared.core.errors import FinetuneError, Unauthorized


def from_azure(what: str, error: AzureError, *, is_idempotent: bool = True) -> FinetuneError:
    """What an error of azure-core means.

    A `ServiceRequestError` was raised before the request left; everything else may have reached the service.
    """
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return classify(
            what,
            status=error.status_code,
            code=_code(error),
            message=error.message or "",
            retry_after_s=_retry_after(error),
            is_idempotent=is_idempotent,
        )
    if isinstance(error, ClientAuthenticationError):
        return Unauthorized(f"{what}: no token: {error.message}")
    was_sent = not isinstance(error, ServiceRequestError)
    return classify(what, status=None, message=str(error), was_sent=was_sent, is_idempotent=is_idempotent)


def _code(error: HttpResponseError) -> str | None:
    given: Any = getattr(error, "error_code", None) or getattr(error.error, "code", None)
    return str(getattr(given, "value", given)) if given else None


def _retry_after(error: HttpResponseError) -> float | None:
    headers = getattr(error.response, "headers", None) or {}
    try:
        return float(headers.get("Retry-After", ""))
    except ValueError:
        return None


@contextmanager
def translated(what: str, *, is_idempotent: bool = True) -> Iterator[None]:
    """Raise our errors instead of azure-core's."""
    try:
        yield
    except AzureError as error:
        raise from_azure(what, error, is_idempotent=is_idempotent) from error
