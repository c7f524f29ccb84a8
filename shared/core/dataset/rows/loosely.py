"""What a row asks, however it is spelled: one that differs in a full stop is no new question."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from xxhash import xxh3_64_intdigest

from shared.core.dataset.rows.texts import RowTexts, without_parts

#: Marks of sentences.  Within words and numbers they stay, as in `3.5` and `it's`.
_MARKS: Final = "[.,;:!?…\"'`´‘’“”„«»‹›。、！？；：，「」『』،؛؟।]"  # noqa: RUF001
#: It begins with what is looked for, so that the engine can skip all else.
_MARK: Final = re.compile(rf"{_MARKS}(?:(?!\w)|(?!\d)(?<!\w.))")


def loose_question(texts: RowTexts, system: str) -> int:
    """Identity of what stands before the answer, without case, white space, marks of sentences, and the form of accents.

    Texts count the same in one piece and in parts; images count as they are.  Never 0.

    Args:
        texts: of the row.
        system: its system message, loosely: many rows share it.
    """
    turns = texts.turns[:-1] if texts.images else map(without_parts, texts.turns[:-1])
    asked = f"{system} {loosely('\n'.join(turns))}".strip()
    return xxh3_64_intdigest(asked.encode("utf-8", "surrogatepass")) or 1


def loosely(text: str) -> str:
    """A text without case, marks of sentences and white space but single spaces."""
    return " ".join(_MARK.sub(" ", unicodedata.normalize("NFC", text).casefold()).split())
