"""Entra credentials: a managed identity in Azure, a developer's sign-in on a workstation.  Never a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions
from azure.core.exceptions import AzureError, ServiceResponseError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from shared.adapters.bounds import bounded_transport

#: By itself the SDK tries ten times, minutes apart, and sleeps for whatever Retry-After says; the run comes back anyway.
_ONE_TRY: Final[dict[str, Any]] = {"retry_total": 0}
_CONNECT_S: Final = 5.0
_READ_S: Final = 10.0
_ANSWER_BYTES_MAX: Final = 1024 * 1024


class _Source(Protocol):
    """What azure-identity's credentials have in common."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken: ...

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo: ...


class ReadableCredential:
    """A credential that raises errors of azure-core only, also if what comes is not a token."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the scopes; see azure-core's `TokenCredential`."""
        return _readable(lambda: self._source.get_token(*scopes, **options))

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token with more about it; see azure-core's `SupportsTokenInfo`."""
        return _readable(lambda: self._source.get_token_info(*scopes, options=options))


def _readable[T](ask: Callable[[], T]) -> T:
    try:
        return ask()
    except AzureError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        # A portal's page, half an answer.
        msg = f"the token endpoint's answer cannot be read: {type(error).__name__}: {error}"
        raise ServiceResponseError(msg, error=error) from error


def make_credential(
    kind: Literal["managed_identity", "developer"], client_id: str | None, *, read_s: float = _READ_S
) -> TokenCredential:
    """A credential.

    Args:
        kind: which one; there is no guessing, so that a misconfigured app fails instead of signing in as somebody else.
        client_id: of the user-assigned managed identity; None for the system-assigned one.
        read_s: longest wait for the token endpoint, once.
    """
    if kind == "managed_identity":
        transport = bounded_transport(
            connect_s=_CONNECT_S, read_s=read_s, answer_s=read_s, bytes_max=_ANSWER_BYTES_MAX
        )
        options: dict[str, Any] = _ONE_TRY | {"transport": transport}
        return ReadableCredential(
            ManagedIdentityCredential(client_id=client_id, **options)
            if client_id
            else ManagedIdentityCredential(**options)
        )
    return DefaultAzureCredential(
        exclude_managed_identity_credential=True,
        exclude_workload_identity_credential=True,
        exclude_environment_credential=True,
    )
