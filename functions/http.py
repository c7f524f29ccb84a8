"""The HTTP edge: who is asking, what they sent, and how answers and errors are written.

Every handler is an `@endpoint`.  What it returns is the answer.  An error of `shared.core.errors` that it raises becomes
an answer with the error's own status code.
"""

import base64
import binascii
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final

import azure.functions as func
import msgspec

from functions.tracing import traced
from shared.core.errors import (
    ConfigurationError,
    FinetuneError,
    Forbidden,
    Malformed,
    Unauthenticated,
    Unavailable,
)
from shared.core.people import Person, Reader
from shared.core.shown import json_text
from shared.settings import Settings
from shared.telemetry import names, signals
from shared.telemetry.records import log
from shared.wiring import Services, services

_PRINCIPAL_MAX: Final = 64 * 1024
_BODY_MAX: Final = 16 * 1024
#: Seconds after which a client should come back, if the service did not ask for another time.
_RETRY_AFTER_S: Final = 10
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

    The header is trusted only while the platform sets it: it removes what clients send themselves.

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
        raise Forbidden(msg, remedy="Send it from this site, or from a client that is not a browser.")
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
    """An answer in JSON."""
    return func.HttpResponse(
        json_text(msgspec.json.encode(value)),
        status_code=status,
        mimetype="application/json",
        headers=dict(_HEADERS),
    )


def raw_answer(data: bytes, content_type: str, *, is_checked: bool) -> func.HttpResponse:
    """An answer of other content, which says whether it was compared with what the run stored."""
    evidence = {"X-Evidence": "checked" if is_checked else "not checked"}
    return func.HttpResponse(data, status_code=200, mimetype=content_type, headers=_HEADERS | evidence)


def error_answer(error: FinetuneError) -> func.HttpResponse:
    """The answer to a request that failed with `error`, which is logged."""
    message, remedy, detail = error.message, error.remedy, None
    if isinstance(error, ConfigurationError):
        # It names settings and their values: for the log, not for strangers.
        message, remedy = "the app is not configured", "Its log and docs/settings.md say what is wrong."
        detail = error.message  # messages of other errors may repeat what people sent: they are not logged
    log(names.REQUEST_REFUSED, http_status=error.http_status, code=error.code, detail=detail)
    signals.refused(error)
    response = answer(
        {"error": {"code": error.code, "message": message, "remedy": remedy}}, error.http_status
    )
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(round(error.retry_after_s or _RETRY_AFTER_S))
    return response


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler is given: a request whose sender may make it.

    Attributes:
        http: the request itself.
        sender: who makes it; None where the endpoint needs nobody.
    """

    http: func.HttpRequest
    sender: Person | None

    @property
    def app(self) -> Services:
        """The services that answer it."""
        return services()

    @property
    def person(self) -> Person:
        """The sender, for endpoints that need one."""
        assert self.sender is not None, "an endpoint that needs nobody has no sender"
        return self.sender

    @property
    def reader(self) -> Reader:
        """The sender as somebody who reads evidence."""
        return Reader(person=self.person, data_role=self.app.settings.data_role)

    def route(self, name: str) -> str:
        """A part of the path, such as `run_id`."""
        return str(self.http.route_params[name])


type Needs = Callable[[func.HttpRequest, Settings], Person]
type Handler[**P] = Callable[Concatenate[Request, P], object]


def endpoint[**P](*, needs: Needs | None) -> Callable[[Handler[P]], Callable[..., func.HttpResponse]]:
    """Make a handler a function that the worker can call.

    The handler takes a `Request`, and then what the host binds to it (`due: func.Out[str]`).  What it returns is rendered as JSON
    with status 200, unless it is an `answer` of its own.

    Args:
        needs: who may ask, `person` or `approver`; None: everybody, even while the app is not configured.
    """

    def decorate(handler: Handler[P]) -> Callable[..., func.HttpResponse]:
        @wraps(handler)
        def respond(req: func.HttpRequest, *bound: P.args, **named: P.kwargs) -> func.HttpResponse:
            try:
                sender = needs(req, services().settings) if needs else None
                given = handler(Request(req, sender), *bound, **named)
            except FinetuneError as error:
                return error_answer(error)
            return given if isinstance(given, func.HttpResponse) else answer(given)

        return traced(_as_http(handler, respond))

    return decorate


def _as_http[R](handler: Callable[..., object], respond: Callable[..., R]) -> Callable[..., R]:
    """Let the worker, which reads signatures, see `req` where the handler has its `Request`."""
    _, *bound = inspect.signature(handler).parameters.values()
    req = inspect.Parameter("req", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=func.HttpRequest)
    respond.__signature__ = inspect.Signature([req, *bound], return_annotation=func.HttpResponse)  # type: ignore[attr-defined]
    annotations = {parameter.name: parameter.annotation for parameter in (req, *bound)}
    respond.__annotations__ = annotations | {"return": func.HttpResponse}
    return respond
