"""A Bicep file as data: declarations and a walkable tree.  tree-sitter reads; nothing is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import tree_sitter
import tree_sitter_bicep
from tree_sitter import Node

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
_DECLARATIONS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def text_of(node: Node) -> str:
    return node.text.decode() if node.text else ""


def literal(node: Node | None) -> str | None:
    """The text of a string without interpolation, else None."""
    if node is None or node.type != "string" or any(c.type == "interpolation" for c in node.children):
        return None
    return "".join(text_of(c) for c in node.children if c.type in {"string_content", "escape_sequence"})


def unwrapped(node: Node) -> Node:
    """The object behind `if (...)` and `[for ...: ...]`."""
    while node.type in {"if_statement", "for_statement"}:
        node = node.named_children[-1]
    return node


def entries(node: Node | None) -> dict[str, Node]:
    """Keys and values of an object; nothing of anything else."""
    if node is None or (node := unwrapped(node)).type != "object":
        return {}
    found = {}
    for entry in node.named_children:
        if entry.type == "object_property":
            key, value = entry.named_children[0], entry.named_children[-1]
            found[literal(key) if key.type == "string" else text_of(key)] = value
    return {key or "": value for key, value in found.items()}


def at(node: Node | None, *path: str) -> Node | None:
    """What stands at a path of keys, or None."""
    for key in path:
        node = entries(node).get(key)
    return node


def objects(node: Node | None) -> list[Node]:
    """The objects that a value may be made of: elements, branches, loops, arguments of `union` and `concat`."""
    if node is None:
        return []
    node = unwrapped(node)
    if node.type == "object":
        return [node]
    if node.type in {
        "array",
        "ternary_expression",
        "call_expression",
        "arguments",
        "parenthesized_expression",
    }:
        return [found for child in node.named_children for found in objects(child)]
    return []


@dataclass(frozen=True)
class Declaration:
    """A parameter, variable, resource, module or output."""

    kind: str
    name: str
    node: Node
    has_default: bool
    is_existing: bool

    @cached_property
    def target(self) -> str:
        """What follows the name: the type of a resource, the path of a module."""
        return literal(next(c for c in self.node.named_children if c.type == "string")) or ""

    @property
    def type(self) -> str:
        return self.target.partition("@")[0]

    @property
    def body(self) -> Node:
        return unwrapped(self.node.named_children[-1])

    @property
    def line(self) -> int:
        return self.node.start_point[0] + 1


@dataclass(frozen=True)
class File:
    """A Bicep file."""

    path: str
    text: str
    root: Node = field(repr=False)

    @classmethod
    def parse(cls, path: str, text: str) -> File:
        return cls(path, text, _PARSER.parse(text.encode()).root_node)

    @cached_property
    def declarations(self) -> list[Declaration]:
        found = []
        for node in self.root.named_children:
            if kind := _DECLARATIONS.get(node.type):
                tokens = [c.type for c in node.children]
                name = text_of(next(c for c in node.named_children if c.type == "identifier"))
                found.append(
                    Declaration(kind, name, node, "=" in tokens and kind == "param", "existing" in tokens)
                )
        return found

    def of(self, *kinds: str) -> list[Declaration]:
        return [d for d in self.declarations if d.kind in kinds]

    def resources(self, kind: str | None = None) -> list[Declaration]:
        """Resources that this file makes (not those that exist), of one type or all."""
        return [d for d in self.of("resource") if not d.is_existing and kind in {None, d.type}]

    def get(self, name: str) -> Declaration:
        return next(d for d in self.declarations if d.name == name)

    @cached_property
    def code(self) -> str:
        """The text without comments."""
        return re.sub(r"(?m)(?<!:)//.*$", "", self.text)

    def value_of(self, node: Node | None) -> str | None:
        """The text that a node stands for, through variables and the names of resources of this file."""
        if node is None:
            return None
        if (text := literal(node)) is not None:
            return text
        if node.type == "identifier":
            found = [d for d in self.of("var") if d.name == text_of(node)]
            return self.value_of(found[0].node.named_children[-1]) if found else None
        if node.type == "member_expression" and text_of(node.named_children[-1]) == "name":
            owner = self.get(text_of(node.named_children[0]))
            return self.value_of(at(owner.body, "name"))
        return None

    def identifiers(self) -> Iterator[Node]:
        """Names that are used in expressions."""
        for node in walk(self.root):
            if node.type != "identifier" or node.parent is None:
                continue
            above = node.parent
            is_key = above.type == "object_property" and above.named_children[0] == node
            is_declared = above.type in _DECLARATIONS and above.named_children[0] == node
            is_called = above.type == "call_expression" and above.named_children[0] == node
            is_loop = above.type == "for_statement" and above.named_children[0] == node
            if not (is_key or is_declared or is_called or is_loop):
                yield node


def loop_names(node: Node) -> set[str]:
    """Names that the loops around a node define."""
    found = set()
    above = node.parent
    while above is not None:
        if above.type == "for_statement":
            first = above.named_children[0]
            found |= {text_of(c) for c in (first.named_children or [first])}
        above = above.parent
    return found


def read(folder: Path) -> dict[str, File]:
    """All Bicep files of a folder, by path from there."""
    return {
        path.relative_to(folder).as_posix(): File.parse(path.relative_to(folder).as_posix(), path.read_text())
        for path in sorted(folder.rglob("*.bicep"))
    }
