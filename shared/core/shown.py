"""Text of anybody, made harmless for the place where it is shown: one function for each.

Names of blobs, keys of rows and answers of models are chosen by people and models whom the reader of a page, a table or a log
need not trust.  `visible` is for a line of a terminal, a log or a message; `markdown` and `cell` for a page; `csv_cell` for a
spreadsheet; `json_text` for JSON that somebody reads in a terminal.  Nothing else in the product escapes text.
"""

from __future__ import annotations

import re
from typing import Final

from shared.core.masking import mask

_CELL_MAX: Final = 300
#: Spaces of other widths, which are ordinary text.
_SPACES: Final = frozenset("\u00a0\u1680\u202f\u205f\u3000") | {chr(code) for code in range(0x2000, 0x200B)}
_MARKS: Final = str.maketrans({mark: "\\" + mark for mark in "\\`*_[]<>|#~$&"})
#: What begins a list, a rule or the underline of a heading where it begins a line.
_BEGINS: Final = re.compile(r"^(?:[-+=]|\d{1,9}(?=[.)]))")
#: What makes a spreadsheet take a cell for a formula, by OWASP's page on CSV injection; full-width forms count in some locales.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # these very characters
_UNPRINTABLE_IN_JSON: Final = re.compile(r"[^\x20-\x7e\n]")


def visible(text: str, *, keep: str = "") -> str:
    r"""One line that neither moves a cursor, nor turns a text round, nor hides anything: `\n`, `\x1b`, `\u202e` are spelt out.

    Args:
        text: of anybody.
        keep: characters that stay although they do not print.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _spelt(char) for char in text)


def is_visible(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return text.isprintable()


def quoted(text: str, chars_max: int) -> str:
    """The beginning of a text from a dataset: nothing private, on one line, at most so many characters."""
    head = text[: 4 * chars_max]
    return clipped(visible(mask(head)), chars_max, is_whole=len(head) == len(text))


def clipped(text: str, chars_max: int, *, is_whole: bool = True) -> str:
    """At most so many characters; the last one is `…` if any are left out."""
    return text if is_whole and len(text) <= chars_max else text[: chars_max - 1] + "…"


def markdown(text: str) -> str:
    """Text that a page shows as it is: no markup, no HTML, no line breaks, no links made of addresses."""
    marked = visible(text).strip().translate(_MARKS)  # four spaces would begin a block of code
    return _BEGINS.sub(_begun, marked).replace("://", "\\://").replace("www.", "www\\.")


def cell(text: str) -> str:
    """The beginning of a text, as `markdown`, within the cell of a table."""
    return markdown(clipped(text, _CELL_MAX))


def csv_cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula; lines stay lines."""
    plain = visible(text.replace("\r\n", "\n"), keep="\n\t")
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def json_text(raw: bytes) -> str:
    r"""JSON with everything that does not print written as `\u....`: the same value, harmless where it is read."""
    text = raw.decode()
    return text if text.isprintable() else _UNPRINTABLE_IN_JSON.sub(_json_escape, text)


def _spelt(char: str) -> str:
    return " " if char in _SPACES else char.encode("unicode_escape").decode()


def _begun(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def _json_escape(match: re.Match[str]) -> str:
    char = match[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
