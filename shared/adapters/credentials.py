"""Entra credentials: a managed identity in Azure, a developer's sign-in on a workstation.  Never a key."""

from __future__ import annotations

from typing import Literal

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential


def make_credential(kind: Literal["managed_identity", "developer"], client_id: str | None) -> TokenCredential:
    """A credential.

    Args:
        kind: which one; there is no guessing, so that a misconfigured app fails instead of signing in as somebody else.
        client_id: of the user-assigned managed identity; None for the system-assigned one.
    """
    if kind == "managed_identity":
        return ManagedIdentityCredential(client_id=client_id) if client_id else ManagedIdentityCredential()
    return DefaultAzureCredential(
        exclude_managed_identity_credential=True,
        exclude_workload_identity_credential=True,
        exclude_environment_credential=True,
    )
