"""How often a validator visits the places of a JSON schema: counted before it runs, since a small schema can ask for any work.

All ways are followed, references too.  Every pair of a place and a value is looked at once, with the number of ways that lead to
it; so counting is short where running would be long.  The counts are upper bounds: no branch is left out because an earlier one
would decide.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from shared.core.schema_places import UNIQUE, Place, Places

#: Counts stop here: more is too much in any case.
COUNT_MAX: Final = 10**12


class Visits:
    """Counts visits.

    Args:
        places: of the schema.

    Attributes:
        is_countable: whether it is known where all references lead, and none leads back to its place at the same value.
    """

    def __init__(self, places: Places) -> None:
        self._all, self._is_tree = places.all, places.is_tree
        self._leaves_first = self._in_order(lambda place: place.same)
        self.is_countable = places.is_known and bool(self._leaves_first)
        self._rank = {at: -rank for rank, at in enumerate(self._leaves_first)}
        self._sum_up()

    def _in_order(self, leads: Callable[[Place], Iterable[int]]) -> Sequence[int]:
        """The places, each after all to which it leads; none if they lead in a circle."""
        if self._is_tree:
            return range(len(self._all) - 1, -1, -1)  # a place is numbered before those below it
        try:
            return list(
                TopologicalSorter({at: leads(place) for at, place in enumerate(self._all)}).static_order()
            )
        except CycleError:
            return []

    def _sum_up(self) -> None:
        """For each place: visits at a value that has no members, and visits for each character of it."""
        self._leaf, self._text = [0] * len(self._all), [0] * len(self._all)
        for at in self._leaves_first:
            place = self._all[at]
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
        known: list[tuple[int, int, int]] = [(1, 0, 0)] * len(self._all)
        for at in order:
            place = self._all[at]
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

    def of(self, value: Any, most: int) -> tuple[int, int]:
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
                    place = self._all[at]
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
            place = self._all[at]
            for other in place.same:
                if other not in ways:
                    heapq.heappush(queue, (self._rank[other], other))
                ways[other] = ways.get(other, 0) + count * place.again

    @staticmethod
    def _own(place: Place, found: dict[str, Any] | list[Any]) -> int:
        names = sum(map(len, found)) if isinstance(found, dict) and place.text else 0
        below = place.below * (_values_in(found) if place.below >= UNIQUE else len(found))
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


def _values_in(value: Any) -> int:
    """How many values there are in a value, itself counted."""
    count, waiting = 0, [value]
    while waiting:
        found = waiting.pop()
        count += 1
        waiting += found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return count
