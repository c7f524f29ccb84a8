"""Tokens: handed out by App Service's protocol for managed identities, and asked for, with the rights, by every other route."""

from __future__ import annotations

import secrets
import time
import uuid
from pathlib import Path
from typing import Any, Final

import jwt

from local.foundry.common.errors import ArmError, ServiceError
from local.foundry.common.rights import Rights

_LIFE_S: Final = 3600
_DATA_PLANE: Final = ("https://ai.azure.com", "https://cognitiveservices.azure.com")
#: Of the account's own interface for deployments.
_ACCOUNT: Final = ("https://cognitiveservices.azure.com",)
_ARM: Final = ("https://management.azure.com",)


class Identity:
    """The managed identities of a local cloud: the one that belongs to it, and as many others as are asked for by their ids."""

    def __init__(self, state_dir: Path, header: str) -> None:
        self._rights = Rights(state_dir)
        path = state_dir / "identity-key"
        if not path.exists() or not path.read_text():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        self._key = path.read_text()
        self._header = header
        self._tenant = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-cloud-tenant"))
        self._object_id = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-cloud-identity"))

    def issue(self, resource: str, header: str | None, client_id: str | None = None) -> dict[str, str]:
        """A token for a resource, as App Service answers.

        Args:
            resource: whom the token is for.
            header: the secret that whoever asks has to send.
            client_id: of an identity; None for the one that belongs to the cloud.

        Raises:
            ServiceError: 401, if the secret header is wrong.
        """
        if header != self._header:
            raise ServiceError(401, "unauthorized", "X-IDENTITY-HEADER is missing or wrong")
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": resource.rstrip("/"),
            "iss": f"https://sts.windows.net/{self._tenant}/",
            "oid": self._object_id,
            "appid": client_id or self._object_id,
            "tid": self._tenant,
            "iat": now,
            "nbf": now - 60,
            "exp": now + _LIFE_S,
        }
        token = jwt.encode(claims, self._key, algorithm="HS256")
        return {
            "access_token": token,
            "expires_on": str(now + _LIFE_S),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id or self._object_id,
        }

    def _claims(self, authorization: str) -> dict[str, Any]:
        """What a token says; nothing if there is none that is good."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return {}
        try:
            return dict(jwt.decode(token, self._key, algorithms=["HS256"], options={"verify_aud": False}))
        except jwt.InvalidTokenError:
            return {}

    def check_data_plane(self, authorization: str, method: str, path: str) -> None:
        """Refuse a request to the data plane without a token for it, or without the right.

        Raises:
            ServiceError: 401, for both, as Azure does.
        """
        claims = self._claims(authorization)
        audiences = _ACCOUNT if path.startswith("/openai/deployments/") else _DATA_PLANE
        if _audience(claims) not in audiences:
            raise ServiceError(
                401,
                "PermissionDenied",
                "Access denied due to invalid subscription key or wrong API endpoint, or the token's audience is incorrect.",
            )

        if lacks := self._rights.missing(str(claims.get("appid")), method, path):
            message = (
                f"The principal `{claims.get('appid')}` lacks the required data action `{lacks.action}` to perform "
                f"`{method} {path}` operation."
            )
            raise ServiceError(401, "PermissionDenied", message)

    def check_arm(self, authorization: str, origin: str, method: str, path: str) -> None:
        """Refuse a request to Resource Manager without a token for it, or without the right.

        Args:
            authorization: the header of that name.
            origin: scheme, host and port of the stand-in; a token for it is good, too.
            method: of the request.
            path: of the request.

        Raises:
            ArmError: 401, 403.
        """
        claims = self._claims(authorization)
        audience = _audience(claims)
        if audience is None:
            raise ArmError(
                401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        if audience not in (*_ARM, origin):
            raise ArmError(
                401,
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{audience}'.",
            )
        if lacks := self._rights.missing(str(claims.get("appid")), method, path):
            message = (
                f"The client '{claims.get('appid')}' with object id '{claims.get('oid')}' does not have authorization to perform "
                f"action '{lacks.action}' over scope '{path}' or the scope is invalid."
            )
            raise ArmError(403, "AuthorizationFailed", message)


def _audience(claims: dict[str, Any]) -> str | None:
    """Whom a token is for; None if there is none."""
    return str(claims.get("aud", "")).rstrip("/") if claims else None
