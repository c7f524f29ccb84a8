"""One pass over all bytes of a file for what the text rules look for: Hyperscan, in linear time, whatever the data."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from shared.core.dataset.rulebook import Rule
from shared.core.dataset.rules.texts import (
    personal_data,
    refused_phrase,
    replacement_character,
    secret,
    special_token,
)

#: Wider than the rules' own patterns, so that nothing of theirs is missed (a test compares them): no boundaries, no long counts.
_NEEDLES: Final[dict[Rule, tuple[bytes, ...]]] = {
    special_token: (rb"<\|[a-z]",),
    secret: (
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
    ),
    personal_data: (
        rb"[A-Za-z0-9_.+\x80-\xff-]@[A-Za-z0-9]",
        rb"\+[1-9][0-9]?[0-9]?[ .-]?\(?[0-9]",
        rb"[0-9]{3}\)? ?[ .-]?[0-9]{3}[ .-][0-9]{4}",
        rb"[0-9]{3}-[0-9]{2}-[0-9]{4}",
        rb"[3-6][0-9]{3}(?:[ -]?[0-9]){8}",
        rb"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
    ),
    replacement_character: (rb"\xef\xbf\xbd", rb"\xc3[\x82\x83\xa2\xb0][\xc2\xc5\xc6\xcb\xe2]"),
}
_PHRASES: Final = (
    rb"(?i)chain.of.thought|step.by.step reasoning|internal (?:monologue|reasoning)|reasoning|thinking|thoughts|scratchpad",
)
#: The same where JSON has written it in ASCII letters, or letters of ASCII in numbers.
_IN_JSON: Final = (
    *itertools.chain.from_iterable(_NEEDLES.values()),
    rb"\\u(?:00[2-7]|[fF]{3}[dD]|00(?:[cC][23]|[eE]2|[fF]0)\\)",
)
#: White space as JSON may write it: by itself, by a letter, or by a number.
_SPACES: Final = (
    rb" ",
    rb"\\[nrtf]",
    rb"\\u(?:00(?:0[9a-dA-D]|1[c-fC-F]|20|85|[aA]0)|1680|20(?:0[0-9aA]|2[89fF]|5[fF])|3000)",
    rb"\xc2[\x85\xa0]",
    rb"\xe1\x9a\x80",
    rb"\xe2\x80[\x80-\x8a\xa8\xa9\xaf]",
    rb"\xe2\x81\x9f",
    rb"\xe3\x80\x80",
)
#: How lines of objects look.  No quotation mark stands in a text without a backslash before it, so those here are JSON's own.
_BROKEN: Final = (rb"[^}]\n|\n[^{]",)
#: Expressions that say more, and of a fixed length, are found faster than their beginnings would be.
_UNUSUAL: Final = (
    rb'[^\\]"[ \t\r\n][:,}\]]',
    rb'[^\\]"[ \t\r\n]{2}',
    rb'\\u[0-9a-fA-F]{4}[a-z_]{0,20}"[ \t\r\n]*:',
    rb'content":[ \t\r\n]*(?:[^" \t\r\n]|"(?:"|' + b"|".join(_SPACES) + rb"))",
    *(space + end for space in _SPACES for end in (rb'"\}', rb'",')),
)
_REWRITTEN: Final = (rb"\\[u/][^\n]*$",)


class Marks(NamedTuple):
    r"""What one pass over a block found.

    Attributes:
        needles: offsets, ascending, after which something ends that a text rule may mind, if that was asked for.
        rewritten: the same, in lines that write characters in another way than is needed: with a number or as `\/`.
        are_lines: whether each line but the first begins with a brace, and each but the last ends with one.
        are_usual: whether the contents of all messages are texts, not empty, without white space around them; false too if that
            cannot be seen, because keys are written in another way than usual.
    """

    needles: list[int]
    rewritten: list[int]
    are_lines: bool
    are_usual: bool


@functools.cache
def _database(*groups: tuple[bytes, ...]) -> Any:
    """Finds the expressions of groups; each match says the number of its group."""
    import hyperscan  # noqa: PLC0415  loaded on use

    ids = [number for number, group in enumerate(groups) for _ in group]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression for group in groups for expression in group],
        ids=ids,
        elements=len(ids),
        flags=[hyperscan.HS_FLAG_MULTILINE] * len(ids),
    )
    return database


def _found(text: bytes, *groups: tuple[bytes, ...]) -> list[list[int]]:
    """Where matches end, ascending, for each group of expressions."""
    ends: list[list[int]] = [[] for _ in groups]

    def remember(group: int, _start: int, end: int, _flags: int, _context: object) -> None:
        ends[group].append(end)

    _database(*groups).scan(text, match_event_handler=remember)
    for of_group in ends:
        of_group.sort()
    return ends


def suspicious(text: bytes, *, has_phrases: bool) -> dict[Rule, list[int]]:
    """Offsets in UTF-8, ascending, after which something ends that a rule about texts may mind, for each rule that may."""
    needles = _NEEDLES | ({refused_phrase: _PHRASES} if has_phrases else {})
    ends = _found(text, *needles.values())
    return {rule: of_rule for rule, of_rule in zip(needles, ends, strict=True) if of_rule}


def suspects_in(texts: Sequence[str], *, has_phrases: bool) -> dict[int, set[Rule]]:
    """Which rules about texts may mind a text, by its position; nothing of what they look for goes on in the next line."""
    encoded = [text.encode() for text in texts]
    ends = list(itertools.accumulate(len(text) + 1 for text in encoded))
    found: dict[int, set[Rule]] = {}
    for rule, offsets in suspicious(b"\n".join(encoded), has_phrases=has_phrases).items():
        for offset in offsets:
            found.setdefault(bisect.bisect_right(ends, offset - 1), set()).add(rule)
    return found


def marks_in(text: bytes, *, has_needles: bool) -> Marks:
    """What stands in the lines of a block; phrases are not looked for."""
    groups = (_BROKEN, _UNUSUAL, _REWRITTEN, _IN_JSON) if has_needles else (_BROKEN, _UNUSUAL)
    broken, unusual, *others = _found(text, *groups)
    rewritten, needles = others or ([], [])
    return Marks(needles, rewritten, not broken, not unusual)


#: Makes every digit a zero, so that a run of digits is found as one text.
_TO_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19


def has_long_number(line: bytes) -> bool:
    """Whether so many digits stand in a row that they may not fit in 64 bits."""
    return _LONG_NUMBER in line.translate(_TO_ZEROS)


#: What is looked at around the end of a needle to see whether a rule really minds it: what a match of a rule has at most before
#: and after it, or enough of it; only a signed token of more than 8,000 letters has more.
_BEFORE: Final = 200
_AFTER: Final = 400
_LONG: Final = 8_000


def broken_rules(text: bytes, *, has_phrases: bool) -> set[Rule]:
    """Which rules mind what stands in a text, told by what is around the needles in it.

    Cut out of its text, something may look like more than it is, so the rules must still be asked about the whole text.
    """
    return {
        rule
        for rule, ends in suspicious(text, has_phrases=has_phrases).items()
        if any(next(iter(rule(around, "")), None) is not None for around in _around(text, ends))
    }


def _around(text: bytes, ends: list[int]) -> Iterator[str]:
    """What stands around offsets; around neighbours it is looked at once."""
    start = last = -_LONG
    for end in [*ends, len(text) + 2 * _LONG]:
        if end - last > _BEFORE:
            if last >= 0:
                reach = _LONG if b".eyJ" in text[start:last] else 0
                yield text[max(0, start - reach) : last + _AFTER + reach].decode(errors="ignore")
            start = max(0, end - _BEFORE)
        last = end
