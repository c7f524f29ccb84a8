"""HTML of templates.  jinja2 is loaded when the first page is asked for: no other request pays for it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.core.shown import visible

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).with_name("templates")
_STYLE: Final = "style.css"
#: Where App Service sends somebody to sign in whose session ended while they filled in a form.
_SIGN_IN: Final = "https://login.microsoftonline.com"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a page.

    Attributes:
        version: of the app.
        place: part of the navigation that the page belongs to: `home`, `runs`, `pipelines`, `decisions`; empty: none.
        person: name of who reads; empty in a saved file, and where nobody signed in.
        roles: their app roles that count here.
        notice: a sentence about what was done just now; never a text that was sent.
        is_saved: whether it is a file that somebody keeps: there is nothing to press in it.
    """

    version: str
    place: str = ""
    person: str = ""
    roles: tuple[str, ...] = ()
    notice: str = ""
    is_saved: bool = False


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown on a page whose template has all of it."""


def render(name: str, page: msgspec.Struct, frame: Frame) -> str:
    """The page of a template.

    Args:
        name: of the template, without `.html`.
        page: what it shows.
        frame: what stands around it.
    """
    return _environment().get_template(f"{name}.html").render(page=page, frame=frame, policy=_policy(frame))


def content_policy() -> str:
    """The Content-Security-Policy of pages: the one style that stands in them, pictures, forms to this app, and nothing else.

    The sign-in is allowed as the target of a form, since a browser checks that after the redirect, too: without it a button does
    nothing once the session has ended.
    """
    return f"{_base_policy()}; frame-ancestors 'none'; form-action 'self' {_SIGN_IN}"


def _policy(frame: Frame) -> str:
    """That of a saved file, which it brings along; a page has its own in a header."""
    return f"{_base_policy()}; form-action 'none'" if frame.is_saved else ""


@cache
def _base_policy() -> str:
    style = _environment().get_template(_STYLE).render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; base-uri 'none'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _shown(value: Any) -> Any:
    """What a template shows: text of anybody neither turns the text around it, nor hides anything; lines stay lines."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return visible(value.replace("\r\n", "\n"), keep="\n\t") if is_text else value
