"""Who is asking: the header in which App Service authentication says whom it let in, read with care.

Shapes: https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities, and for the claims of Entra
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
"""

import base64
from collections.abc import Iterable
from typing import Final

import azure.functions as func
import msgspec

from shared.core.errors import Unauthenticated
from shared.core.naming import person_key
from shared.core.people import Person
from shared.core.shown import clipped, is_visible, visible
from shared.settings import Settings

_PRINCIPAL_MAX: Final = 64 * 1024
_ID_CHARS_MAX: Final = 100
_NAME_CHARS_MAX: Final = 100
_ENTRA: Final = "aad"
_IDENTITY: Final = "http://schemas.microsoft.com/identity/claims"
_SOAP: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
#: Each claim under its name in the token, and under the one that App Service gives it.
_OBJECT_ID: Final = ("oid", f"{_IDENTITY}/objectidentifier")
_TENANT: Final = ("tid", f"{_IDENTITY}/tenantid")
_SCOPE: Final = ("scp", f"{_IDENTITY}/scope")
_TYPE: Final = ("idtyp",)
#: Claims that only tokens of persons have.
_NAMES: Final = ("name", "preferred_username", "upn", "unique_name", f"{_SOAP}/name", f"{_SOAP}/upn")


class _Claim(msgspec.Struct):
    typ: str
    val: str


class _Principal(msgspec.Struct):
    """The header X-MS-CLIENT-PRINCIPAL of App Service authentication, decoded."""

    claims: list[_Claim]
    role_typ: str = "roles"
    auth_typ: str = ""

    def all(self, types: Iterable[str]) -> list[str]:
        """All values of the claims of some types, in the order of the types."""
        return [claim.val for typ in types for claim in self.claims if claim.typ == typ and claim.val]


_decode_principal: Final = msgspec.json.Decoder(_Principal).decode


def person(request: func.HttpRequest, settings: Settings) -> Person:
    """Who was let in by the platform: a person of this tenant, or an application.

    The header is trusted only while the platform sets it: it removes what clients send themselves.  Of the roles of an
    application only that of readers counts.

    Raises:
        Unauthenticated: if nobody signed in, nobody vouches for the header, or it is of another provider or tenant.
    """
    if not settings.has_trusted_principals:
        msg = "platform authentication is off, so nobody can be identified"
        raise Unauthenticated(
            msg, remedy="Turn on App Service authentication with Microsoft Entra for this app."
        )
    principal = _decoded(request.headers.get("X-MS-CLIENT-PRINCIPAL", ""))
    if principal.auth_typ != _ENTRA:
        msg = f"the principal is not of Microsoft Entra (auth_typ: {principal.auth_typ or 'missing'})"
        raise Unauthenticated(msg)
    object_id = _only(principal.all(_OBJECT_ID), "object id")
    if not is_visible(object_id) or len(object_id) > _ID_CHARS_MAX:
        msg = "the principal has an object id that is none"
        raise Unauthenticated(msg)
    if settings.tenants and person_key(_only(principal.all(_TENANT), "tenant")) not in settings.tenants:
        msg = "the principal is of another tenant"
        raise Unauthenticated(msg, remedy="Sign in with an account of the tenant that the app is in.")
    roles = frozenset(principal.all({"roles", principal.role_typ}))
    is_application = not _is_person(principal)
    return Person(
        id=object_id,
        name=clipped(visible(next(iter(principal.all(_NAMES)), object_id)), _NAME_CHARS_MAX),
        roles=roles & {settings.roles.reader} if is_application else roles,
        is_application=is_application,
    )


def _decoded(header: str) -> _Principal:
    if not header:
        raise Unauthenticated
    if len(header) > _PRINCIPAL_MAX:
        msg = "the principal header is too long"
        raise Unauthenticated(msg)
    try:
        return _decode_principal(base64.b64decode(header, validate=True))
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        msg = "the principal header cannot be read"
        raise Unauthenticated(msg) from error


def _only(values: list[str], what: str) -> str:
    """The one value of claims that say the same under several names.

    Raises:
        Unauthenticated: if there is none, or they say different things.
    """
    if len({person_key(value) for value in values}) != 1:
        msg = f"the principal has more than one {what}" if values else f"the principal has no {what}"
        raise Unauthenticated(msg)
    return values[0]


def _is_person(principal: _Principal) -> bool:
    """Whether a person signed in.

    Entra says so in `idtyp` if the registration asks for it; else a scope or a name, which applications never have, shows it.
    """
    if types := principal.all(_TYPE):
        return {typ.casefold() for typ in types} == {"user"}
    return bool(principal.all(_SCOPE) or principal.all(_NAMES))
