"""The HTTP edge: who is asking, what they sent, and how answers and errors are written."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import azure.functions as func
import msgspec

from shared.core.approval import Person
from shared.core.errors import (
    ConfigurationError,
    FinetuneError,
    Forbidden,
    Malformed,
    Unauthenticated,
    Unavailable,
)
from shared.settings import Settings
from shared.telemetry import names, signals
from shared.telemetry.records import log

_PRINCIPAL_MAX: Final = 64 * 1024
_BODY_MAX: Final = 16 * 1024
_OBJECT_ID: Final = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
_NAMES: Final = (
    "name",
    "preferred_username",
    "upn",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class _Claim(msgspec.Struct):
    typ: str
    val: str


class _Principal(msgspec.Struct):
    """The header X-MS-CLIENT-PRINCIPAL of App Service authentication, decoded."""

    claims: list[_Claim]
    role_typ: str = "roles"
    auth_typ: str = ""


_decode_principal: Final = msgspec.json.Decoder(_Principal).decode


def person(request: func.HttpRequest, settings: Settings) -> Person:
    """The person whom the platform authenticated.

    The header is believed only while the platform sets it: it removes what clients send themselves.

    Raises:
        Unauthenticated: if nobody signed in, or nobody vouches for the header.
    """
    if not settings.has_trusted_principals:
        msg = "platform authentication is off, so nobody can be identified"
        raise Unauthenticated(
            msg, remedy="Turn on App Service authentication with Microsoft Entra for this app."
        )
    header = request.headers.get("X-MS-CLIENT-PRINCIPAL", "")
    if not header:
        raise Unauthenticated
    if len(header) > _PRINCIPAL_MAX:
        msg = "the principal header is too long"
        raise Unauthenticated(msg)
    try:
        principal = _decode_principal(base64.b64decode(header, validate=True))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = "the principal header cannot be read"
        raise Unauthenticated(msg) from error
    claims = {claim.typ: claim.val for claim in reversed(principal.claims)}
    object_id = next((claims[typ] for typ in _OBJECT_ID if claims.get(typ)), None)
    if object_id is None:
        msg = "the principal has no object id"
        raise Unauthenticated(msg)
    name = next((claims[typ] for typ in _NAMES if claims.get(typ)), object_id)
    roles = frozenset(claim.val for claim in principal.claims if claim.typ in {"roles", principal.role_typ})
    return Person(id=object_id, name=name, roles=roles)


def approver(request: func.HttpRequest, settings: Settings) -> Person:
    """The person, if they may decide.

    Raises:
        Unauthenticated: as `person`.
        Forbidden: without the approver's role, or if another site sent the browser here.
    """
    someone = person(request, settings)
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        msg = f"the request comes from another site (Sec-Fetch-Site: {request.headers['Sec-Fetch-Site']})"
        raise Forbidden(msg, remedy="Send it from this site, or from a client that is no browser.")
    if settings.approver_role not in someone.roles:
        msg = f"{someone.name} does not have the app role {settings.approver_role}"
        raise Forbidden(msg)
    return someone


def body[T: msgspec.Struct](request: func.HttpRequest, decode: Callable[[bytes], T]) -> T:
    """The JSON body; `decode` is that of a `msgspec.json.Decoder` which was made at import.

    Raises:
        Malformed: naming what is wrong and where.
    """
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        msg = f"Content-Type is {media_type or 'missing'}, expected application/json"
        raise Malformed(msg)
    raw = request.get_body()
    if len(raw) > _BODY_MAX:
        msg = f"the body has {len(raw)} bytes, at most {_BODY_MAX} are read"
        raise Malformed(msg)
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from error


def answer(value: Any, status: int = 200) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(
        msgspec.json.encode(value), status_code=status, mimetype="application/json", headers=dict(_HEADERS)
    )


def raw_answer(data: bytes, content_type: str) -> func.HttpResponse:
    """An answer of other content."""
    return func.HttpResponse(data, status_code=200, mimetype=content_type, headers=dict(_HEADERS))


def answering(respond: Callable[[], func.HttpResponse]) -> func.HttpResponse:
    """What `respond` answers, or the answer to the error that it raised."""
    try:
        return respond()
    except FinetuneError as error:
        message, remedy = error.message, error.remedy
        if isinstance(
            error, ConfigurationError
        ):  # it names settings and their values: for the log, not for strangers
            message, remedy = "the app is not configured", "Its log and docs/settings.md say what is wrong."
        # What people sent is not repeated; what is wrong with the settings is said nowhere else.
        detail = error.message if isinstance(error, ConfigurationError) else None
        log(names.REQUEST_REFUSED, http_status=error.http_status, code=error.code, detail=detail)
        signals.refused(error)
        response = answer(
            {"error": {"code": error.code, "message": message, "remedy": remedy}}, error.http_status
        )
        if isinstance(error, Unavailable):
            response.headers["Retry-After"] = str(round(error.retry_after_s or 10))
        return response
