"""Reads typed values out of a mapping of a pipeline file and collects what is wrong on the way."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from shared.core.json_path import below
from shared.core.pipeline.remarks import PROBLEMS_MAX, Remark, Remarks
from shared.core.pipeline.yaml import Node, clip, describe, to_plain, walk

_DURATION: Final = re.compile(
    r"P(?:(?P<w>\d{1,4})W)?(?:(?P<d>\d{1,5})D)?(?:T(?:(?P<h>\d{1,6})H)?(?:(?P<m>\d{1,7})M)?(?:(?P<s>\d{1,8})S)?)?"
)
#: No more of a word is compared with known ones.
_WORD_CHARS_MAX: Final = 60
_UNIT_S: Final = {"w": 7 * 86_400, "d": 86_400, "h": 3600, "m": 60, "s": 1}


class Section:
    """One mapping of the file, or an absent one, which has only defaults.

    Each reader takes a key, checks the value and returns it, or notes a problem and returns the default.  `finish` reports the
    keys that no reader took.
    """

    def __init__(self, node: Node | None, path: str, remarks: Remarks) -> None:
        self.node = node
        self.path = path
        self.remarks = remarks
        self._known: list[str] = []

    # -- places and messages ------------------------------------------------------------------

    def child_path(self, key: str) -> str:
        """Path of a key of this section."""
        return below(self.path, key)

    def problem(self, key: str | None, message: str, remedy: str = "") -> None:
        """Refuse the value of a key (None: the section itself)."""
        self.remarks.problems.append(self._at(key, message, remedy))

    def note(self, key: str | None, message: str, remedy: str = "") -> None:
        """Remark on a key without refusing the file."""
        self.remarks.notes.append(self._at(key, message, remedy))

    def _at(self, key: str | None, message: str, remedy: str) -> Remark:
        node = (self.get(key) if key else None) or self.node
        path = self.child_path(key) if key else self.path
        return Remark.at(node.position if node else (1, 1), path, message, remedy)

    def nearest(self, word: str, known: Iterable[str]) -> str | None:
        """The known word that a wrong one resembles most; None if it resembles none, or in a file with very many problems."""
        if len(self.remarks.problems) >= PROBLEMS_MAX:
            return None
        return nearest(word, known)

    # -- access -------------------------------------------------------------------------------

    def _entries(self) -> Mapping[str, Node]:
        return self.node.value if self.node is not None and isinstance(self.node.value, dict) else {}

    def get(self, key: str) -> Node | None:
        """The node of a key, or None."""
        return self._entries().get(key)

    def __contains__(self, key: str) -> bool:
        return key in self._entries()

    def has_value(self, key: str) -> bool:
        """Whether something stands at a key: it is there, and it is not null."""
        node = self.get(key)
        return node is not None and node.value is not None

    def keys(self) -> tuple[str, ...]:
        """The keys that were written."""
        return tuple(self._entries())

    def take(self, key: str) -> Node | None:
        """The node of a key, which counts as known from now on."""
        self._known.append(key)
        return self.get(key)

    def given(self, key: str) -> Node | None:
        """The node of a key, which counts as known from now on; None for a `null` too."""
        node = self.take(key)
        return node if self.has_value(key) else None

    def finish(
        self,
        *,
        also: Sequence[str] = (),
        elsewhere: Mapping[str, str] | None = None,
        unlisted: Sequence[str] = (),
    ) -> None:
        """Report every key that was not taken, with the place where it belongs, or the nearest known one.

        Args:
            also: further keys that are known here.
            elsewhere: for keys that people write here, the path where they belong.
            unlisted: keys that were taken, and that nobody should be told to use.
        """
        known = dict.fromkeys([*self._known, *also])
        listed = [key for key in known if key not in unlisted]
        for key in self._entries():
            if key in known:
                continue
            assert self.node is not None
            if (place := (elsewhere or {}).get(key)) is not None:
                message, remedy = f"it belongs to {place}", f"Write {nested(place, self._entries()[key])}."
            else:
                message = f"unknown key{meant(self.nearest(key, listed))}"
                remedy = f"Known keys here: {', '.join(listed)}."
            remark = Remark.at(self.node.keys[key], self.child_path(clip(key)), message, remedy)
            self.remarks.problems.append(remark)

    def section(self, key: str) -> Section:
        """A mapping below; absent and empty ones give a section of defaults."""
        node = self.take(key)
        if node is not None and not isinstance(node.value, dict):
            if node.value is not None:
                self.problem(
                    key, f"expected a mapping, found {describe(node)}", "Write keys and values below it."
                )
            node = None
        return Section(node, self.child_path(key), self.remarks)

    def entries(self, key: str, remedy: str) -> list[tuple[str, Node]] | None:
        """The items of a list with their paths; None if the key is absent."""
        node = self.given(key)
        if node is None:
            return None
        if not isinstance(node.value, list):
            self.problem(key, f"expected a list, found {describe(node)}", remedy)
            return None
        return [(f"{self.child_path(key)}[{i}]", item) for i, item in enumerate(node.value)]

    # -- values -------------------------------------------------------------------------------

    def text(
        self,
        key: str,
        default: str | None = None,
        *,
        pattern: str = r"(?s).+",
        hint: str = "",
        length: int = 8192,
    ) -> str | None:
        """Text that matches `pattern` entirely."""
        node = self.given(key)
        if node is None:
            return default
        if not isinstance(node.value, str):
            remedy = f"Quote it: '{node.text}'." if node.text else hint
            self.problem(key, f"expected text, found {describe(node)}", remedy)
        elif len(node.value) > length:
            self.problem(key, f"{len(node.value)} characters, at most {length} are allowed", hint)
        elif not re.fullmatch(pattern, node.value):
            self.problem(key, f"{clip(node.value)!r} is not allowed here", hint)
        else:
            return node.value
        return default

    def choice(self, key: str, choices: Sequence[str], default: str, *, hint: str = "") -> str:
        """One of some words; case does not matter."""
        node = self.given(key)
        if node is None:
            return default
        by_lower = {choice.lower(): choice for choice in choices}
        found = by_lower.get(node.text.lower()) if isinstance(node.value, str) else None
        if found is None:
            near = self.nearest(node.text.lower(), by_lower)
            remedy = hint or f"Use one of: {', '.join(choices)}."
            end = meant(by_lower[near] if near else None)
            self.problem(key, f"{describe(node)} is not allowed here{end}", remedy)
        return found or default

    def flag(self, key: str, *, default: bool) -> bool:
        """`true` or `false`."""
        node = self.given(key)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self.problem(
                key, f"expected true or false, found {describe(node)}", "In YAML 1.2, yes and on are text."
            )
            return default
        return node.value

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.number_or_none(key, float(default), low, high, whole=True)
        return default if value is None else int(value)

    def number(self, key: str, default: float, low: float, high: float, *, above: bool = False) -> float:
        """A finite number from `low` (exclusive with `above`) to `high`."""
        value = self.number_or_none(key, default, low, high, above=above)
        return default if value is None else value

    def number_or_none(
        self,
        key: str,
        default: float | None,
        low: float,
        high: float,
        *,
        above: bool = False,
        whole: bool = False,
    ) -> float | None:
        """A finite number in a range; an explicit `null` is None."""
        node = self.take(key)
        if node is None:
            return default
        if node.value is None:
            return None
        problem = number_problem(node, low, high, above=above, whole=whole)
        if problem:
            self.problem(key, *problem)
            return default
        assert isinstance(node.value, int | float)
        return float(node.value)

    def duration_s(self, key: str, default: int, low: int, high: int) -> int:
        """An ISO 8601 duration of weeks, days, hours, minutes and seconds, in seconds."""
        node = self.given(key)
        if node is None:
            return default
        match = _DURATION.fullmatch(node.value.upper()) if isinstance(node.value, str) else None
        parts = {unit: int(n) for unit, n in match.groupdict().items() if n} if match else {}
        if not parts or node.text.upper().endswith("T"):
            hint = "Write an ISO 8601 duration such as P7D, PT4H or P1DT12H; months and years have no fixed length."
            self.problem(key, f"{describe(node)} is not a duration", hint)
            return default
        seconds = sum(_UNIT_S[unit] * count for unit, count in parts.items())
        if not low <= seconds <= high:
            message = f"{node.text} is {seconds} s, allowed are {low} to {high} s"
            self.problem(key, message, "Choose one in the range.")
            return default
        return seconds

    def mapping(self, key: str, hint: str) -> dict[str, Any] | None:
        """A mapping taken as it is, with finite numbers."""
        node = self.given(key)
        if node is None:
            return None
        if not isinstance(node.value, dict):
            self.problem(key, f"expected a mapping, found {describe(node)}", hint)
            return None
        for path, child in walk(node, self.child_path(key)):
            if isinstance(child.value, float) and not math.isfinite(child.value):
                problem = Remark.at(child.position, path, f"{child.text} is not a number", hint)
                self.remarks.problems.append(problem)
                return None
        plain: dict[str, Any] = to_plain(node)
        return plain


def nested(path: str, node: Node) -> str:
    """A value at a path, as it is written in the file."""
    *above, last = path.split(".")
    text = f"{last}: {node.text}" if isinstance(node.value, str | int | float) else f"{last}: ..."
    for key in reversed(above):
        text = f"{key}: {{{text}}}"
    return f"`{text}`"


def guess(word: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown word: which known one may be meant."""
    return meant(nearest(word, known))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a wrong one resembles most; None if it resembles none."""
    return next(iter(difflib.get_close_matches(word[:_WORD_CHARS_MAX], list(known), n=1)), None)


def meant(word: str | None) -> str:
    """The end of a sentence about a wrong word, of which this one may be meant."""
    return f"; did you mean {word}?" if word else ""


def number_problem(
    node: Node, low: float, high: float, *, above: bool = False, whole: bool = False
) -> tuple[str, str] | None:
    """Message and remedy if a node is not a finite number in the range, else None."""
    kind = "a whole number" if whole else "a number"
    bounds = f"{'more than' if above else 'at least'} {low:g}" + (
        "" if math.isinf(high) else f" and at most {high:.10g}"
    )
    remedy = f"Write {kind}, {bounds}."
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"expected {kind}, found {describe(node)}", remedy
    if not math.isfinite(value):
        return f"{node.text} is not a finite number", remedy
    if whole and value != int(value):
        return f"expected a whole number, found {node.text}", remedy
    if value > high or value < low or (above and value == low):
        return f"{node.text} is out of range", remedy
    return None


def each_section(items: list[tuple[str, Node]], remarks: Remarks, hint: str) -> Iterator[Section]:
    """Sections of the list items that are mappings; a problem for each that is not."""
    for path, node in items:
        if isinstance(node.value, dict):
            yield Section(node, path, remarks)
        else:
            message = f"expected a mapping, found {describe(node)}"
            remarks.problems.append(Remark.at(node.position, path, message, hint))
