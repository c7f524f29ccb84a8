"""Lists with `after` and `limit`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from local.foundry.errors import ServiceError


def page(
    request: Request, rows: list[dict[str, Any]], *, default: int = 20, most: int = 100
) -> dict[str, Any]:
    """The page that a request asks for, of rows in their order."""
    raw = request.query_params.get("limit", str(default))
    if not raw.isdecimal() or len(raw) > len(str(most)) or not 1 <= int(raw) <= most:
        raise ServiceError(400, "invalidPayload", f"limit must be between 1 and {most}.", "limit")
    after = request.query_params.get("after")
    start = 0
    if after:
        start = next((at + 1 for at, row in enumerate(rows) if row["id"] == after), len(rows))
    shown = rows[start : start + int(raw)]
    return {"object": "list", "data": shown, "has_more": start + len(shown) < len(rows)}
