"""Pages that say what went wrong."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.core import served
from shared.views.offers import in_buttons

_TITLES: Final = {
    400: "This cannot be read",
    401: "Please sign in",
    403: "You may not do this",
    404: "There is no such page",
    409: "This was decided already, or has changed",
    410: "The time is over",
    429: "Too many requests",
    503: "Not available right now",
}


class ProblemPage(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: the words of the problem details that the API answers.

    Attributes:
        title: for people.
        detail: what happened.
        remedy: what the reader can do.
        code: stable name of the error.
        status: of the answer.
    """

    title: str
    detail: str
    remedy: str
    code: str
    status: int


def problem_page(problem: served.Problem) -> ProblemPage:
    """The page of a problem."""
    return ProblemPage(
        title=_TITLES.get(problem.status, "Something went wrong"),
        detail=in_buttons(problem.detail),
        remedy=in_buttons(problem.remedy),
        code=problem.code,
        status=problem.status,
    )
