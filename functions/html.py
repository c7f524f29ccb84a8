"""Pages: HTML for people who signed in with a browser, and the forms that they send.

Every handler is a `@page`.  It gives what a template shows, or an answer of its own.  Errors become pages that say the same as
the problem details of the API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, Final
from urllib.parse import parse_qsl

import azure.functions as func
import msgspec

from functions.http import Request, as_http, insist_on_own_site, problem_of, sender_of, sent, to_wait
from functions.tracing import traced
from shared.core.errors import Forbidden, Malformed, foreseen
from shared.core.people import Person
from shared.core.roles import Right, Roles
from shared.pages.render import Frame, content_policy, render
from shared.version import VERSION
from shared.views.errors import problem_page
from shared.views.notices import NOTICES

_FORM: Final = "application/x-www-form-urlencoded"
_FORM_MAX: Final = 16 * 1024
_FIELDS_MAX: Final = 10
#: Headers with a principal that no form of a browser has: it was made by a script that holds a token.
_TOKENS: Final = ("Authorization", "X-ZUMO-AUTH")


@dataclass(frozen=True, slots=True)
class Shown:
    """A page.

    Attributes:
        template: its name.
        page: what it shows.
        place: the part of the navigation that it belongs to.
        status: of the answer.
        is_saved: whether it is a file that somebody keeps.
        file_name: of that file.
    """

    template: str
    page: msgspec.Struct
    place: str = ""
    status: int = 200
    is_saved: bool = False
    file_name: str = ""


type Handler[**P] = Callable[Concatenate[Request, P], Shown | func.HttpResponse]


def page[**P](handler: Handler[P]) -> Callable[..., func.HttpResponse]:
    """Make a handler of a page, or of a form, a function that the worker can call.

    Whoever reads may ask; a form's handler sees to the rest (`insist_on_form`).  The handler takes a `Request`, and then what the
    host binds to it.
    """

    @wraps(handler)
    def respond(req: func.HttpRequest, *bound: P.args, **named: P.kwargs) -> func.HttpResponse:
        sender: Person | None = None
        try:
            sender = sender_of(req, Right.READ)
            request = Request(req, sender)
            given = handler(request, *bound, **named)
            if not isinstance(given, Shown):
                return given
            return _answer(given, _frame(given, sender, request.app.settings.roles, req))
        except Exception as error:  # noqa: BLE001  whatever it is, people get a page that says so
            known = foreseen(error)
            shown = Shown("error", problem_page(problem_of(known)), status=known.http_status)
            response = _answer(shown, Frame(version=VERSION, person=sender.name if sender else ""))
            response.headers.update(to_wait(known))
            return response

    return traced(as_http(handler, respond))


def _frame(shown: Shown, sender: Person, roles: Roles, request: func.HttpRequest) -> Frame:
    if shown.is_saved:
        return Frame(version=VERSION, is_saved=True)
    count = {roles.reader, roles.approver, roles.operator, roles.data}
    return Frame(
        version=VERSION,
        place=shown.place,
        person=sender.name,
        roles=tuple(sorted(sender.roles & count)),
        notice=_notice(request),
    )


def _notice(request: func.HttpRequest) -> str:
    """What is said of what was done just now: only after a page of this app, since others may lead to any address."""
    came_from_here = request.headers.get("Sec-Fetch-Site") == "same-origin"
    return NOTICES.get(request.params.get("notice", ""), "") if came_from_here else ""


def _answer(shown: Shown, frame: Frame) -> func.HttpResponse:
    response = html_answer(render(shown.template, shown.page, frame), shown.status)
    if shown.file_name:
        response.headers["Content-Disposition"] = f'attachment; filename="{shown.file_name}"'
    return response


def html_answer(text: str, status: int = 200) -> func.HttpResponse:
    """A page; nobody keeps it, since it says how things are now."""
    return func.HttpResponse(text, status_code=status, mimetype="text/html", headers=_headers())


def file_answer(text: str, content_type: str, name: str) -> func.HttpResponse:
    """A file that a browser saves under a name of ours."""
    headers = _headers() | {"Content-Disposition": f'attachment; filename="{name}"'}
    return func.HttpResponse(text, status_code=200, mimetype=content_type, headers=headers)


def see_other(path: str) -> func.HttpResponse:
    """The answer to a form that was taken: the browser goes on to a page, and a reload sends nothing twice."""
    return func.HttpResponse(b"", status_code=303, headers=_headers() | {"Location": path})


def _headers() -> dict[str, str]:
    """`same-origin`: without a referrer browsers send `Origin: null` with a form, which App Service refuses."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


def insist_on_form(request: Request) -> None:
    """See to it that a form of this app's own pages was sent, by somebody who signed in with a browser.

    Raises:
        Forbidden: it comes from another site, from nowhere, or with a token.
    """
    headers = request.http.headers
    if any(name in headers for name in _TOKENS):
        msg = "forms are for people who signed in with a browser; this request brings a token"
        raise Forbidden(msg, remedy="Use the API: docs/api.md.")
    insist_on_own_site(request.http, request.app.settings)
    if "Origin" not in headers:
        msg = "the form does not say which site it comes from (Origin is missing)"
        raise Forbidden(msg, remedy="Send it from the app's own pages, or use the API: docs/api.md.")


def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; lines end as in JSON.

    Raises:
        Malformed: it is no form, or too large.
    """
    raw = sent(request.http, _FORM, _FORM_MAX, "form")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), errors="strict",
            max_num_fields=_FIELDS_MAX,
        )  # fmt: skip
    except ValueError as error:
        msg = "the form cannot be read"
        raise Malformed(msg) from error
    if len({name for name, _ in pairs}) != len(pairs):
        msg = "the form names a field twice"
        raise Malformed(msg)
    return {name: value.replace("\r\n", "\n") for name, value in pairs}
