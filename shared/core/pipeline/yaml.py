"""YAML 1.2 text to a tree of values, each with its position.

The tree is built from the parser's events, without a constructor: there are no tags, no anchors, and nothing with which a small
text could fill the memory.  Every value keeps its line and column for the messages that follow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.core.json_path import at_index, below
from shared.core.pipeline.remarks import Position, Remark

#: Far above what a pipeline file has, far below what could hurt.
TEXT_CHARS_MAX: Final = 256 * 1024
NODES_MAX: Final = 20_000
DEPTH_MAX: Final = 32

_START: Final = (1, 1)

type Scalar = str | int | float | bool | None

_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its position.

    Attributes:
        value: a scalar, a dict of nodes by key, or a list of nodes.
        text: a scalar as it was written; empty for collections.
        position: where the value begins.
        keys: where each key of a mapping begins.
    """

    value: Scalar | dict[str, Node] | list[Node]
    text: str
    position: Position
    keys: dict[str, Position]


class _Stop(Exception):
    """Carries the problem after which the rest of the text cannot be read."""

    def __init__(self, position: Position, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = Remark.at(position, "", message, remedy)


def load(text: str) -> tuple[Node | None, tuple[Remark, ...]]:
    """Read one YAML document.

    Returns:
        The root (None if the text cannot be read at all) and the problems: syntax, duplicate keys, anchors, tags, a second
        document, an empty file, or a root that is not a mapping.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415  loaded on first use: it is not on the app's import path
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    if len(text) > TEXT_CHARS_MAX:
        message = f"the file has {len(text)} characters, at most {TEXT_CHARS_MAX} are read"
        return None, (Remark.at(_START, "", message, "Is this a dataset? Pipeline files are small."),)
    builder = _Builder()
    try:
        builder.build(YAML(typ="safe", pure=True).parse(text.removeprefix("\ufeff")))
    except _Stop as stop:
        builder.problems.append(stop.problem)
        return None, tuple(builder.problems)
    except YAMLError as error:
        builder.problems.append(_syntax_problem(error, text))
        return None, tuple(builder.problems)
    return builder.root, tuple(builder.problems)


class _Builder:
    """Builds the tree from events; iterative, so that depth costs no stack."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[Remark] = []
        self._stack: list[tuple[Node, tuple[str, Position] | None]] = []
        self._count = 0
        self._documents = 0

    def build(self, events: Iterable[Any]) -> None:
        """Take all events of the stream."""
        for event in events:
            self._take(event, type(event).__name__)
        if self.root is None or (self.root.value is None and not self.root.text):
            remedy = "Name at least the model: `model: gpt-4.1-mini-2025-04-14`."
            raise _Stop(_START, "the file is empty", remedy)
        if not isinstance(self.root.value, dict):
            message = f"the file must be a mapping, found {describe(self.root)}"
            raise _Stop(self.root.position, message, "Start with `model: ...`.")

    def _take(self, event: Any, kind: str) -> None:
        position = (event.start_mark.line + 1, event.start_mark.column + 1)
        self._refuse(event, kind, position)
        match kind:
            case "ScalarEvent":
                plain = event.style is None or event.style == ""
                value = _resolve(event.value) if plain else event.value
                self._add(Node(value, event.value, position, {}))
            case "MappingStartEvent":
                self._open(Node({}, "", position, {}))
            case "SequenceStartEvent":
                self._open(Node([], "", position, {}))
            case "MappingEndEvent" | "SequenceEndEvent":
                self._stack.pop()

    def _refuse(self, event: Any, kind: str, position: Position) -> None:
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                remedy = "Keep one pipeline per file; remove `---`."
                raise _Stop(position, "a second document starts here", remedy)
        if getattr(event, "anchor", None) is not None:
            remedy = "Anchors are not read; write the value out."
            raise _Stop(position, f"anchor or alias {event.anchor!r}", remedy)
        if getattr(event, "tag", None) not in {None, "!"}:
            raise _Stop(position, f"tag {event.tag}", "Tags are not read; remove it, quote text instead.")

    def _open(self, node: Node) -> None:
        if len(self._stack) >= DEPTH_MAX:
            message = f"nested more than {DEPTH_MAX} levels deep"
            raise _Stop(node.position, message, "Pipeline files are flat; check the brackets.")
        self._add(node)
        self._stack.append((node, None))

    def _add(self, node: Node) -> None:
        self._count += 1
        if self._count > NODES_MAX:
            raise _Stop(node.position, f"more than {NODES_MAX} values", "Pipeline files are small.")
        if not self._stack:
            self.root = node
            return
        parent, key = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif key is None:
            self._stack[-1] = (parent, self._key(node))
        else:
            self._put(parent, key, node)
            self._stack[-1] = (parent, None)

    @staticmethod
    def _key(node: Node) -> tuple[str, Position]:
        if isinstance(node.value, dict | list):
            raise _Stop(node.position, "a key must be text", "Quote it if it contains brackets.")
        return node.text, node.position

    def _put(self, parent: Node, key: tuple[str, Position], node: Node) -> None:
        name, position = key
        assert isinstance(parent.value, dict)
        if name in parent.value:
            message = f"key {name!r} appears twice, first on line {parent.keys[name][0]}"
            self.problems.append(Remark.at(position, "", message, "Keep one of them."))
            return
        parent.value[name] = node
        parent.keys[name] = position


def _resolve(text: str) -> Scalar:
    """Plain scalar to value by the YAML 1.2 core schema: `on`, `yes` and `1_000` are text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= 30:
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def describe(node: Node) -> str:
    """What a value is, in words for people: `text 'abc'`, `number 3`, `a list`, `nothing`."""
    match node.value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return f"`{node.text}`"
        case int() | float():
            return f"number {node.text}"
    return f"text {clip(node.value)!r}"


def clip(text: str, length: int = 60) -> str:
    """At most `length` characters of a text."""
    return text if len(text) <= length else text[: length - 1] + "…"


def to_plain(node: Node) -> Any:
    """The tree below a node as plain dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: to_plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [to_plain(child) for child in node.value]
    return node.value


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every node from `node` down, with its path."""
    yield path, node
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from walk(child, below(path, key))
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from walk(child, at_index(path, index))


def _syntax_problem(error: Any, text: str) -> Remark:
    """A problem from ruamel's own error, which carries a mark or a bare position."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        position = (mark.line + 1, mark.column + 1)
    else:
        before = text[: getattr(error, "position", 0) or 0]
        position = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read as YAML"
    if "\\t" in reason or "\t" in reason:
        return Remark.at(position, "", "a tab", "YAML indents with spaces; replace the tab by two spaces.")
    context = getattr(error, "context", None)
    message = f"not valid YAML: {reason} {context}" if context else f"not valid YAML: {reason}"
    return Remark.at(position, "", message, "Check indentation, quotes and brackets at this place.")
