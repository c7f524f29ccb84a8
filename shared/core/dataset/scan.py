"""One pass over all texts for what the text rules look for: RE2 in linear time, whatever the data."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.core.dataset.rulebook import Rule
from shared.core.dataset.rules.texts import TEXT_RULES, refused_phrase

#: Wider than the rules' own patterns, so that nothing of theirs is missed (a test compares them), and made for speed: no counted
#: repetitions that RE2 would unfold, no boundaries that tell ASCII from other letters.
_NEEDLES: Final = (
    r"<\|[a-z]",
    r"-----BEGIN ",
    r"(?:AKIA|ASIA)[0-9A-Z]{4}",
    r"sk-[A-Za-z0-9_-]{8}",
    r"gh[pousr]_[A-Za-z0-9]{4}",
    r"github_pat_",
    r"xox[abprs]-",
    r"AIza[A-Za-z0-9_-]{4}",
    r"hf_[A-Za-z0-9]{8}",
    r"[sr]k_live_",
    r"eyJ[A-Za-z0-9_-]+\.eyJ",
    r"(?:Account|Access)Key=",
    r"[?&;]sig=",
    r"[78]Q~",
    r"[A-Za-z0-9_]@[A-Za-z0-9]",
    r"\xef\xbf\xbd",
    r"\xc3[\x82\x83\xa2\xb0][\xc2\xc5\xc6\xcb\xe2]",
    r"\+[1-9][0-9]?[0-9]?[ .-]?\(?[0-9]",
    r"[0-9][0-9][0-9]\)? ?[ .-]?[0-9][0-9][0-9][ .-][0-9][0-9][0-9][0-9]",
    r"[0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][0-9][0-9]",
    r"[3-6][0-9][0-9][0-9][ -]?[0-9][ -]?[0-9][ -]?[0-9][ -]?[0-9][ -]?[0-9][ -]?[0-9][ -]?[0-9]",
    r"[A-Z][A-Z][0-9][0-9] ?[A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9] ?[A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9]",
)
_PHRASES: Final = (
    r"(?i:chain.of.thought|step.by.step reasoning|internal (?:monologue|reasoning)|(?:reasoning|thinking|thoughts)|scratchpad)",
)


@functools.cache
def _pattern(*, has_phrases: bool) -> Any:
    import re2  # noqa: PLC0415  loaded on use

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 64 * 1024 * 1024
    needles = _NEEDLES + (_PHRASES if has_phrases else ())
    return re2.compile("|".join(f"(?:{needle})" for needle in needles).encode("latin-1"), options)


def suspicious(text: bytes, *, has_phrases: bool) -> list[int]:
    """Offsets in a buffer at which something stands that a text rule may mind."""
    return [match.start() for match in _pattern(has_phrases=has_phrases).finditer(text)]


@functools.cache
def _long_number() -> Any:
    import re2  # noqa: PLC0415

    return re2.compile(rb"[0-9]{19}")


def has_long_number(line: bytes) -> bool:
    """Whether so many digits stand in a row that they may not fit in 64 bits."""
    return _long_number().search(line) is not None


#: What is looked at around a needle to see whether a rule really minds it: no pattern of the rules is longer.
_BEFORE: Final = 100
_AFTER: Final = 400


def broken_rules(text: bytes, offsets: Iterable[int], *, has_phrases: bool) -> Iterator[tuple[int, Rule]]:
    """Which rules mind what stands around the offsets that `suspicious` found, each with its offset.

    Cut out of its text, something may look like more than it is, so the rules must still be asked about the whole text.
    """
    for offset in offsets:
        around = text[max(0, offset - _BEFORE) : offset + _AFTER].decode(errors="ignore")
        for rule in TEXT_RULES:
            if (has_phrases or rule is not refused_phrase) and next(iter(rule(around, "")), None) is not None:
                yield offset, rule
