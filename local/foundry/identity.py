"""Tokens: handed out by App Service's protocol for managed identities, and asked for by every other route.

Who names an identity of the app (`host`, `deployer`) may do what its roles allow; who names none may do everything.
`rights.json` in the state directory, read for each request, gives roles to others (`local.rights.Rights.beside`).
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from pathlib import Path
from typing import Any, Final

import jwt

from local.foundry.actions import Needed, needed_by
from local.foundry.common.errors import ArmError, ServiceError
from local.rights import OWNER, Rights, client_id

_LIFE_S: Final = 3600
_DATA_PLANE: Final = ("https://ai.azure.com", "https://cognitiveservices.azure.com")
#: Of the account's own interface for deployments.
_ACCOUNT: Final = ("https://cognitiveservices.azure.com",)
_ARM: Final = ("https://management.azure.com",)


class Identity:
    """The managed identities of a local cloud."""

    def __init__(self, state_dir: Path, header: str) -> None:
        path = state_dir / "identity-key"
        if not path.exists() or not path.read_text():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        self._key = path.read_text()
        self._header = header
        self._tenant = str(uuid.uuid5(uuid.NAMESPACE_URL, "local-cloud-tenant"))
        self._given, self._first = state_dir / "rights.json", Rights.first()
        names = {OWNER, *(grant.who for grant in self._first.grants)}
        self._names = {client_id(name): name for name in names}

    def issue(self, resource: str, header: str | None, client: str | None) -> dict[str, str]:
        """A token for a resource, as App Service answers.

        Args:
            resource: the audience.
            header: the secret.
            client: client id of the identity; without one it is that of somebody who may do everything.

        Raises:
            ServiceError: 401, if the secret header is wrong; 400, if there is no such identity.
        """
        if header != self._header:
            raise ServiceError(401, "unauthorized", "X-IDENTITY-HEADER is missing or wrong")
        client = client or client_id(OWNER)
        if client not in self._names and client not in {grant.who for grant in self._rights().grants}:
            raise ServiceError(
                400,
                "invalid_request",
                "No User Assigned or Delegated Managed Identity found for the ClientId",
            )
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": resource.rstrip("/"),
            "iss": f"https://sts.windows.net/{self._tenant}/",
            "oid": client,
            "appid": client,
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
            "client_id": client,
        }

    def _claims(self, authorization: str) -> tuple[str | None, str]:
        """Audience and client id of a token; None for one that is not ours."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None, ""
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None, ""
        # Tokens from before there were several identities have no `appid`.
        return str(claims.get("aud", "")).rstrip("/"), str(claims.get("appid", client_id(OWNER)))

    def _rights(self) -> Rights:
        if not self._given.exists():
            return self._first
        return self._first.beside(json.loads(self._given.read_text()))

    def _lacking(self, client: str, method: str, path: str) -> Needed | None:
        """What the identity would need for a call and does not have; None if it may."""
        needed = needed_by(method, path)
        if needed is None:  # there is no such route
            return None
        rights, who = self._rights(), self._names.get(client, client)
        is_allowed = rights.may(who, getattr(rights, needed.on), needed.action, is_data=needed.is_data)
        return None if is_allowed else needed

    def check_data_plane(self, authorization: str, method: str, path: str) -> None:
        """Refuse a request without a token for the data plane, or of an identity that lacks the right.

        Raises:
            ServiceError: 401, for both, as the service does.
        """
        audience, client = self._claims(authorization)
        if audience not in (_ACCOUNT if path.startswith("/openai/deployments/") else _DATA_PLANE):
            raise ServiceError(
                401,
                "PermissionDenied",
                "Access denied due to invalid subscription key or wrong API endpoint, or the token's audience is incorrect.",
            )
        if lacking := self._lacking(client, method, path):
            raise ServiceError(
                401,
                "PermissionDenied",
                f"The principal `{client}` lacks the required data action `{lacking.action}` "
                f"to perform `{lacking.operation}` operation.",
            )

    def check_arm(self, authorization: str, origin: str, method: str, path: str) -> None:
        """Refuse a request without a token for Resource Manager, or of an identity that lacks the right.

        Args:
            authorization: the header of that name.
            origin: scheme, host and port of the stand-in; a token for it is good, too.
            method: of the request.
            path: of the request.

        Raises:
            ArmError: 401 without a token, 403 without the right.
        """
        audience, client = self._claims(authorization)
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
        if lacking := self._lacking(client, method, path):
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{client}' with object id '{client}' does not have authorization to perform action "
                f"'{lacking.action}' over scope '{path}' or the scope is invalid. If access was recently granted, "
                "please refresh your credentials.",
            )
