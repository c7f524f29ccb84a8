"""The HTTP trigger: routes of the app behind the platform's authentication."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.host.dispatch import Dispatcher
from local.host.easyauth import EasyAuth
from local.host.messages import PROTOCOL, TypedData
from local.host.signing_in import with_sign_in
from local.host.worker import Function

_PARAMETER: Final = re.compile(r"\{(?P<rest>\*?)(?P<name>\w+)(?::(?P<kind>\w+))?\??\}")
_ENCODED_SLASH: Final = re.compile("%(2f)", re.IGNORECASE)
_KINDS: Final = {"int": "int", "guid": "uuid", "float": "float", "double": "float"}
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def starlette_path(prefix: str, route: str) -> str:
    """A route template of Functions, as a path of Starlette."""

    def parameter(match: re.Match[str]) -> str:
        kind = "path" if match["rest"] else _KINDS.get(match["kind"] or "", "")
        return f"{{{match['name']}:{kind}}}" if kind else f"{{{match['name']}}}"

    parts = [part.strip("/") for part in (prefix, _PARAMETER.sub(parameter, route)) if part.strip("/")]
    return "/" + "/".join(parts)


def make_site(
    functions: Iterable[Function], prefix: str, dispatcher: Dispatcher, auth: EasyAuth
) -> Starlette:
    """The site of all HTTP functions, behind its sign-in.  Fixed segments come before parameters, as in the real host."""
    http = [function for function in functions if function.trigger["type"] == "httpTrigger"]
    http.sort(
        key=lambda function: (str(function.trigger.get("route", function.name)).count("{"), function.name)
    )
    routes = []
    for function in http:
        trigger = function.trigger
        methods = {str(method).upper() for method in trigger.get("methods") or _METHODS}
        route = Route(
            starlette_path(prefix, str(trigger.get("route") or function.name)),
            _endpoint(function, dispatcher),
            methods=sorted(methods),
        )
        route.methods = methods  # Azure does not answer HEAD for GET routes either
        routes.append(route)
    return with_sign_in(routed_as_in_azure(Starlette(routes=routes)), auth)


def routed_as_in_azure(site: ASGIApp) -> ASGIApp:
    """The site, with paths as the real host's routing takes them (ASP.NET Core).

    An encoded slash stays encoded and divides nothing, and a slash at the end changes nothing, so that nobody is sent elsewhere.
    """

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": _path(scope["raw_path"].decode("ascii"))}
        await site(scope, receive, send)

    return routed


def _path(raw: str) -> str:
    return unquote(_ENCODED_SLASH.sub(r"%25\1", raw)).rstrip("/") or "/"


def _endpoint(function: Function, dispatcher: Dispatcher) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        message = PROTOCOL.RpcHttp(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            params={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            body=TypedData(bytes=await request.body()),
        )
        outcome = await dispatcher.invoke(function, TypedData(http=message))
        if not outcome.is_ok or outcome.value is None:
            return Response(status_code=500)
        return _response(outcome.value.http)

    return respond


def _response(answer: Any) -> Response:
    content = answer.body.raw if answer.body is not None else b""
    headers = {str(name): str(value) for name, value in (answer.headers or {}).items()}
    return Response(content=content or b"", status_code=int(answer.status_code), headers=headers)
