"""Lists page by page: how many at once, and where the page before ended."""

from __future__ import annotations

import re
from typing import Annotated, Final

import azure.functions as func
import msgspec

from functions.operations import Parameter
from shared.core.errors import Malformed

LIMIT: Final = Parameter(
    "limit", Annotated[int, msgspec.Meta(ge=1, le=100)], "How many at most; 50 without it."
)


def after(pattern: re.Pattern[str]) -> Parameter:
    """Where the page before ended."""
    shape = Annotated[str, msgspec.Meta(pattern=f"^{pattern.pattern}$")]
    return Parameter("after", shape, "`next` of the page before.")


def limit_of(request: func.HttpRequest) -> int:
    """How many at most.

    Raises:
        Malformed: if it is not from 1 to 100.
    """
    text = request.params.get("limit", "50")
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        msg = f"limit is {text!r}, expected a whole number from 1 to 100"
        raise Malformed(msg)
    return int(text)


def after_of(request: func.HttpRequest, pattern: re.Pattern[str]) -> str | None:
    """Where the page before ended; None for the first page.

    Raises:
        Malformed: if no page ended so.
    """
    text = request.params.get("after")
    if text and not pattern.fullmatch(text):
        msg = f"after is {text!r}, expected `next` of the page before"
        raise Malformed(msg)
    return text or None
