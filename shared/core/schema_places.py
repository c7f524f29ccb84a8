"""The places of a JSON schema, and how often a validator visits them: a small schema can ask for any amount of work.

A *place* is a subschema.  From a place a validator goes on to others at the same value (`anyOf`, `$ref`), and to others at
members of the value (`properties`, `items`).  Both are followed here before anything runs, references too, and every pair of a
place and a value is looked at once, with the number of ways that lead to it; so counting is short where running would be long.
The counts are upper bounds: no branch is left out because an earlier one would decide.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final
from urllib.parse import unquote

#: Schemas with more places, or more references, are not compiled: the time for that grows with their square.
PLACES_MAX: Final = 5_000
REFERENCES_MAX: Final = 1_000
#: Counts stop here: more is too much in any case.
COUNT_MAX: Final = 10**12

#: Keywords that lead to other places, each with the list of `Place` that these stand in.
_SAME: Final = (
    *("if", "then", "else", "not", "anyOf", "oneOf", "allOf", "dependentSchemas", "dependencies"),
    *("$ref", "$dynamicRef", "$recursiveRef"),
)
_LEADS: Final = {
    **dict.fromkeys(_SAME, "same"),
    "additionalProperties": "rest",
    **dict.fromkeys(("patternProperties", "unevaluatedProperties"), "every"),
    "propertyNames": "names",
    "properties": "named",
    "prefixItems": "listed",
    "items": "each",
    **dict.fromkeys(("additionalItems", "unevaluatedItems", "contains"), "each"),
    **dict.fromkeys(
        ("$defs", "definitions"), ""
    ),  # nobody goes there but by reference; what stands there is compiled
}
_MAPPINGS: Final = frozenset(
    {"dependentSchemas", "dependencies", "patternProperties", "$defs", "definitions"}
)
#: Keywords by which a place is more work by itself.
_HEAVY: Final = frozenset(
    {
        "enum",
        "const",
        "required",
        "dependentRequired",
        "uniqueItems",
        "pattern",
        "patternProperties",
        "format",
    }
    | {"unevaluatedProperties", "unevaluatedItems"}
)
#: Keywords with which pointers from the root are no longer the whole truth about references.
_RENAMING: Final = frozenset({"$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"})

# Measured with jsonschema-rs 0.60.3, in units of one visit (some 40 ns).
_UNIQUE: Final = 40  # for each value below a list whose items must differ
_OPTION: Final = 250  # for each object or list among the values of `enum` or `const`
_AGAIN: Final = 3  # what stands beside `unevaluated...` is asked again to find what it evaluates


class TooLarge(Exception):
    """A schema that is too large to be compiled."""


@dataclass(slots=True)
class Place:
    """One subschema.

    Attributes:
        schema: as it is written.
        same: the places that are asked about the same value.
        named: by the name of a member, its place.
        rest: asked about the members that have no name of their own.
        every: asked about every member.
        names: asked about the names of members.
        listed: asked about items by their position.
        each: asked about every item.
        own: visits that it takes by itself.
        text: visits for each character of a text.
        below: visits for each value below an object or list.
        again: how often what it leads to is asked.
    """

    schema: dict[str, Any]
    named: dict[str, int]
    same: Sequence[int] = ()
    rest: Sequence[int] = ()
    every: Sequence[int] = ()
    names: Sequence[int] = ()
    listed: Sequence[int] = ()
    each: Sequence[int] = ()
    own: int = 1
    text: int = 0
    below: int = 0
    again: int = 1

    @property
    def once(self) -> list[int]:
        """The places that are asked about one member each."""
        return [*self.named.values(), *self.listed]

    @property
    def many(self) -> list[int]:
        """The places that are asked about any number of members."""
        return [*self.rest, *self.every, *self.names, *self.each]


class Places:
    """All places of a schema.

    Args:
        schema: an object.
        text_cost: visits for each character that a pattern is held against.

    Raises:
        TooLarge: there are too many places or references.

    Attributes:
        all: the places; the first one is the schema itself.
        references: how many there are.
        is_countable: whether it is known where all references lead, and none leads back to its place at the same value.
    """

    def __init__(self, schema: dict[str, Any], text_cost: Callable[[str], int]) -> None:
        self._root, self._text_cost = schema, text_cost
        self._is_old = "/draft-0" in str(schema.get("$schema"))[:80]  # there `id` is what `$id` is today
        self._numbers: dict[int, int] = {}
        self._waiting: list[dict[str, Any]] = []
        self.references = 0
        self._is_renamed = self._is_unknown = False
        self._is_tree = True
        self.all: list[Place] = []
        self._number(schema)
        while self._waiting:
            self._read(self._waiting.pop())
        self.is_countable = not (self._is_unknown or (self._is_renamed and self.references))
        self._leaves_first = self._in_order(lambda place: place.same)
        if not self._leaves_first:
            self.is_countable = False
        self._rank = {at: -rank for rank, at in enumerate(self._leaves_first)}
        self._sum_up()

    def number_of(self, schema: Any) -> int | None:
        """The number of a place by what is written there; None if it is none."""
        return self._numbers.get(id(schema))

    # -- reading ------------------------------------------------------------------------------

    def _number(self, schema: Any) -> int:
        """The number of a place, which is read later if it is new."""
        known = self._numbers.get(id(schema)) if isinstance(schema, dict) else None
        if known is not None:
            self._is_tree = False
            return known
        number = len(self.all)
        if number >= PLACES_MAX:
            raise TooLarge
        if isinstance(schema, dict):
            self._numbers[id(schema)] = number
            self._waiting.append(schema)
            self.all.append(Place(schema, {}))
        else:  # true and false, and what is not a schema at all
            self.all.append(Place({}, {}))
        return number

    def _read(self, schema: dict[str, Any]) -> None:
        place = self.all[self._numbers[id(schema)]]
        for key, found in schema.items():
            kind = _LEADS.get(key)
            if kind is not None:
                self._lead(place, key, kind, found)
            elif isinstance(found, str) and key in _RENAMING:
                self._is_renamed |= schema is not self._root or key != "$id"
            elif key == "id" and isinstance(found, str) and schema is not self._root:
                self._is_renamed |= self._is_old
        if not _HEAVY.isdisjoint(schema):
            self._weigh(place)

    def _lead(self, place: Place, key: str, kind: str, found: Any) -> None:
        """Number the places that a keyword leads to."""
        if key == "properties":
            if isinstance(found, dict):
                place.named = {name: self._number(below) for name, below in found.items()}
            return
        if key[0] == "$" and kind == "same":
            targets = [self._target(found)] if isinstance(found, str) else []
        elif key in _MAPPINGS:
            targets = list(found.values()) if isinstance(found, dict) else []
            if key == "dependencies":  # of names, or of schemas
                targets = [below for below in targets if not isinstance(below, list)]
        else:
            targets = found if isinstance(found, list) else [found]
            kind = "listed" if kind == "each" and isinstance(found, list) else kind
        numbers = [self._number(below) for below in targets]
        if kind:
            setattr(place, kind, [*getattr(place, kind), *numbers])

    def _target(self, reference: str) -> Any:
        """What a reference leads to; what is not a place where that is not known."""
        self.references += 1
        self._is_tree = False
        if self.references > REFERENCES_MAX:
            raise TooLarge
        if not (reference == "#" or reference.startswith("#/")):
            self._is_unknown = True
            return None
        found: Any = self._root
        for step in unquote(reference[2:]).split("/") if len(reference) > 1 else ():
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key[:9]) < len(found):
                found = found[int(key[:9])]
            else:
                self._is_unknown = True
                return None
            if isinstance(found, dict) and any(isinstance(found.get(name), str) for name in _RENAMING):
                self._is_renamed = True
        return found

    def _weigh(self, place: Place) -> None:
        schema = place.schema
        options = [*(schema["enum"] if isinstance(schema.get("enum"), list) else []), schema.get("const")]
        named = (
            [found for found in schema.get("dependentRequired", {}).values() if isinstance(found, list)]
            if isinstance(schema.get("dependentRequired"), dict)
            else []
        )
        wide = [schema[key] for key in ("required", "enum") if isinstance(schema.get(key), list)]
        place.own += _OPTION * sum(isinstance(option, dict | list) for option in options)
        place.own += sum(len(found) // 8 for found in wide) + sum(1 + len(found) for found in named)
        patterns = patterns_of(schema)
        place.text = sum(map(self._text_cost, patterns)) + ("format" in schema)
        place.below = len(patterns) + _UNIQUE * (schema.get("uniqueItems") is True)
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            place.again = _AGAIN
            place.below += len(place.same)

    def _in_order(self, leads: Callable[[Place], Iterable[int]]) -> Sequence[int]:
        """The places, each after all to which it leads; none if they lead in a circle."""
        if self._is_tree:
            return range(len(self.all) - 1, -1, -1)  # a place is numbered before those below it
        try:
            return list(
                TopologicalSorter({at: leads(place) for at, place in enumerate(self.all)}).static_order()
            )
        except CycleError:
            return []

    # -- counting -----------------------------------------------------------------------------

    def _sum_up(self) -> None:
        """For each place: visits at a value that has no members, and visits for each character of it."""
        self._leaf, self._text = [0] * len(self.all), [0] * len(self.all)
        for at in self._leaves_first:
            place = self.all[at]
            own = text = 0
            for other in place.same:
                own, text = own + self._leaf[other], text + self._text[other]
            self._leaf[at] = min(place.own + place.again * own, COUNT_MAX)
            self._text[at] = min(place.text + place.again * text, COUNT_MAX)

    def bounds(self) -> tuple[int, int, int] | None:
        """Visits in any case, for each value, and for each character: no value takes more.  None if the schema contains itself.

        A place that is reached by names alone is asked about one value; one below `items` and its kin about each value at most
        once.
        """
        order = self._in_order(lambda place: [*place.same, *place.once, *place.many])
        if not order:
            return None
        known: list[tuple[int, int, int]] = [(1, 0, 0)] * len(self.all)
        for at in order:
            place = self.all[at]
            fixed = repeated = text = 0
            for other in (*place.same, *place.named.values(), *place.listed):
                of = known[other]
                fixed, repeated, text = fixed + of[0], repeated + of[1], text + of[2]
            for other in place.many:
                of = known[other]
                repeated, text = repeated + of[0] + of[1], text + of[2]
            known[at] = (
                min(place.own + place.again * fixed, COUNT_MAX),
                min(place.below + place.again * repeated, COUNT_MAX),
                min(place.text + place.again * text, COUNT_MAX),
            )
        return known[0]

    def visits(self, value: Any, most: int) -> tuple[int, int]:
        """How many visits are made for a value, and how many steps it took to count them; more than `most` if one of them is."""
        total = steps = 0
        waiting: list[tuple[Any, dict[int, int]]] = [(value, {0: 1})]
        while waiting:
            found, ways = waiting.pop()
            if not isinstance(found, dict | list) or not found:
                size = len(found) if isinstance(found, str) else 0
                total += sum(count * (self._leaf[at] + self._text[at] * size) for at, count in ways.items())
                steps += len(ways)
            else:
                members: dict[Any, dict[int, int]] = {}
                for at, count in self._at_one_value(ways):
                    place = self.all[at]
                    total += count * self._own(place, found)
                    for member, other in self._below(place, found):
                        to = members.setdefault(member, {})
                        to[other] = to.get(other, 0) + count * place.again
                        steps += 1
                        if steps > most:
                            return most + 1, steps
                    steps += 1 + len(place.same)
                waiting += [(_member(found, member), to) for member, to in members.items()]
            if total > most or steps > most:
                return most + 1, steps
        return total, steps

    def _at_one_value(self, ways: dict[int, int]) -> Iterator[tuple[int, int]]:
        """The places that are asked about one value, each once all ways to it are known."""
        queue = [(self._rank[at], at) for at in ways]
        heapq.heapify(queue)
        while queue:
            _, at = heapq.heappop(queue)
            count = ways[at]
            yield at, count
            place = self.all[at]
            for other in place.same:
                if other not in ways:
                    heapq.heappush(queue, (self._rank[other], other))
                ways[other] = ways.get(other, 0) + count * place.again

    @staticmethod
    def _own(place: Place, found: dict[str, Any] | list[Any]) -> int:
        names = sum(map(len, found)) if isinstance(found, dict) and place.text else 0
        below = place.below * (_values_in(found) if place.below >= _UNIQUE else len(found))
        return place.own + place.text * names + below

    @staticmethod
    def _below(place: Place, found: dict[str, Any] | list[Any]) -> Iterator[tuple[Any, int]]:
        """Which members are asked for which places; the names of members stand in pairs."""
        if isinstance(found, dict):
            for name in found if len(found) < len(place.named) else place.named:
                if name in found and name in place.named:
                    yield name, place.named[name]
            for name in found if place.rest or place.every or place.names else ():
                yield from ((name, other) for other in place.every)
                yield from ((name, other) for other in place.rest if name not in place.named)
                yield from (((name,), other) for other in place.names)
            return
        for index, other in enumerate(place.listed[: len(found)]):
            yield index, other
        for index in range(len(found)) if place.each else ():
            yield from ((index, other) for other in place.each)


def _member(found: Any, member: Any) -> Any:
    return member[0] if isinstance(member, tuple) else found[member]


def patterns_of(schema: dict[str, Any]) -> list[str]:
    """The patterns of one place."""
    below, own = schema.get("patternProperties"), schema.get("pattern")
    return [*(below if isinstance(below, dict) else ()), *([own] if isinstance(own, str) else [])]


def _values_in(value: Any) -> int:
    """How many values there are in a value, itself counted."""
    count, waiting = 0, [value]
    while waiting:
        found = waiting.pop()
        count += 1
        waiting += found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return count
