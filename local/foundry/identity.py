"""Tokens: handed out by App Service's protocol for managed identities, and asked for by every other route."""

from __future__ import annotations

import secrets
import time
import uuid
from pathlib import Path
from typing import Any, Final

import jwt

from local.foundry.common.errors import ArmError, ServiceError

_LIFE_S: Final = 3600
_DATA_PLANE: Final = ("https://ai.azure.com", "https://cognitiveservices.azure.com")
_ARM: Final = ("https://management.azure.com",)


class Identity:
    """The one managed identity of a local cloud."""

    def __init__(self, state_dir: Path, header: str) -> None:
        path = state_dir / "identity-key"
        if not path.exists() or not path.read_text():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        self._key = path.read_text()
        self._header = header
        self._tenant = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-cloud-tenant"))
        self._object_id = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-cloud-identity"))

    def issue(self, resource: str, header: str | None) -> dict[str, str]:
        """A token for a resource, as App Service answers.

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
            "client_id": self._object_id,
        }

    def _audience(self, authorization: str) -> str | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        return str(claims.get("aud", "")).rstrip("/")

    def check_data_plane(self, authorization: str) -> None:
        """Refuse a request without a token for the data plane.

        Raises:
            ServiceError: 401.
        """
        if self._audience(authorization) not in _DATA_PLANE:
            raise ServiceError(
                401,
                "PermissionDenied",
                "Access denied due to invalid subscription key or wrong API endpoint, or the token's audience is incorrect.",
            )

    def check_arm(self, authorization: str, origin: str) -> None:
        """Refuse a request without a token for Resource Manager.

        Args:
            authorization: the header of that name.
            origin: scheme, host and port of the stand-in; a token for it is good, too.

        Raises:
            ArmError: 401.
        """
        audience = self._audience(authorization)
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
