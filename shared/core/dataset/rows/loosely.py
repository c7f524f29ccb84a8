"""What a row asks, however it is spelled: one that differs in a full stop is no new question."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from xxhash import xxh3_64_intdigest

from shared.core.dataset.rows.texts import RowTexts, without_parts

#: Marks of sentences.  Within words and numbers they stay, as in `3.5` and `it's`.
_MARKS: Final = "[.,;:!?…\"'`´‘’“”„«»‹›。、！？；：，「」『』،؛؟।]"  # noqa: RUF001
_MARK: Final = re.compile(rf"(?<!\w){_MARKS}(?!\d)|{_MARKS}(?!\w)")


def loose_question(texts: RowTexts) -> int:
    """Identity of what stands before the answer, without case, white space, marks of sentences, and the form of accents.

    Texts count the same in one piece and in parts; images count as they are.  Never 0.
    """
    turns = texts.turns[:-1] if texts.images else map(without_parts, texts.turns[:-1])
    asked = "\n".join((texts.system, *turns))
    return xxh3_64_intdigest(_loosely(asked).encode("utf-8", "surrogatepass")) or 1


def _loosely(text: str) -> str:
    return " ".join(_MARK.sub(" ", unicodedata.normalize("NFC", text).casefold()).split())
