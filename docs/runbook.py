"""The runbook (docs/operate.md) as a template of the page, so that whoever is woken needs no repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

_OPERATE: Final = Path(__file__).with_name("operate.md")
TEMPLATE: Final = Path(__file__).parents[1] / "shared" / "pages" / "templates" / "runbook.html"
_FRAME: Final = """\
{{# Written by docs/generate.py, of docs/operate.md. #}}
{{% extends "base.html" %}}
{{% block title %}}Runbook{{% endblock %}}
{{% block main %}}
{{% raw %}}
{body}
{{% endraw %}}
{{% endblock %}}
"""


def runbook() -> str:
    """The template: headings have the names that links lead to; links to other pages of the docs are their names."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_OPERATE.read_text())
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _name(tokens[at + 1].content))
        if token.type == "inline" and token.children:
            token.children = [
                child for child in token.children if child.type not in {"link_open", "link_close"}
            ]
    body = markdown.renderer.render(tokens, markdown.options, {})
    body = body.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    body = body.replace("</table>", "</table></div>").replace("<th>", '<th scope="col">')
    return _FRAME.format(body=body.strip())


def _name(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
