"""The control API.  It has a port and a key of its own, so that nothing the product uses leads to it."""

from __future__ import annotations

import secrets
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.foundry.common import clock
from local.foundry.common.bodies import read_json
from local.foundry.common.errors import ServiceError
from local.foundry.control.faults import Fault, NotAFault
from local.foundry.control.state import Control

KEY_HEADER: Final = "X-Control-Key"
_CLOCK_KEYS: Final = frozenset({"advance_s", "rate"})


class ControlApi:
    """Answers what is asked under `/control`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> list[Route]:
        """The routes."""
        fault = "/control/faults/{number:int}"
        return [
            Route("/control/clock", self.get_clock),
            Route("/control/clock", self.change_clock, methods=["POST"]),
            Route("/control/faults", self.list_faults),
            Route("/control/faults", self.add_fault, methods=["POST"]),
            Route("/control/faults", self.remove_faults, methods=["DELETE"]),
            Route(fault, self.get_fault),
            Route(fault, self.remove_fault, methods=["DELETE"]),
            Route("/control/retirements/{model}", self.retire, methods=["POST"]),
            Route("/control/requests", self.list_requests),
            Route("/control/requests", self.clear_requests, methods=["DELETE"]),
        ]

    async def get_clock(self, _request: Request) -> Response:
        """GET the time, and how fast it passes."""
        return JSONResponse({"now": clock.now(), "rate": clock.current().rate})

    async def change_clock(self, request: Request) -> Response:
        """POST a step forward (`advance_s`), another `rate`, or both; at rate 0 the clock stands still."""
        body = await read_json(request)
        are_numbers = all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in body.values()
        )
        if not body or set(body) - _CLOCK_KEYS or not are_numbers:
            raise ServiceError(400, "invalidPayload", "The clock takes numbers: advance_s, rate.")
        try:
            self._control.change_clock(advance_s=body.get("advance_s", 0.0), rate=body.get("rate"))
        except ValueError as error:
            raise ServiceError(400, "invalidPayload", str(error)) from error
        return await self.get_clock(request)

    async def list_faults(self, _request: Request) -> Response:
        """GET all faults, and how many late requests have not been applied yet."""
        shown = [fault.show() for fault in self._control.faults()]
        return JSONResponse({"data": shown, "waiting": self._control.waiting()})

    async def add_fault(self, request: Request) -> Response:
        """POST a fault."""
        try:
            fault = self._control.add_fault(await read_json(request))
        except NotAFault as error:
            raise ServiceError(400, "invalidPayload", str(error)) from error
        return JSONResponse(fault.show(), status_code=201)

    async def remove_faults(self, _request: Request) -> Response:
        """DELETE all faults."""
        for fault in self._control.faults():
            self._control.remove_fault(fault.number)
        return Response(status_code=204)

    def _fault(self, request: Request) -> Fault:
        fault = self._control.fault(request.path_params["number"])
        if fault is None:
            raise ServiceError(404, "notFound", "There is no such fault.")
        return fault

    async def get_fault(self, request: Request) -> Response:
        """GET a fault, with how often it was seen and how often it fired."""
        return JSONResponse(self._fault(request).show())

    async def remove_fault(self, request: Request) -> Response:
        """DELETE a fault."""
        self._control.remove_fault(self._fault(request).number)
        return Response(status_code=204)

    async def retire(self, request: Request) -> Response:
        """POST dates of a model, such as `{"training": "2026-11-01"}`; they stand in `offer.json` then."""
        try:
            known = self._control.offer.retire(request.path_params["model"], await read_json(request))
        except ValueError as error:
            raise ServiceError(400, "invalidPayload", str(error)) from error
        return JSONResponse(known)

    async def list_requests(self, request: Request) -> Response:
        """GET the last requests, oldest first; only those after the number `after`, if it is given."""
        after = request.query_params.get("after", "0")
        if not after.isdecimal() or len(after) > 18:
            raise ServiceError(400, "invalidPayload", "after must be the number of a request.", "after")
        return JSONResponse({"data": [entry.show() for entry in self._control.journal.entries(int(after))]})

    async def clear_requests(self, _request: Request) -> Response:
        """DELETE all noted requests."""
        self._control.journal.clear()
        return Response(status_code=204)


class _Keyed(BaseHTTPMiddleware):
    """Refuses a request without the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        super().__init__(app)
        self._key = key.encode()

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        if not secrets.compare_digest(request.headers.get(KEY_HEADER, "").encode(), self._key):
            return JSONResponse(_shown("unauthorized", f"{KEY_HEADER} is missing or wrong"), status_code=401)
        return await call_next(request)


def _shown(code: str | None, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return JSONResponse(_shown(error.code, error.message), status_code=error.status)


async def _no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(_shown(str(error.status_code), error.detail), status_code=error.status_code)


def create_control_app(control: Control, key: str) -> Starlette:
    """The control API as an ASGI app."""
    return Starlette(
        routes=ControlApi(control).routes(),
        middleware=[Middleware(_Keyed, key=key)],
        exception_handlers={ServiceError: _refuse, HTTPException: _no_route},
    )


def by_port(app: ASGIApp, control_app: ASGIApp, control_port: int) -> ASGIApp:
    """Both apps on one server.  The port of the connection decides between them, and nothing in the request."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        is_control = scope["type"] == "http" and server is not None and server[1] == control_port
        await (control_app if is_control else app)(scope, receive, send)

    return answer
