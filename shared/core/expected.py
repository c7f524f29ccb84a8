r"""What an answer is expected to contain: a text in any case, or a pattern between slashes.

Patterns are written as Python's `re` has them, and are run in another engine, which never goes back: Rust's `regex`, by way of
jsonschema-rs.  Its time grows with the text, whatever the pattern, and it refuses what would become too large.  What `re` means
by `\w`, `$` and so on is written out for it; what it cannot do, look-around and references back, is refused.  The two differ in
what `\b` takes for a word: marks and joiners belong to it here, superscript digits do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

from shared.core.schema_patterns import engine

#: Longer patterns are not read.
PATTERN_CHARS_MAX: Final = 500
#: So many bytes may a pattern have once it is compiled; a class such as `\w` has some 60,000.
_COMPILED_MAX: Final = 400_000
#: No more of an answer is looked at: each character costs at most some 10 us.
ANSWER_CHARS_MAX: Final = 50_000
_GROUPS_MAX: Final = 50


class NotTaken(Exception):
    """A pattern that is not run here; its text says why, as the end of a sentence."""


def is_pattern(expected: str) -> bool:
    """Whether what is expected is a pattern."""
    return len(expected) > 2 and expected.startswith("/") and expected.endswith("/")


def check(expected: str) -> None:
    """Whether a pattern can be run.

    Raises:
        NotTaken: it cannot.
    """
    if is_pattern(expected):
        _compiled(expected[1:-1])


def fits(text: str, expected: str) -> bool:
    """Whether a text contains what is expected.

    Raises:
        NotTaken: it is a pattern that is not run here.
    """
    if not is_pattern(expected):
        return expected.casefold() in text.casefold()
    head = text[:ANSWER_CHARS_MAX].encode("utf-8", "replace").decode()
    return _compiled(expected[1:-1])(head)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Callable[[str], bool]:
    import jsonschema_rs  # noqa: PLC0415  6 MB, loaded where there are patterns

    try:
        validator = jsonschema_rs.validator_for(
            {"pattern": written_out(pattern)}, pattern_options=engine(_COMPILED_MAX)
        )
    except ValueError as error:
        msg = "it becomes too large; repeat less, and use fewer classes such as \\w"
        raise NotTaken(msg) from error
    return validator.is_valid


def written_out(pattern: str) -> str:
    """A pattern of `re` for the engine: the same texts contain it.

    Raises:
        NotTaken: it is none, or has what the engine lacks.
    """
    if len(pattern) > PATTERN_CHARS_MAX:
        msg = f"it has {len(pattern)} characters, at most {PATTERN_CHARS_MAX} are allowed"
        raise NotTaken(msg)
    if pattern.count("(") > _GROUPS_MAX:
        msg = f"it has more than {_GROUPS_MAX} groups"
        raise NotTaken(msg)
    try:
        parsed = parser.parse(pattern)
        return _Writer(parsed.state.flags).sequence(parsed)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        msg = f"not a regular expression: {error}"
        raise NotTaken(msg) from error


_WORD: Final = r"\p{L}\p{N}_"
#: What `re` means by its classes, in texts and where only ASCII counts.
_CLASSES: Final[dict[Any, tuple[str, str]]] = {
    op.CATEGORY_DIGIT: (r"\p{Nd}", "0-9"),
    op.CATEGORY_SPACE: (r"\x09-\x0d\x1c-\x20\x85\p{Z}", r"\x09-\x0d\x20"),
    op.CATEGORY_WORD: (_WORD, "A-Za-z0-9_"),
}
_OPPOSITES: Final = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}
#: The members of a category, each as it is written in a class.
_PARTS: Final = {
    op.CATEGORY_WORD: (r"\p{L}", r"\p{Nd}", r"\p{Nl}\p{No}", r"\u{5f}"),
    op.CATEGORY_SPACE: tuple(f"\\u{{{code:x}}}" for code in range(0x3001) if chr(code).isspace()),
}
_LACKING: Final = {
    op.ASSERT: "look-ahead and look-behind",
    op.ASSERT_NOT: "look-ahead and look-behind",
    op.GROUPREF: "references back to a group",
    op.GROUPREF_EXISTS: "conditions on a group",
    op.ATOMIC_GROUP: "atomic groups",
    op.POSSESSIVE_REPEAT: "possessive repetition",
}


class _Writer:
    """Writes what `re` parsed; every character that could mean something is written by its number."""

    def __init__(self, flags: int) -> None:
        self._flags = flags
        if flags & re.IGNORECASE and flags & re.ASCII:
            msg = "any case where only ASCII counts is not taken"
            raise NotTaken(msg)

    def sequence(self, items: Iterable[tuple[Any, Any]]) -> str:
        """Items one after the other."""
        listed = list(items)
        return "".join(
            self._item(kind, value, is_last=at == len(listed))
            for at, (kind, value) in enumerate(listed, start=1)
        )

    def _item(self, kind: Any, value: Any, *, is_last: bool) -> str:
        if kind in _LACKING:
            msg = f"{_LACKING[kind]} cannot be run in bounded time"
            raise NotTaken(msg)
        if kind is op.LITERAL:
            return self._cased(_char(value))
        if kind is op.NOT_LITERAL:
            return self._cased(f"[^{_char(value)}]")
        if kind is op.ANY:
            return "(?s:.)" if self._flags & re.DOTALL else r"[^\x0a]"
        if kind is op.IN:
            return self._cased(self._class(value))
        if kind is op.BRANCH:
            return f"(?:{'|'.join(self.sequence(branch) for branch in value[1])})"
        if kind is op.SUBPATTERN:
            _, added, removed, below = value
            return f"(?:{_Writer((self._flags | added) & ~removed).sequence(below)})"
        if kind in {
            op.MAX_REPEAT,
            op.MIN_REPEAT,
        }:  # whether there is a match does not depend on which is tried first
            least, most, below = value
            count = f"{{{least},}}" if most is op.MAXREPEAT else f"{{{least},{most}}}"
            return f"(?:{self.sequence(below)}){count}"
        if kind is op.AT:
            return self._place(value, is_last=is_last)
        msg = f"{str(kind).lower()} is not known"
        raise NotTaken(msg)

    def _cased(self, written: str) -> str:
        return f"(?i:{written})" if self._flags & re.IGNORECASE else written

    def _class(self, items: Iterable[tuple[Any, Any]]) -> str:
        """A class; one cannot stand within another here, so what is not a space, say, stands beside the rest."""
        listed = list(items)
        is_negated = (op.NEGATE, None) in listed
        listed = [item for item in listed if item[0] is not op.NEGATE]
        others = [_OPPOSITES[value] for kind, value in listed if kind is op.CATEGORY and value in _OPPOSITES]
        plain = [item for item in listed if item[0] is not op.CATEGORY or item[1] not in _OPPOSITES]
        if is_negated and others:
            return self._without(others, plain)
        parts = [f"[^{self._category(value)}]" for value in others]
        if plain:
            written = "".join(self._member(kind, value) for kind, value in plain)
            parts.append(f"[{'^' if is_negated else ''}{written}]")
        return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"

    def _member(self, kind: Any, value: Any) -> str:
        if kind is op.LITERAL:
            return _char(value)
        return f"{_char(value[0])}-{_char(value[1])}" if kind is op.RANGE else self._category(value)

    def _category(self, value: Any) -> str:
        return _CLASSES[value][bool(self._flags & re.ASCII)]

    def _without(self, others: list[Any], plain: list[tuple[Any, Any]]) -> str:
        r"""A class such as `[^\W\d_]`, letters, or `[^\S\n]`, spaces on a line: a category without some of its members."""
        left = [
            part for part in _PARTS.get(others[0], ()) if part not in {self._member(*item) for item in plain}
        ]
        if (
            len(others) > 1
            or self._flags & re.ASCII
            or len(left) != len(_PARTS.get(others[0], ())) - len(plain)
        ):
            msg = "such a class without some of its members is not taken"
            raise NotTaken(msg)
        return f"[{''.join(left)}]" if left else "[^\\u{0}-\\u{10ffff}]"

    def _place(self, value: Any, *, is_last: bool) -> str:
        is_by_line = bool(self._flags & re.MULTILINE)
        if value is op.AT_BEGINNING and is_by_line:
            return "(?m:^)"
        if value in {op.AT_BEGINNING, op.AT_BEGINNING_STRING}:
            return "^"
        if value is op.AT_END and is_by_line:
            return "(?m:$)"
        if value is op.AT_END:
            if not is_last:
                msg = "$ before the end of the pattern, or of a group, is not taken"
                raise NotTaken(msg)
            return r"\x0a?$"
        if value is op.AT_END_STRING:
            return "$"
        if self._flags & re.ASCII:
            msg = r"\b where only ASCII counts is not taken"
            raise NotTaken(msg)
        return r"\b" if value is op.AT_BOUNDARY else r"\B"


def _char(code: int) -> str:
    char = chr(code)
    return char if char.isascii() and char.isalnum() else f"\\u{{{code:x}}}"
