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
_FORGEABLE: Final = "x-ms-client-principal"


def load_identities(path: Path) -> dict[str, dict[str, Any]]:
    """The identities of this local cloud, `approver` and `reader`; they are made at the first start."""
    if not path.exists():
        tenant = str(uuid.uuid4())
        made = {
            name: {
                "token": f"local-{name}-{secrets.token_hex(16)}",
                "oid": str(uuid.uuid4()),
                "name": f"{name}@local.example",
                "tenant": tenant,
                "roles": roles,
            }
            for name, roles in (("approver", ["FineTune.Approver"]), ("reader", []))
        }
        path.write_text(json.dumps(made, indent=2))
        path.chmod(0o600)
    loaded: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return loaded


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
