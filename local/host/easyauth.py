"""App Service authentication, as an app sees it: forged principals are removed, and real ones added."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from pathlib import Path
from typing import Any, Final

_OBJECT_ID: Final = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_TENANT_ID: Final = "http://schemas.microsoft.com/identity/claims/tenantid"
#: Who can sign in to the local cloud, and the app role that they hold.
ROLES: Final = {
    "approver": "FineTune.Approver",
    "approver-2": "FineTune.Approver",
    "operator": "FineTune.Operator",
    "reader": "FineTune.Reader",
}
_FORGEABLE: Final = "x-ms-client-principal"


def load_identities(path: Path) -> dict[str, dict[str, Any]]:
    """The identities of this local cloud; those of `ROLES` that are missing are made."""
    stored: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    tenant = next((known["tenant"] for known in stored.values()), None) or str(uuid.uuid4())
    loaded = {name: _made(name, tenant) for name in ROLES} | stored
    for name, role in ROLES.items():
        loaded[name]["roles"] = loaded[name]["roles"] or [role]  # readers had none before 0.3.0
    if loaded != stored:
        path.write_text(json.dumps(loaded, indent=2))
        path.chmod(0o600)
    return loaded


def _made(name: str, tenant: str) -> dict[str, Any]:
    return {
        "token": f"local-{name}-{secrets.token_hex(16)}",
        "oid": str(uuid.uuid4()),
        "name": f"{name}@local.example",
        "tenant": tenant,
        "roles": [],
    }


class EasyAuth:
    """Turns bearer tokens into the headers that the platform sets."""

    def __init__(self, identities: dict[str, dict[str, Any]]) -> None:
        self._by_token = {str(identity["token"]): identity for identity in identities.values()}

    def headers(self, sent: dict[str, str]) -> dict[str, str] | None:
        """The headers that the app sees; None for an unknown token, which the platform answers with 401."""
        seen = {name: value for name, value in sent.items() if not name.lower().startswith(_FORGEABLE)}
        authorization = next((value for name, value in sent.items() if name.lower() == "authorization"), "")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return seen
        identity = self._by_token.get(token.strip())
        if identity is None:
            return None
        return seen | _principal(identity)


def _principal(identity: dict[str, Any]) -> dict[str, str]:
    claims = [
        {"typ": _OBJECT_ID, "val": identity["oid"]},
        {"typ": _TENANT_ID, "val": identity["tenant"]},
        {"typ": "idtyp", "val": "user"},
        {"typ": "name", "val": identity["name"]},
        *({"typ": "roles", "val": role} for role in identity["roles"]),
    ]
    principal = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": identity["oid"],
        "X-MS-CLIENT-PRINCIPAL-NAME": identity["name"],
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }
