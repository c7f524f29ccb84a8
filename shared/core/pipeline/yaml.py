"""YAML 1.2 text to a tree of values that know where they stand.

The tree is built from parser events, without a constructor: no tags, no anchors, nothing that a small text
could blow up with,
and every value keeps its line and column for the messages that follow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

#: Far above what a pipeline file has, far below what could hurt.
TEXT_CHARS_MAX: Final = 256 * 1024
NODES_MAX: Final = 20_000
DEPTH_MAX: Final = 32

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


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with (or worth saying about) a pipeline file.

    Attributes:
        line: 1-based line.
        column: 1-based column.
        path: where in the tree, such as `evaluation.promote.min_gain`; empty for the whole file.
        message: what is wrong.
        remedy: what to do about it.
    """

    line: int
    column: int
    path: str
    message: str
    remedy: str

    def render(self, file: str) -> str:
        """The problem as one line that editors can jump to: `file:line:column: path: message. remedy`."""
        where = f"{self.path}: " if self.path else ""
        stop = "" if self.message.endswith("?") else "."
        return f"{file}:{self.line}:{self.column}: {where}{self.message}{stop} {self.remedy}".rstrip()


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place.

    Attributes:
        value: a scalar, a dict of nodes by key, or a list of nodes.
        text: a scalar as it was written; empty for collections.
        line: 1-based line of the value.
        column: 1-based column of the value.
        keys: 1-based (line, column) of each key of a mapping.
    """

    value: Scalar | dict[str, Node] | list[Node]
    text: str
    line: int
    column: int
    keys: dict[str, tuple[int, int]]


class _Stop(Exception):
    """Carries the problem after which the rest of the text cannot be read."""

    def __init__(self, line: int, column: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = _problem(line, column, message, remedy)


def load(text: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read one YAML document.

    Returns:
        The root (None if the text cannot be read at all) and the problems: syntax, duplicate keys, anchors,
        tags, a second
        document, an empty file, or a root that is no mapping.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415  loaded on first use: it is not on the app's import path
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    if len(text) > TEXT_CHARS_MAX:
        message = f"the file has {len(text)} characters, at most {TEXT_CHARS_MAX} are read"
        return None, (_problem(1, 1, message, "Is this a dataset? Pipeline files are small."),)
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
        self.problems: list[Problem] = []
        self._stack: list[tuple[Node, tuple[str, int, int] | None]] = []
        self._count = 0
        self._documents = 0

    def build(self, events: Iterable[Any]) -> None:
        """Take all events of the stream."""
        for event in events:
            self._take(event, type(event).__name__)
        if self.root is None or (self.root.value is None and not self.root.text):
            raise _Stop(
                1, 1, "the file is empty", "Name at least the model: `model: gpt-4.1-mini-2025-04-14`."
            )
        if not isinstance(self.root.value, dict):
            message = f"the file must be a mapping, found {describe(self.root)}"
            raise _Stop(self.root.line, self.root.column, message, "Start with `model: ...`.")

    def _take(self, event: Any, kind: str) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self._refuse(event, kind, line, column)
        match kind:
            case "ScalarEvent":
                plain = event.style is None or event.style == ""
                value = _resolve(event.value) if plain else event.value
                self._add(Node(value, event.value, line, column, {}))
            case "MappingStartEvent":
                self._open(Node({}, "", line, column, {}))
            case "SequenceStartEvent":
                self._open(Node([], "", line, column, {}))
            case "MappingEndEvent" | "SequenceEndEvent":
                self._stack.pop()

    def _refuse(self, event: Any, kind: str, line: int, column: int) -> None:
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise _Stop(
                    line, column, "a second document starts here", "Keep one pipeline a file; remove `---`."
                )
        if getattr(event, "anchor", None) is not None:
            raise _Stop(
                line,
                column,
                f"anchor or alias {event.anchor!r}",
                "Anchors are not read; write the value out.",
            )
        if getattr(event, "tag", None) not in {None, "!"}:
            raise _Stop(line, column, f"tag {event.tag}", "Tags are not read; remove it, quote text instead.")

    def _open(self, node: Node) -> None:
        if len(self._stack) >= DEPTH_MAX:
            message = f"nested more than {DEPTH_MAX} levels deep"
            raise _Stop(node.line, node.column, message, "Pipeline files are flat; check the brackets.")
        self._add(node)
        self._stack.append((node, None))

    def _add(self, node: Node) -> None:
        self._count += 1
        if self._count > NODES_MAX:
            raise _Stop(node.line, node.column, f"more than {NODES_MAX} values", "Pipeline files are small.")
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
    def _key(node: Node) -> tuple[str, int, int]:
        if isinstance(node.value, dict | list):
            raise _Stop(node.line, node.column, "a key must be text", "Quote it if it contains brackets.")
        return node.text, node.line, node.column

    def _put(self, parent: Node, key: tuple[str, int, int], node: Node) -> None:
        name, line, column = key
        assert isinstance(parent.value, dict)
        if name in parent.value:
            first = parent.keys[name][0]
            problem = _problem(
                line, column, f"key {name!r} appears twice, first on line {first}", "Keep one of them."
            )
            self.problems.append(problem)
            return
        parent.value[name] = node
        parent.keys[name] = (line, column)


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
            yield from walk(child, f"{path}.{key}" if path else key)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from walk(child, f"{path}[{index}]")


def _problem(line: int, column: int, message: str, remedy: str) -> Problem:
    return Problem(line=line, column=column, path="", message=message, remedy=remedy)


def _syntax_problem(error: Any, text: str) -> Problem:
    """A problem from ruamel's own error, which carries a mark or a bare position."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
    else:
        before = text[: getattr(error, "position", 0) or 0]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read as YAML"
    if "\\t" in said or "\t" in said:
        return _problem(line, column, "a tab", "YAML indents with spaces; replace the tab by two spaces.")
    context = getattr(error, "context", None)
    message = f"{said} {context}" if context else str(said)
    return _problem(
        line, column, f"not valid YAML: {message}", "Check indentation, quotes and brackets at this place."
    )
