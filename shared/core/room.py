"""Words at gates: what people say at a gate is bounded together, or a run could be talked out of its own row.

A row holds 240,000 characters of JSON (`adapters/table_codec.py`), in which a quotation mark takes two and a control character
six.  So what is counted is what is stored, and whoever says nothing can always vote.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from shared.core.errors import Malformed
from shared.core.run import GateDecision
from shared.core.shown import is_visible

#: Of all votes at one gate with their words: 30 of 1,000 ordinary characters.
VOTES_CHARS_MAX: Final = 50_000
#: Of all holds at one gate: 20 of 1,000 ordinary characters.
HOLDS_CHARS_MAX: Final = 35_000


def has_words(comment: str) -> bool:
    """Whether a comment has something that can be read: no blanks, nor characters without width."""
    return any(is_visible(char) and not char.isspace() for char in comment)


def insist(said: Collection[GateDecision], entry: GateDecision, chars_max: int) -> None:
    """See to it that there is room for one more vote or hold.

    Args:
        said: what was said at the gate.
        entry: what somebody says now.
        chars_max: of all of it, as it is stored.

    Raises:
        Malformed: there is none for its words; without words there is.
    """
    if entry.comment and len(msgspec.json.encode((*said, entry)).decode()) > chars_max:
        msg = f"there is no room for these words: at most {chars_max} characters are kept of all that is said at a gate"
        raise Malformed(
            msg,
            remedy="Say it in fewer words, and without characters that do not print; or vote without words.",
        )
