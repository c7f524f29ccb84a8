"""The JSON body of a request, and the objects in it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from local.foundry.common.errors import ServiceError


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries.

    Raises:
        ServiceError: 400, if there is no object, or if its text is not valid Unicode.
    """
    try:
        body = await request.json()
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is not valid text
    except (ValueError, RecursionError) as error:
        raise ServiceError(400, "invalidPayload", f"The request body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ServiceError(400, "invalidPayload", "The request body is not a JSON object.")
    return body


def object_at(body: dict[str, Any], key: str) -> dict[str, Any]:
    """The object at a key; an empty one if the key is missing.

    Raises:
        ServiceError: 400, if something else is there.
    """
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise ServiceError(400, "invalidPayload", f"Invalid value for {key}: expected an object.", key)
    return found


def schema_of(response_format: Any) -> dict[str, Any] | None:
    """The schema of a `response_format`; None if it asks for text.

    Chat completions, responses and jobs each write it in another way.
    """
    if not isinstance(response_format, dict):
        return None
    if response_format.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    found = response_format.get("json_schema", response_format)
    schema = found.get("schema") if isinstance(found, dict) else None
    return schema if isinstance(schema, dict) else None
