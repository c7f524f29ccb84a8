"""Where things are printed: results to the standard output, everything about the work itself to the standard error.

Names of files, keys of rows and answers of models are somebody else's words.  On a `Terminal` they are only text: they colour
nothing, move no cursor and link nowhere.  Nothing of ours is printed around it (`tests/architecture/test_shown.py`).
"""

from __future__ import annotations

import sys
import textwrap
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from shared.core.shown import json_text, visible

type Part = str | tuple[str, str]
"""A text, or a text and its style."""


class CannotStart(Exception):
    """What was given cannot be used; the message says what to give instead.  Exit code 2."""


class Refused(Exception):
    """The app, or Azure, said no; the message says why.  Exit code 1."""


class NotDecided(Exception):
    """Whoever was asked at the terminal did not say yes; nothing happened, and nothing went wrong.  Exit code 1."""


class Terminal(Console):
    """A console that takes no markup from texts."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """What is given as a plain string, in a table too: nothing gets around this."""
        return super().render_str(visible(text, keep="\n"), **options)

    def say(self, *parts: Part) -> None:
        """Print a line, which is not folded."""
        self.print(styled(*parts), soft_wrap=True)

    def tell(self, text: str, *, indent: str = "") -> None:
        """Print a text that is folded between its words, every line but the first behind an indent."""
        for line in textwrap.wrap(
            text,
            self.width,
            subsequent_indent=f"{indent}  ",
            initial_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self.say(line)

    def say_lines(self, text: str) -> None:
        """Print a text of several lines, none of which is folded."""
        for line in text.splitlines():
            self.say(line)


def styled(*parts: Part) -> Text:
    """Texts on one line, some with a style."""
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(visible(words), style or None)
    return text


def counted(number: int, thing: str) -> str:
    """How many there are: `1 error`, `2 errors`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def output() -> Terminal:
    """The standard output."""
    return Terminal()


def errors() -> Terminal:
    """The standard error."""
    return Terminal(stderr=True)


def ask(question: str) -> str:
    """What somebody at the terminal answers; nothing if they end the input."""
    console = errors()
    console.print(styled((question, "bold")), end="")
    return sys.stdin.readline()


def write_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    sys.stdout.write(json_text(msgspec.json.format(msgspec.json.encode(value))) + "\n")


def write_page(page: str) -> None:
    """Print a page that was rendered."""
    sys.stdout.write(page)


def show_error(text: str) -> None:
    """Say why a command failed; problems of a file stand on lines of their own."""
    _say(("error:", "red"), text)


def show_note(text: str) -> None:
    """Say something that changes no result."""
    _say(("note:", "cyan"), text)


def _say(word: Part, text: str) -> None:
    first, *more = text.split("\n")
    errors().say(word, f" {first}")
    for line in more:
        errors().say(line)
