"""The HTTP edge: who may ask, what they sent, and how answers and errors are written.

Every handler is an `@endpoint`.  What it returns is the answer.  An error of `shared.core.errors` that it raises becomes
an answer with the error's own status code, and whatever else is raised one with the status code 500 in the same form.
"""

import hashlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final
from urllib.parse import urlsplit

import azure.functions as func
import msgspec

from functions.operations import Operation
from functions.principal import person
from functions.tracing import traced
from shared.core import naming, served
from shared.core.errors import (
    ConfigurationError,
    FinetuneError,
    Forbidden,
    Malformed,
    NotFound,
    Retryable,
    TooManyRequests,
    Unauthenticated,
    Unforeseen,
    foreseen,
)
from shared.core.people import Person, Reader
from shared.core.roles import Right, insist
from shared.core.shown import clipped, json_text
from shared.repeated import Outcome
from shared.settings import Settings
from shared.telemetry import names, signals
from shared.telemetry.records import log
from shared.wiring import Services, services

_BODY_MAX: Final = 16 * 1024
#: Seconds after which a client should come back, if the service did not ask for another time.
_RETRY_AFTER_S: Final = 10
#: Of an error's message or remedy, which may quote what was sent.
_WORDS_MAX: Final = 2000
_NAME_MAX: Final = 100
KEY: Final = "Idempotency-Key"
IS_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_LOCAL: Final = frozenset({"localhost", "127.0.0.1"})
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def insist_on_own_site(request: func.HttpRequest, settings: Settings) -> None:
    """See to it that no other site sent a browser here.

    Raises:
        Forbidden: naming the header that says otherwise.
    """
    site, origin = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Origin")
    said = f"Sec-Fetch-Site: {site}"
    if site in {"same-origin", "none"}:
        if origin is None or _is_own(origin, request.headers.get("Host", ""), settings.app_origin):
            return
        said = f"Origin: {origin}"
    msg = f"the request comes from another site ({said})"
    raise Forbidden(msg, remedy="Send it from this site, or from a client that is not a browser.")


def _is_own(origin: str, host: str, app_origin: str) -> bool:
    """Whether an `Origin` is the app's: the one of the settings, or that of the host that was asked for.

    Browsers leave default ports out of both.  Only on this machine pages may come without TLS.
    """
    is_local = host.partition(":")[0] in _LOCAL or host.startswith("[::1]")
    schemes = ("https", "http") if is_local else ("https",)
    own = {app_origin, *(f"{scheme}://{host}".lower() for scheme in schemes if host)}
    return bool(origin) and origin.lower() in own


def sent(request: func.HttpRequest, media_type: str, bytes_max: int, what: str) -> bytes:
    """What was sent, of this type and at most so long; `what` it is, for messages.

    Raises:
        Malformed: it is of another type, or longer.
    """
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given != media_type:
        msg = f"Content-Type is {given or 'missing'}, expected {media_type}"
        raise Malformed(msg)
    raw = request.get_body()
    if len(raw) > bytes_max:
        msg = f"the {what} has {len(raw)} bytes, at most {bytes_max} are read"
        raise Malformed(msg)
    return raw


def body[T: msgspec.Struct](request: func.HttpRequest, decode: Callable[[bytes], T]) -> T:
    """The JSON body; `decode` is that of a `msgspec.json.Decoder` which was made at import.

    Raises:
        Malformed: naming what is wrong and where.
    """
    raw = sent(request, "application/json", _BODY_MAX, "body")
    try:
        return decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error


def body_if_any[T: msgspec.Struct](request: func.HttpRequest, decode: Callable[[bytes], T]) -> T:
    """The same where it may be left out, or be empty: as if it were `{}`.

    Raises:
        Malformed: naming what is wrong and where.
    """
    if request.headers.get("Content-Type") or request.get_body():
        return body(request, lambda raw: decode(raw or b"{}"))
    return decode(b"{}")


def answer(
    value: msgspec.Struct | dict[str, Any], status: int = 200, *, media_type: str = "application/json"
) -> func.HttpResponse:
    """An answer in JSON."""
    return func.HttpResponse(
        json_text(msgspec.json.encode(value)),
        status_code=status,
        mimetype=media_type,
        headers=dict(_HEADERS),
    )


def kept_answer(request: func.HttpRequest, value: msgspec.Struct | dict[str, Any]) -> func.HttpResponse:
    """An answer in JSON without rows of a dataset: a client may keep it, and asks whether it is still the same (RFC 9110, 13)."""
    response = answer(value)
    tag = f'"{hashlib.sha256(response.get_body()).hexdigest()[:32]}"'
    known = {text.strip().removeprefix("W/") for text in request.headers.get("If-None-Match", "").split(",")}
    if known & {tag, "*"}:
        response = func.HttpResponse(b"", status_code=304, headers=dict(_HEADERS))
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["ETag"] = tag
    return response


def raw_answer(data: bytes, content_type: str, *, is_checked: bool) -> func.HttpResponse:
    """An answer of other content, which says whether it was compared with what the run stored."""
    others = {"X-Evidence": "checked" if is_checked else "not checked", "Content-Type": content_type}
    return func.HttpResponse(data, status_code=200, mimetype=content_type, headers=_HEADERS | others)


def error_answer(error: FinetuneError) -> func.HttpResponse:
    """The answer to a request that failed with `error`, which is logged."""
    response = answer(problem_of(error), error.http_status, media_type="application/problem+json")
    response.headers.update(to_wait(error))
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"  # as App Service says it
    return response


