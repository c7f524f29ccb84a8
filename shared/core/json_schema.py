"""JSON schemas, compiled; nothing is fetched for them, and no value is held against one that takes too much work.

Work is counted in steps: visits of a place of the schema to a place of the value (`schema_visits`), characters that are held
against patterns, bytes that are compiled.  It is never measured by the clock: the same file has the same findings everywhere.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.core.dataset.memo import Memo
from shared.core.schema_patterns import Patterns, engine, leave_out, steps_to_compile
from shared.core.schema_places import PLACES_MAX, Places, TooLarge, patterns_of
from shared.core.schema_visits import Visits
from shared.core.schema_work import Work

#: Visits for one value; with more, it is not held against its schema.
VISITS_MAX: Final = 1_000_000
#: Larger schemas are not compiled.
SCHEMA_BYTES_MAX: Final = 256 * 1024
#: Visits times characters up to which the library is asked for words: each error on the way holds the value.
_WORDS_MAX: Final = 4_000_000
_OFF_SCHEMA: Final = "the value does not fit its JSON schema"
#: Steps for a schema and for each of its bytes; to count one visit.
_STEPS_OF_SCHEMA: Final = 4_000
_STEPS_TO_COMPILE: Final = 4
_STEPS_TO_COUNT: Final = 50
_STEPS_OF_PLACE: Final = 500
#: No place of a plain schema takes more visits for a value.
_DEAREST: Final = 250
#: A schema without any of these is plain: no place is asked about a value twice, and none is much work by itself.
_INTRICATE: Final = (b'"$ref"', b'"$dynamicRef"', b'"$recursiveRef"', b'"unevaluated', b"attern", b'"format"')
_KEPT_BYTES_MAX: Final = 1_000_000


class Schema:
    """A compiled JSON schema.

    Args:
        schema: nobody else holds it.
        written: the same as JSON.
        work: of the file that it stands in.
        patterns: of the file.

    Attributes:
        fault: where the schema itself is wrong, as the end of a path, and in which way; None if it is not, or if nobody knows.
    """

    def __init__(self, schema: dict[str, Any], written: bytes, work: Work, patterns: Patterns) -> None:
        self._work = work
        self._values = 1 + sum(map(written.count, (b",", b"{", b"[")))
        self.fault: tuple[str, str] | None = None
        self._validator: Any = None
        self._counter: Visits | None = None
        self._bounds: tuple[int, int, int] | None = None
        self._is_plain = not any(map(written.__contains__, _INTRICATE))
        if len(written) > SCHEMA_BYTES_MAX:
            return
        if work.take(_STEPS_OF_SCHEMA + _STEPS_TO_COMPILE * len(written)):
            if self._is_plain:
                self._compile(schema)
                self._schema = schema
            elif work.take(_STEPS_OF_PLACE * self._values):
                self._count(schema, patterns)

    def _count(self, schema: dict[str, Any], patterns: Patterns) -> None:
        """Compile a schema, if there is work left for it, and make ready to count visits."""
        work, places = self._work, self._places_of(schema, patterns)
        if places is None:
            return
        texts = (text for place in places.all for text in patterns_of(place.schema))
        if work.take(places.references**2 + sum(map(steps_to_compile, texts))):
            self._compile(schema)
        if self._validator is not None:
            self._make_counter(places)

    def _make_counter(self, places: Places) -> None:
        self._counter = Visits(places)
        self._bounds = self._counter.bounds() if self._counter.is_countable else None

    def _places_of(self, schema: dict[str, Any], patterns: Patterns) -> Places | None:
        """The places of a schema, from which the patterns that are not checked were taken; None if it is too large."""
        refused = set[str]()

        def cost(pattern: str) -> int:
            known = patterns.of(pattern)
            if known.cost is None and known.is_expression:
                refused.add(pattern)
            return known.cost or 0

        try:
            places = Places(schema, cost)
        except TooLarge:
            return None
        if refused:
            self._work.leave_out(refused)
            leave_out(places, frozenset(refused))
            places = Places(schema, cost)
        return places

    def _compile(self, schema: dict[str, Any]) -> None:
        import jsonschema_rs  # noqa: PLC0415  6 MB, loaded where there are schemas

        try:
            self._validator = jsonschema_rs.validator_for(schema, retriever=_refuse, pattern_options=engine())
        except (ValueError, RecursionError) as error:
            steps = getattr(error, "instance_path", ())
            path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
            self.fault = (path, str(getattr(error, "message", error)).split("\n")[0][:200])

    def violation(self, value: Any, written: str) -> str | None:
        """The first thing in a value that the schema forbids; None if there is none, or if that is not looked at.

        Args:
            value: any JSON value.
            written: the same as JSON.
        """
        if self.fault is not None:
            return None
        visits = self._visits(value, written)
        if visits is None or not self._work.take(visits):
            self._work.pass_over()
            return None
        if self._validator.is_valid(value):
            return None
        chars = len(written) + 200
        if visits * chars > _WORDS_MAX or not self._work.take(visits * (_STEPS_TO_COUNT + chars // 100)):
            return _OFF_SCHEMA
        error = next(self._validator.iter_errors(value), None)
        return None if error is None else str(error.message)[:200]

    def _visits(self, value: Any, written: str) -> int | None:
        """How many visits are made for a value; None for too many."""
        values = 1 + written.count(",") + written.count("{") + written.count("[")
        if self._is_plain and self._validator is not None:
            if self._values * values * _DEAREST <= VISITS_MAX:
                return self._values * values
            if (
                self._counter is None
                and self._values <= PLACES_MAX
                and self._work.take(_STEPS_OF_PLACE * self._values)
            ):
                self._make_counter(Places(self._schema, lambda _: 0))
        if self._counter is None or not self._counter.is_countable:
            return None
        if self._bounds is not None:
            fixed, for_each, for_char = self._bounds
            visits = fixed + for_each * values + for_char * len(written)
            if visits <= VISITS_MAX:
                return visits
        if self._work.left <= 0:
            return None
        visits, steps = self._counter.of(value, VISITS_MAX)
        self._work.spend(_STEPS_TO_COUNT * steps)
        return visits if visits <= VISITS_MAX else None


class Schemas:
    """The schemas of one file, each compiled once.

    Attributes:
        work: what may still be done with them, and what was not.
    """

    def __init__(self) -> None:
        self.work = Work()
        self._patterns = Patterns(self.work)
        self._kept: Memo[bytes, Schema] = Memo(size_max=_KEPT_BYTES_MAX)

    def of(self, schema: dict[str, Any]) -> Schema:
        """A schema, compiled."""
        written = msgspec.json.encode(schema)
        known = self._kept.get(written)
        if known is None:
            made = Schema(msgspec.json.decode(written), written, self.work, self._patterns)
            known = self._kept.keep(written, made, len(written))
        return known


def _refuse(uri: str) -> Any:
    """Nothing is fetched for a dataset."""
    msg = f"a reference to another document: {uri[:100]}"
    raise ValueError(msg)
