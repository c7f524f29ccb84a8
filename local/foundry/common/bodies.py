"""The JSON body of a request, and the objects in it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from local.foundry.common.errors import ServiceError


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries.

    Raises:
        ServiceError: 400, if it carries none, or text that is no Unicode.
    """
    try:
        body = await request.json()
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError) as error:
        raise ServiceError(400, "invalidPayload", f"The request body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise ServiceError(400, "invalidPayload", "The request body is no JSON object.")
    return body


def object_at(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The object at a key, empty if there is none.

    Raises:
        ServiceError: 400, if something else is there.
    """
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise ServiceError(400, "invalidPayload", f"Invalid value for {key}: expected an object.", key)
    return found
