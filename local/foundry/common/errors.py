"""Errors in Azure's two shapes: the data plane's and Resource Manager's."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class ServiceError(Exception):
    """An error of the data plane.

    Args:
        status: of the HTTP answer.
        code: the service's name for it; None if it has none.
        message: for people.
        param: the parameter that is to blame, if one is.
        inner: what a content filter found, if that is the error.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        param: str | None = None,
        inner: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param, self.inner = status, code, message, param, inner


class ArmError(Exception):
    """An error of Azure Resource Manager."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s


async def answer_service_error(_request: Request, error: Exception) -> JSONResponse:
    """`{"error": {"code", "message", "param", "type", "inner_error"}}`; a filtered prompt as the guide shows it."""
    assert isinstance(error, ServiceError)
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "type": "error",
        "inner_error": None,
    }
    if error.inner is not None:
        del body["inner_error"]
        body |= {"type": None, "status": error.status, "innererror": error.inner}
    return JSONResponse({"error": body}, status_code=error.status)


async def answer_arm_error(_request: Request, error: Exception) -> JSONResponse:
    """`{"error": {"code", "message"}}`."""
    assert isinstance(error, ArmError)
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else None
    body = {"error": {"code": error.code, "message": error.message}}
    return JSONResponse(body, status_code=error.status, headers=headers)


async def answer_no_route(_request: Request, error: Exception) -> JSONResponse:
    """A route that does not exist, answered like the gateway in front of Azure's services; or a body that is not a form."""
    assert isinstance(error, HTTPException)
    message = "Resource not found" if error.status_code in {404, 405} else error.detail
    body = {"code": str(error.status_code), "message": message}
    return JSONResponse({"error": body}, status_code=error.status_code)


async def answer_failure(_request: Request, _error: Exception) -> JSONResponse:
    """A mistake in the stand-in: 500 in the service's shape; its log has the traceback."""
    failure = ServiceError(500, "internalFailure", "The local stand-in failed; its log says where.")
    answer = await answer_service_error(_request, failure)
    answer.headers["apim-request-id"] = str(uuid.uuid4())  # no middleware runs around this handler
    return answer