def to_wait(error: FinetuneError) -> dict[str, str]:
    """The header that says when to come back, where that helps."""
    if isinstance(error, Retryable | TooManyRequests):
        return {"Retry-After": str(max(1, round(error.retry_after_s or _RETRY_AFTER_S)))}
    return {}


def problem_of(error: FinetuneError) -> served.Problem:
    """What went wrong, for whoever asked; it is logged."""
    message, remedy, detail = clipped(error.message, _WORDS_MAX), clipped(error.remedy, _WORDS_MAX), None
    if isinstance(error, Unforeseen):
        detail = error.message  # a kind and a place
    elif isinstance(error, ConfigurationError):
        # It names settings and their values: for the log, not for strangers.
        message, remedy = "the app is not configured", "Its log and docs/settings.md say what is wrong."
        detail = error.message  # messages of other errors may repeat what people sent: they are not logged
    log(names.REQUEST_REFUSED, http_status=error.http_status, code=error.code, detail=detail)
    signals.refused(error)
    return served.Problem(
        type="about:blank",
        title=HTTPStatus(error.http_status).phrase,
        status=error.http_status,
        detail=message,
        code=error.code,
        remedy=remedy,
        error=served.OldError(code=error.code, message=message, remedy=remedy),
    )


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
        return Reader(person=self.person, data_role=self.app.settings.roles.data)

    @property
    def run_id(self) -> str:
        """The run that the path names.

        Raises:
            NotFound: if no run has such an id.
        """
        run_id = self.route("run_id")
        if not naming.RUN_ID.fullmatch(run_id):
            msg = f"there is no run {clipped(run_id, _NAME_MAX)!r}"
            raise NotFound(msg)
        return run_id

    def route(self, name: str) -> str:
        """A part of the path, such as `gate`; empty where it is left out."""
        return str(self.http.route_params.get(name, ""))


type Handler[**P] = Callable[Concatenate[Request, P], msgspec.Struct | func.HttpResponse]


def sender_of(request: func.HttpRequest, right: Right) -> Person:
    """Who makes a request that they may make.

    Raises:
        Unauthenticated, Forbidden, TooManyRequests: if it is nobody, or they may not, or not so often.
    """
    app = services()
    someone = person(request, app.settings)
    app.request_rate.count(someone.id, app.world.clock.now())
    if right.is_to_act:
        insist_on_own_site(request, app.settings)
    return insist(someone, right, app.settings.roles)


def endpoint[**P](operation: Operation) -> Callable[[Handler[P]], Callable[..., func.HttpResponse]]:
    """Make a handler a function that the worker can call.

    The handler takes a `Request`, and then what the host binds to it (`due: func.Out[str]`).  What it returns is rendered as JSON
    with status 200, and may be kept if it was asked with GET, unless it is an `answer` of its own.

    Args:
        operation: what the route takes and answers.  If it needs nobody, everybody may ask, even while the app is not configured.
    """

    def decorate(handler: Handler[P]) -> Callable[..., func.HttpResponse]:
        @wraps(handler)
        def respond(req: func.HttpRequest, *bound: P.args, **named: P.kwargs) -> func.HttpResponse:
            def answered(sender: Person | None) -> func.HttpResponse:
                given = handler(Request(req, sender), *bound, **named)
                if isinstance(given, func.HttpResponse):
                    return given
                return kept_answer(req, given) if req.method == "GET" else answer(given)

            try:
                sender = sender_of(req, operation.needs) if operation.needs else None
                if sender and operation.needs is not Right.READ and KEY in req.headers:
                    return _answered_once(req, sender, lambda: answered(sender))
                return answered(sender)
            except Exception as error:  # noqa: BLE001  whatever it is, the answer has the documented form
                return error_answer(foreseen(error))

        respond.operation = operation  # type: ignore[attr-defined]  # read where the API is described
        return traced(as_http(handler, respond))

    return decorate


def _answered_once(
    request: func.HttpRequest, sender: Person, answered: Callable[[], func.HttpResponse]
) -> func.HttpResponse:
    """The answer to a request that its sender knows by a key; the first one, if it was answered before.

    Raises:
        Malformed: the key is none.
        KeyReused, StillRunning, Unavailable: see `Repeated.begin`.
    """
    key = request.headers[KEY]
    if not IS_KEY.fullmatch(key):
        msg = f"{KEY} has {len(key)} characters, expected 1 to 255 that print in ASCII"
        raise Malformed(msg)
    repeated = services().repeated
    asked = f"{request.method} {urlsplit(request.url).path}\n".encode() + request.get_body()
    begun = repeated.begin(sender.id, key, asked)
    if known := begun.outcome:
        return func.HttpResponse(
            known.body, status_code=known.status, mimetype=known.media_type, headers=dict(_HEADERS)
        )
    try:
        response = answered()
    except Exception as error:  # noqa: BLE001  a refusal is an answer, too
        response = error_answer(foreseen(error))
    text = response.get_body().decode()
    repeated.end(begun, Outcome(status=response.status_code, media_type=response.mimetype, body=text))
    return response


def as_http[R](handler: Callable[..., object], respond: Callable[..., R]) -> Callable[..., R]:
    """Let the worker, which reads signatures, see `req` where the handler has its `Request`."""
    _, *bound = inspect.signature(handler).parameters.values()
    req = inspect.Parameter("req", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=func.HttpRequest)
    respond.__signature__ = inspect.Signature([req, *bound], return_annotation=func.HttpResponse)  # type: ignore[attr-defined]
    annotations = {parameter.name: parameter.annotation for parameter in (req, *bound)}
    respond.__annotations__ = annotations | {"return": func.HttpResponse}
    return respond
