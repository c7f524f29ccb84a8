"""Lists page by page: how many at once, and where the page before ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, get_args

import azure.functions as func
import msgspec

from functions.operations import Parameter
from shared.core import naming
from shared.core.errors import Malformed
from shared.core.history import Kind

_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    rf"{_DATE.pattern}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
)
_LIMIT: Final = 50


def limit(also: str = "") -> Parameter:
    """How many at most.

    Args:
        also: what is to be known of a list whose pages may be shorter, as a sentence.
    """
    shape = Annotated[int, msgspec.Meta(ge=1, le=100, extra_json_schema={"default": _LIMIT})]
    return Parameter("limit", shape, " ".join(filter(None, ("How many at most.", also))))


KIND: Final = Parameter("kind", Kind, "Lines of this kind only.")
#: Number of a line of a history.
LINE: Final = re.compile("[0-9]{1,6}")
#: Key of a run in the index, and perhaps the number of a line of its history.
RUN_AND_LINE: Final = re.compile(rf"{naming.LISTING_KEY.pattern}(?:/{LINE.pattern})?")
_TIME: Final = Annotated[
    str, msgspec.Meta(extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]})
]
FROM: Final = Parameter(
    "from",
    _TIME,
    "From this time on, such as 2026-11-01 or 2026-11-01T08:00:00Z; a date is its begin in UTC. Send + as %2B.",
)
TO: Final = Parameter("to", _TIME, "Before this time, likewise; without it, until now.")


def after(pattern: re.Pattern[str]) -> Parameter:
    """Where the page before ended."""
    shape = Annotated[str, msgspec.Meta(pattern=f"^{pattern.pattern}$")]
    return Parameter("after", shape, "`next` of the page before; left out for the first page.")


def limit_of(request: func.HttpRequest) -> int:
    """How many at most.

    Raises:
        Malformed: if it is not from 1 to 100.
    """
    text = request.params.get("limit", str(_LIMIT))
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


def one_of(request: func.HttpRequest, parameter: Parameter) -> str | None:
    """What was asked for of a few words; None if nothing was.

    Raises:
        Malformed: if it is none of them.
    """
    text: str | None = request.params.get(parameter.name)
    if text is not None and text not in get_args(parameter.shape):
        msg = f"{parameter.name} is {text!r}, expected one of {', '.join(get_args(parameter.shape))}"
        raise Malformed(msg)
    return text


def time_of(query: Mapping[str, str], parameter: Parameter) -> datetime | None:
    """A bound of a period; None if there is none.

    Raises:
        Malformed: if it is neither a date nor a time with its offset.
    """
    text = query.get(parameter.name)
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    msg = f"{parameter.name} is {text!r}, expected a date, or a time such as 2026-11-01T08:00:00Z"
    if _DATE_TIME.fullmatch(text.replace(" ", "+")):
        raise Malformed(msg, remedy="In an address a + stands for a blank: write the offset as %2B01:00.")
    raise Malformed(msg)
