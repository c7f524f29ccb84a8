"""One pass over all bytes of a file for what the text rules look for: Hyperscan, in linear time, whatever the data."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.core.dataset.rulebook import Rule
from shared.core.dataset.rules.texts import TEXT_RULES, refused_phrase

#: Wider than the rules' own patterns, so that nothing of theirs is missed (a test compares them): no boundaries, no long counts.
_NEEDLES: Final = (
    rb"<\|[a-z]",
    rb"-----BEGIN ",
    rb"(?:AKIA|ASIA)[0-9A-Z]{4}",
    rb"sk-[A-Za-z0-9_-]{8}",
    rb"gh[pousr]_[A-Za-z0-9]{4}",
    rb"github_pat_",
    rb"xox[abprs]-",
    rb"AIza[A-Za-z0-9_-]{4}",
    rb"hf_[A-Za-z0-9]{8}",
    rb"[sr]k_live_",
    rb"\.eyJ[A-Za-z0-9_-]{4}",
    rb"(?:Account|Access)Key=",
    rb"[?&;]sig=",
    rb"[78]Q~",
    rb"[A-Za-z0-9_.+\x80-\xff-]@[A-Za-z0-9]",
    rb"\xef\xbf\xbd",
    rb"\xc3[\x82\x83\xa2\xb0][\xc2\xc5\xc6\xcb\xe2]",
    rb"\+[1-9][0-9]?[0-9]?[ .-]?\(?[0-9]",
    rb"[0-9]{3}\)? ?[ .-]?[0-9]{3}[ .-][0-9]{4}",
    rb"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    rb"[3-6][0-9]{3}(?:[ -]?[0-9]){8}",
    rb"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
    # The same where JSON has written it in ASCII letters, or letters of ASCII in numbers.
    rb"\\u(?:00[2-7]|[fF]{3}[dD]|00(?:[cC][23]|[eE]2|[fF]0)\\)",
)
_PHRASES: Final = (
    rb"(?i)chain.of.thought|step.by.step reasoning|internal (?:monologue|reasoning)|reasoning|thinking|thoughts|scratchpad",
)


@functools.cache
def _database(*, has_phrases: bool) -> Any:
    import hyperscan  # noqa: PLC0415  loaded on use

    needles = _NEEDLES + (_PHRASES if has_phrases else ())
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=needles,
        ids=range(len(needles)),
        elements=len(needles),
        flags=[0] * len(needles),
    )
    return database


def suspicious(text: bytes, *, has_phrases: bool) -> list[int]:
    """Offsets in UTF-8 or JSON, ascending, after which something ends that a text rule may mind."""
    ends: list[int] = []

    def remember(_id: int, _start: int, end: int, _flags: int, _context: object) -> None:
        ends.append(end)

    _database(has_phrases=has_phrases).scan(text, match_event_handler=remember)
    return sorted(ends)


_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")


def has_long_number(line: bytes) -> bool:
    """Whether so many digits stand in a row that they may not fit in 64 bits."""
    return _LONG_NUMBER.search(line) is not None


#: What is looked at around the end of a needle to see whether a rule really minds it: what a match of a rule has at most before
#: and after it, or enough of it; only a signed token of more than 8,000 letters has more.
_BEFORE: Final = 200
_AFTER: Final = 400
_LONG: Final = 8_000


def broken_rules(text: bytes, ends: Iterable[int], *, has_phrases: bool) -> Iterator[tuple[int, Rule]]:
    """Which rules mind what stands around the offsets that `suspicious` found, each with its offset.

    Cut out of its text, something may look like more than it is, so the rules must still be asked about the whole text.
    """
    for end in ends:
        reach = _LONG if b".eyJ" in text[max(0, end - 8) : end] else 0
        around = text[max(0, end - _BEFORE - reach) : end + _AFTER + reach].decode(errors="ignore")
        for rule in TEXT_RULES:
            if (has_phrases or rule is not refused_phrase) and next(iter(rule(around, "")), None) is not None:
                yield end, rule
