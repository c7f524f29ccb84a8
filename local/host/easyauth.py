"""App Service authentication: who does not sign in gets nowhere, forged principals are removed, real ones added.

As documented at https://learn.microsoft.com/azure/app-service/overview-authentication-authorization for
`unauthenticatedClientAction: RedirectToLoginPage` (infra/modules/app.bicep).
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.host.sessions import Sessions

_OBJECT_ID: Final = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_TENANT_ID: Final = "http://schemas.microsoft.com/identity/claims/tenantid"
#: Who can sign in to the local cloud, and the app role that they hold.
ROLES: Final = {
    "approver": "FineTune.Approver",
    "approver-2": "FineTune.Approver",
    "operator": "FineTune.Operator",
    "reader": "FineTune.Reader",
}
#: Open to those who did not sign in, as in infra/modules/app.bicep.
EXCLUDED: Final = frozenset({"/runtime/webhooks/blobs", "/api/health"})
COOKIE: Final = "AppServiceAuthSession"
SIGN_IN: Final = "/.auth/login/aad"
#: The parameter of the sign-in that says where to go afterwards.
BACK_TO: Final = "post_login_redirect_uri"
#: Only the platform writes these.
_FORGEABLE: Final = (b"x-ms-client-principal", b"x-ms-token-")


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
    """Lets requests in with the headers that the platform sets, or answers them itself."""

    def __init__(
        self, identities: dict[str, dict[str, Any]], sessions: Sessions, *, is_required: bool = True
    ) -> None:
        """Know who there is.

        Args:
            identities: name -> identity, as `load_identities` has them.
            sessions: of browsers.
            is_required: whether everybody has to sign in, as with WEBSITE_AUTH_ENABLED.
        """
        self.identities = identities
        self.sessions = sessions
        self._by_token = {str(identity["token"]): identity for identity in identities.values()}
        self._is_required = is_required

    def let_in(self, asked: HTTPConnection) -> dict[str, str] | Response:
        """The headers that say who asks, none for nobody; or what the platform answers to who does not get in."""
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            identity = self._by_token.get(token.strip())
            return (
                _refused(401) if identity is None else _principal(identity, [{"typ": "idtyp", "val": "user"}])
            )
        name = self.sessions.find(asked.cookies.get(COOKIE, ""))
        if name is not None:
            if asked.scope["method"] == "POST" and _is_browser(asked) and not is_from_own_site(asked):
                return _refused(403)
            identity = self.identities[name]
            # The claims are those of an ID token, which has no `idtyp`.
            return _principal(identity, [{"typ": "preferred_username", "val": identity["name"]}])
        if asked.scope["path"] in EXCLUDED or not self._is_required:
            return {}
        return RedirectResponse(_sign_in_for(asked), 302) if _is_browser(asked) else _refused(401)

    def before(self, site: ASGIApp) -> ASGIApp:
        """The site, reached by those who are let in."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            answer = self.let_in(HTTPConnection(scope))
            if isinstance(answer, Response):
                await answer(scope, receive, send)
                return
            sent = [(name, value) for name, value in scope["headers"] if not name.startswith(_FORGEABLE)]
            given = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
            await site({**scope, "headers": [*sent, *given]}, receive, send)

        return guarded


def is_from_own_site(asked: HTTPConnection) -> bool:
    """Whether a page of this site sent it: by `Origin`, which a page may hide behind `null`, or without that by `Referer`."""
    return is_of_own_site(asked, asked.headers.get("Origin") or asked.headers.get("Referer", ""))


def is_of_own_site(asked: HTTPConnection, address: str) -> bool:
    """Whether a whole address is of this site."""
    parts = urlsplit(address)
    return (parts.scheme, parts.netloc.lower()) == (asked.url.scheme, asked.url.netloc.lower())


def _is_browser(asked: HTTPConnection) -> bool:
    return "mozilla" in asked.headers.get("User-Agent", "").lower()


def _sign_in_for(asked: HTTPConnection) -> str:
    """The sign-in that leads back to what was asked for."""
    path, query = asked.scope["raw_path"], asked.scope["query_string"]
    return f"{SIGN_IN}?{BACK_TO}={quote(path + (b'?' + query if query else b''), safe='')}"


def _refused(status: int) -> Response:
    """An answer of the platform's own, without a body."""
    return Response(status_code=status, headers={"WWW-Authenticate": "Bearer"} if status == 401 else None)


def _principal(identity: dict[str, Any], others: list[dict[str, str]]) -> dict[str, str]:
    claims = [
        {"typ": _OBJECT_ID, "val": identity["oid"]},
        {"typ": _TENANT_ID, "val": identity["tenant"]},
        {"typ": "name", "val": identity["name"]},
        *others,
        *({"typ": "roles", "val": role} for role in identity["roles"]),
    ]
    principal = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": identity["oid"],
        "X-MS-CLIENT-PRINCIPAL-NAME": identity["name"],
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }
