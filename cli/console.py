"""Where things are printed: results to the standard output, everything about the work itself to the standard error."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape


class CannotStart(Exception):
    """What was given cannot be used; the message says what to give instead."""


def output() -> Console:
    """The standard output."""
    return Console(highlight=False)


def errors() -> Console:
    """The standard error."""
    return Console(stderr=True, highlight=False)


def show_error(text: str) -> None:
    """Say why a command failed."""
    errors().print(f"[red]error:[/] {escape(text)}", soft_wrap=True)


def show_note(text: str) -> None:
    """Say something that changes no result."""
    errors().print(f"[cyan]note:[/] {escape(text)}", soft_wrap=True)
