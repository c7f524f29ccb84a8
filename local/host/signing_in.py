"""`/.auth`: where a browser signs in and out.  In Azure, Entra asks for an account here; this asks for a local identity."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from local.host.easyauth import BACK_TO, COOKIE, ROLES, SIGN_IN, EasyAuth, is_from_own_site, is_of_own_site

_DONE: Final = "/.auth/login/done"
_SIGNED_OUT: Final = "/.auth/logout/complete"
_CALLBACK: Final = f"{SIGN_IN}/callback"
#: A site of others whose name leads to this machine is not let in by the browser of whoever works here.
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 32rem; margin: 2rem auto; padding: 0 1rem }
button { font: inherit; min-height: 2.75rem; width: 100%; margin: .25rem 0; text-align: left }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def with_sign_in(site: ASGIApp, auth: EasyAuth) -> Starlette:
    """A site behind its sign-in.  Other paths of `/.auth` are 404, as `/.auth/me` is without a token store."""
    return Starlette(routes=[*_routes(auth), Mount("/.auth", Starlette()), Mount("/", auth.before(site))])


def _routes(auth: EasyAuth) -> list[Route]:

    async def choose(request: Request) -> Response:
        wanted = request.query_params.get(BACK_TO, _DONE)
        return _refusal(request, wanted) or _page("Sign in", _choice(auth.identities, wanted))

    async def begin(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=2)
        name, wanted = str(form.get("identity", "")), str(form.get(BACK_TO, _DONE))
        if refusal := _refusal(request, wanted):
            return refusal
        if name not in auth.identities:
            return _page("Nobody is called that", _link("Choose again", SIGN_IN), status=401)
        if not is_from_own_site(request):
            return _page("Another site sent this", _link("Sign in", SIGN_IN), status=403)
        answer = RedirectResponse(wanted, 302)
        answer.set_cookie(COOKIE, auth.sessions.begin(name), httponly=True, samesite="lax")
        return answer

    async def end(request: Request) -> Response:
        wanted = request.query_params.get("post_logout_redirect_uri", _SIGNED_OUT)
        if refusal := _refusal(request, wanted):
            return refusal
        auth.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(wanted, 302)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer

    async def done(_request: Request) -> Response:
        return _page("You are signed in", _link("Go to the page", "/api/ui"))

    async def signed_out(_request: Request) -> Response:
        back = f"{SIGN_IN}?{BACK_TO}={quote('/api/ui', safe='')}"
        return _page("You are signed out", _link("Sign in again", back))

    return [
        Route(SIGN_IN, choose),
        Route(_CALLBACK, begin, methods=["POST"]),
        Route("/.auth/logout", end),
        Route(_DONE, done),
        Route(_SIGNED_OUT, signed_out),
    ]


def _choice(names: Iterable[str], wanted: str) -> str:
    """A button for each identity, which leads to where the browser wanted to go."""
    buttons = "".join(
        f'<button name="identity" value="{escape(name)}">{escape(name)} ({escape(ROLES.get(name, "of your own"))})</button>'
        for name in names
    )
    return (
        "<p>This is the local cloud: choose who you are. In Azure, Microsoft Entra asks for your account.</p>"
        f'<form method="post" action="{_CALLBACK}"><input type="hidden" name="{BACK_TO}" value="{escape(wanted)}">'
        f"{buttons}</form>"
    )


def _refusal(request: Request, wanted: str) -> Response | None:
    """What is answered to a request that did not come to this machine's own name, or would lead away from it."""
    if request.url.hostname not in _LOOPBACK:
        return _page("The local cloud is reached by 127.0.0.1 or localhost", "", status=403)
    if not _is_own(request, wanted):
        return _page("That would lead to another site", _link("Sign in", SIGN_IN), status=403)
    return None


def _is_own(request: Request, address: str) -> bool:
    """Whether an address is of this site.  Browsers leave control characters out, and take a backslash for a slash."""
    if not address.isprintable() or "\\" in address or " " in address:
        return False
    if address.startswith("/"):
        return not address.startswith("//")
    return is_of_own_site(request, address)


def _link(words: str, address: str) -> str:
    return f'<p><a href="{escape(address)}">{escape(words)}</a></p>'


def _page(title: str, body: str, status: int = 200) -> Response:
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - local cloud</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )
    return Response(html, status, dict(_HEADERS), "text/html")
