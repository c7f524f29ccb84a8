"""The places of a JSON schema, and where a validator goes from each.

A *place* is a subschema.  From it a validator goes on to others at the same value (`anyOf`, `$ref`), and to others at members of
the value (`properties`, `items`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

#: Schemas with more places, or more references, are not compiled: the time for that grows with their square.
PLACES_MAX: Final = 5_000
REFERENCES_MAX: Final = 1_000
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
        ("$defs", "definitions", "contentSchema"), ""
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
UNIQUE: Final = 40  # for each value below a list whose items must differ
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
        is_known: whether it is known where all references lead.
        is_tree: whether no place is reached in two ways.
    """

    def __init__(self, schema: dict[str, Any], text_cost: Callable[[str], int]) -> None:
        self._root, self._text_cost = schema, text_cost
        self._is_old = "/draft-0" in str(schema.get("$schema"))[:80]  # there `id` is what `$id` is today
        self._numbers: dict[int, int] = {}
        self._waiting: list[dict[str, Any]] = []
        self.references = 0
        self._is_renamed = self._is_unknown = False
        self.is_tree = True
        self.all: list[Place] = []
        self._number(schema)
        while self._waiting:
            self._read(self._waiting.pop())
        self.is_known = not (self._is_unknown or (self._is_renamed and self.references))

    def number_of(self, schema: Any) -> int | None:
        """The number of a place by what is written there; None if it is none."""
        return self._numbers.get(id(schema))

    def _number(self, schema: Any) -> int:
        """The number of a place, which is read later if it is new."""
        known = self._numbers.get(id(schema)) if isinstance(schema, dict) else None
        if known is not None:
            self.is_tree = False
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
        self.is_tree = False
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
        place.below = len(patterns) + UNIQUE * (schema.get("uniqueItems") is True)
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            place.again = _AGAIN
            place.below += len(place.same)


def patterns_of(schema: dict[str, Any]) -> list[str]:
    """The patterns of one place."""
    below, own = schema.get("patternProperties"), schema.get("pattern")
    return [*(below if isinstance(below, dict) else ()), *([own] if isinstance(own, str) else [])]
