"""The page of one run, and the same as a file that somebody keeps."""

from typing import Final

import azure.functions as func

from functions.html import Shown, page
from functions.http import Request
from shared.core.errors import Malformed
from shared.views.asked import Places

bp = func.Blueprint()

_DIGITS_MAX: Final = 6


@bp.function_name("run_page")
@bp.route(route="ui/runs/{run_id}", methods=["GET"])
@page
def run_page(request: Request) -> Shown:
    """Everything about a run, what is asked about it first."""
    made = request.app.run_pages.page(request.run_id, request.reader, _places(request))
    return Shown("run", made, place="runs")


@bp.function_name("run_file")
@bp.route(route="ui/runs/{run_id}/file", methods=["GET"])
@page
def run_file(request: Request) -> Shown:
    """The page of a run as one file: what the reader may see, and nothing to press."""
    made = request.app.run_pages.page(request.run_id, request.reader, _places(request), is_saved=True)
    return Shown("run", made, is_saved=True, file_name=f"run-{made.id}.html")


def _places(request: Request) -> Places:
    """Which parts of the long lists are asked for.

    Raises:
        Malformed: naming what is not a number.
    """
    return Places(
        events=_number(request, "events"),
        findings=_number(request, "findings") or 0,
        items=_number(request, "items") or 0,
        item=_number(request, "item"),
    )


def _number(request: Request, name: str) -> int | None:
    text = request.http.params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        msg = f"{name} is not a whole number of at most {_DIGITS_MAX} digits"
        raise Malformed(msg)
    return int(text)
