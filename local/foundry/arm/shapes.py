"""What the answers of Resource Manager share: pages, times, and the headers of long-running operations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request

from local.foundry.common.errors import ArmError

_PAGE_ROWS: Final = 20
_API_VERSION: Final = "2025-09-01"


def page(request: Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The page that a request asks for, with the address of the next one if there is one.

    Raises:
        ArmError: 400, if its `$skipToken` is not valid.
    """
    token = request.query_params.get("$skipToken", "0")
    if not token.isdecimal() or len(token) > 9:
        raise ArmError(400, "InvalidSkipToken", f"The $skipToken '{token}' is not valid.")
    start, end = int(token), int(token) + _PAGE_ROWS
    shown: dict[str, Any] = {"value": rows[start:end]}
    if end < len(rows):
        shown["nextLink"] = str(request.url.include_query_params(**{"$skipToken": end}))
    return shown


def moment(seconds: float) -> str:
    """A time as Resource Manager writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def operation_headers(request: Request, operation: str, resource: str, left_s: float) -> dict[str, str]:
    """The headers of a long-running write: where its status is, where its result will be, and how many seconds to wait."""
    where = f"{request.url.scheme}://{request.url.netloc}/operations/{operation}"
    return {
        "Azure-AsyncOperation": f"{where}?api-version={_API_VERSION}",
        "Location": f"{where}/result?api-version={_API_VERSION}&resource={quote(resource, safe='')}",
        "Retry-After": str(int(left_s)),  # 0 for less than a second: clients then use their own interval
    }
