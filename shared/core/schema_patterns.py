"""Patterns inside JSON schemas: which ones the engine without backtracking takes, and schemas without the others.

The engine is Rust's `regex`, by way of jsonschema-rs: its time grows with the text, whatever the pattern, and it refuses what
would become too large.  It has no look-around and no back-references, which JSON Schema allows; such a pattern is left out,
and with it whatever would judge wrongly without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from shared.core.dataset.memo import Memo
from shared.core.schema_places import Places, TooLarge, patterns_of
from shared.core.schema_work import Work

#: Bytes of a compiled pattern, and what each character of a text costs it at worst, in visits of some 40 ns (measured).
COMPILED_MAX: Final = 300_000
SMALL: Final = 30_000
_COST: Final = 150
_COST_OF_SMALL: Final = 20
#: Longer patterns are not looked at.
PATTERN_CHARS_MAX: Final = 10_000


#: The work of compiling, in steps of some 40 ns (measured): of a class of Unicode, at most, and of telling what is no expression.
_STEPS_OF_CLASS: Final = 75_000
_STEPS_AT_MOST: Final = 300_000
_STEPS_TO_TELL: Final = 5_000_000
_COUNT: Final = re.compile(r"[{,]([0-9]{1,6})")


class Verdict(NamedTuple):
    """What is known about a pattern.

    Attributes:
        cost: visits for each character of a text that it is held against; None if the engine does not take it.
        is_expression: whether it is a regular expression at all.
    """

    cost: int | None
    is_expression: bool = True


class Patterns:
    """What is known about the patterns of one file; each is tried once, as long as there is work left.

    Args:
        work: of that file.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._known: Memo[str, Verdict] = Memo()

    def of(self, pattern: str) -> Verdict:
        """What is known about a pattern.

        Raises:
            TooLarge: there is not enough work left to try it.
        """
        known = self._known.get(pattern)
        return known or self._known.keep(pattern, self._tried(pattern), len(pattern))

    def _tried(self, pattern: str) -> Verdict:
        if len(pattern) > PATTERN_CHARS_MAX:
            return Verdict(None)
        if not self._work.take(2 * steps_to_compile(pattern)):
            raise TooLarge  # for what is left
        for compiled_max, cost in ((SMALL, _COST_OF_SMALL), (COMPILED_MAX, _COST)):
            if _compiles(pattern, engine(compiled_max)):
                return Verdict(cost)
        return Verdict(None, is_expression=not self._work.take(_STEPS_TO_TELL) or _is_expression(pattern))


def steps_to_compile(pattern: str) -> int:
    """How much work it is to compile a pattern, as if all its repetitions stood within each other; at most that of the limit."""
    size = len(pattern)
    for count in _COUNT.findall(pattern[:PATTERN_CHARS_MAX]):
        size = min(size * max(int(count), 1), _STEPS_AT_MOST)
    return min(1_000 + 16 * size + _STEPS_OF_CLASS * pattern.count("\\p"), _STEPS_AT_MOST)


def engine(compiled_max: int = COMPILED_MAX) -> Any:
    """The engine, as an option of jsonschema-rs."""
    import jsonschema_rs  # noqa: PLC0415  6 MB, loaded where there are schemas

    return jsonschema_rs.RegexOptions(size_limit=compiled_max, dfa_size_limit=4 * compiled_max)


def takes(pattern: str, compiled_max: int) -> bool:
    """Whether the engine takes a pattern."""
    return _compiles(pattern, engine(compiled_max))


def _is_expression(pattern: str) -> bool:
    """Whether it is a regular expression for engines that go back, too; it is not run."""
    import jsonschema_rs  # noqa: PLC0415  see above

    return _compiles(pattern, jsonschema_rs.FancyRegexOptions())


def _compiles(pattern: str, options: Any) -> bool:
    import jsonschema_rs  # noqa: PLC0415  see above

    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
    except ValueError:
        return False
    return True


def leave_out(places: Places, refused: frozenset[str]) -> None:
    """Change a schema so that some of its patterns are not checked, and all else is as far as it can be without them.

    A place without its pattern takes more than it did.  So what demands that a place does not fit goes too, where it can reach
    such a place: `not`, `if`, `maxContains`, what `unevaluated...` forbids; `oneOf` becomes `anyOf`.

    Args:
        places: of a schema that nobody else holds.
        refused: the patterns.
    """
    wide = {at for at, place in enumerate(places.all) if not refused.isdisjoint(patterns_of(place.schema))}
    for at in wide:
        _remove(places.all[at].schema, refused)
    _spread(places, wide)
    for place in places.all:
        _loosen(place.schema, lambda found: places.number_of(found) in wide)


def _remove(schema: dict[str, Any], refused: frozenset[str]) -> None:
    if schema.get("pattern") in refused:
        del schema["pattern"]
    below = schema.get("patternProperties")
    if isinstance(below, dict) and not refused.isdisjoint(below):
        schema["patternProperties"] = {name: found for name, found in below.items() if name not in refused}
        schema.pop("additionalProperties", None)  # which members it is about is not known any more


def _spread(places: Places, wide: set[int]) -> None:
    """Add the places that lead to those of a set."""
    above: dict[int, list[int]] = {}
    for at, place in enumerate(places.all):
        for other in (*place.same, *place.once, *place.many):
            above.setdefault(other, []).append(at)
    waiting = list(wide)
    while waiting:
        new = set(above.get(waiting.pop(), ())) - wide
        wide |= new
        waiting += new


def _loosen(schema: dict[str, Any], is_wide: Callable[[Any], bool]) -> None:
    if is_wide(schema.get("not")):
        del schema["not"]
    if is_wide(schema.get("if")):
        del schema["if"]
    if is_wide(schema.get("contains")):
        schema.pop("maxContains", None)
    one = schema.get("oneOf")
    if isinstance(one, list) and any(map(is_wide, one)):
        del schema["oneOf"]
        schema["allOf"] = [*schema.get("allOf", []), {"anyOf": one}]
    if is_wide(schema):
        schema.pop("unevaluatedProperties", None)
        schema.pop("unevaluatedItems", None)
