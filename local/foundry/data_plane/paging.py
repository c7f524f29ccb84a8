"""Lists with `after` and `limit`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from local.foundry.common.errors import ServiceError
from local.foundry.common.store import Asked


def asked(
    request: Request, *, default: int = 20, most: int = 100, hidden: frozenset[str] = frozenset()
) -> Asked:
    """The page that a request asks for.

    Raises:
        ServiceError: 400, for a limit out of bounds.
    """
    raw = request.query_params.get("limit", str(default))
    if not raw.isdecimal() or len(raw) > len(str(most)) or not 1 <= int(raw) <= most:
        raise ServiceError(400, "invalidPayload", f"limit must be between 1 and {most}.", "limit")
    return Asked(int(raw), request.query_params.get("after") or None, hidden)


def listed(rows: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page as the service answers."""
    return {"object": "list", "data": rows, "has_more": has_more}


def page(
    request: Request, rows: list[dict[str, Any]], *, default: int = 20, most: int = 100
) -> dict[str, Any]:
    """The page that a request asks for, of the few rows of a short list."""
    wanted = asked(request, default=default, most=most)
    start = 0
    if wanted.after:
        start = next((at + 1 for at, row in enumerate(rows) if row["id"] == wanted.after), len(rows))
    shown = rows[start : start + wanted.limit]
    return listed(shown, has_more=start + len(shown) < len(rows))
