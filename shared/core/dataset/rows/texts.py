"""The texts of a row without errors: what identifies it, what is learned from it, what is encoded to tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
import xxhash

from shared.core.dataset.format import (
    DEFINITION_KEYS,
    INSTRUCTING,
    Holder,
    Message,
    Row,
    RowFormat,
    calls_of,
    functions_of,
    texts_of,
)
from shared.core.dataset.rows.tokens import EXAMPLE_TOKENS, MESSAGE_TOKENS, NAME_TOKENS, ROLE_TOKENS
from shared.core.dataset.rules.images import count_images
from shared.core.json_path import at_index, below

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_encode_in_order: Final = msgspec.json.Encoder().encode
_FRAME_TOKENS: Final = MESSAGE_TOKENS + ROLE_TOKENS
#: Stands between the text of a message and what else the message has.
_EXTRA: Final = "\x07"
_DIGEST_CHARS: Final = 32
_PLAIN_KEYS: Final = frozenset({"role", "content"})
_CALL_KEYS: Final = ("tool_calls", "function_call")
_BESIDE_KEYS: Final = (*DEFINITION_KEYS, "parallel_tool_calls")


class RowTexts(NamedTuple):
    """The texts of a row, and what is counted on the way.

    Attributes:
        system: the system message at the beginning; empty for none.
        beside: what stands beside the messages, as JSON in the order in which it is given; empty for nothing.
        roles: first letters of the roles, in order.
        turns: the messages after the system message, each as one text; the last one is the answer (supervised), or both outputs
            (preference), or the fields for graders (reinforcement).
        counted: what is encoded to tokens, besides the system message and what stands beside the messages.
        overhead: tokens that the frame around the texts adds.
        is_spaced: whether white space surrounds a text.
        images: how many.
    """

    system: str
    beside: bytes
    roles: str
    turns: list[str]
    counted: list[str]
    overhead: int
    is_spaced: bool
    images: int


class _Gathering:
    """Texts of messages while they are gathered."""

    def __init__(self) -> None:
        self.counted: list[str] = []
        self.overhead = EXAMPLE_TOKENS
        self.roles = ""
        self.is_spaced = False
        self.images = 0

    def add(self, talk: list[Message]) -> list[str]:
        """Take the texts of messages; each message as one text."""
        self.roles += "".join([message["role"][0] for message in talk])
        self.overhead += len(talk) * _FRAME_TOKENS
        turns: list[str] = []
        for message in talk:
            content = message.get("content")
            if len(message) == 2 and content.__class__ is str:
                turns.append(content)
                self.counted.append(content)
                if content.strip() is not content:  # a text that needs no stripping is returned as it is
                    self.is_spaced = True
            else:
                turns.append(self._add_others(message, content))
        return turns

    def _add_others(self, message: Message, content: Any) -> str:
        found = [text for _, text in texts_of(message)]
        self.is_spaced = self.is_spaced or any(text.strip() is not text for text in found)
        parts = ["\n".join(found)]
        if (name := message.get("name")) is not None:
            self.overhead += NAME_TOKENS
            found.append(name)
        found += [_encode_in_order(message[key]).decode() for key in _CALL_KEYS if message.get(key)]
        self.counted += found
        others = {key: value for key, value in message.items() if key not in _PLAIN_KEYS}
        if others:
            parts += (_EXTRA, _encode(others).decode())
        if isinstance(content, list):
            self.images += count_images([message])
            # Parts belong to the identity of a row.  They go in as a hash, since the bytes of an image would look like words.
            parts += (_EXTRA, _hash_of_parts(content))
        return "".join(parts)


def _hash_of_parts(parts: list[Any]) -> str:
    """A list of parts without its texts."""
    shown = [part if part.get("type") != "text" else "text" for part in parts]
    return xxhash.xxh3_128_hexdigest(_encode(shown))


def without_parts(turn: str) -> str:
    """A turn of a row without images as if its texts stood in one."""
    text, extra, digest = turn.rpartition(_EXTRA)
    return text if extra and len(digest) == _DIGEST_CHARS and digest.isalnum() else turn


def texts_of_row(row: Row, form: RowFormat) -> RowTexts:
    """The texts of a row in which no rule found an error."""
    holder = form.holder(row)
    talk = holder["messages"]
    gathered = _Gathering()
    turns = gathered.add(talk)
    first, system = talk[0], ""
    if first["role"] in INSTRUCTING and first.keys() == _PLAIN_KEYS and isinstance(first["content"], str):
        system = turns.pop(0)
        gathered.counted.pop(0)
    if form.outputs:
        gathered.overhead += EXAMPLE_TOKENS
        turns.append(_EXTRA.join("".join(gathered.add(row[key])) for key in form.outputs))
    elif form.has_fields:
        turns.append(_EXTRA + _encode(form.fields(row)).decode())
    return RowTexts(
        system,
        _beside(holder),
        gathered.roles,
        turns,
        gathered.counted,
        gathered.overhead,
        gathered.is_spaced,
        gathered.images,
    )


def _beside(holder: Holder) -> bytes:
    if len(holder) == 1:
        return b""
    beside = {key: holder[key] for key in _BESIDE_KEYS if key in holder}
    return _encode_in_order(beside) if beside else b""


class Beside(NamedTuple):
    """What stands beside the messages.

    Attributes:
        text: all of it, however it is ordered; empty for nothing.
        counted: what of it is encoded to tokens.
        tools: names of the functions that are defined.
    """

    text: str
    counted: list[str]
    tools: tuple[str, ...]

    @classmethod
    def of(cls, beside: bytes) -> Beside:
        """Of `RowTexts.beside`."""
        if not beside:
            return cls("", [], ())
        given = msgspec.json.decode(beside)
        return cls(
            text=_EXTRA + _encode(given).decode(),
            counted=[_encode_in_order(given[key]).decode() for key in DEFINITION_KEYS if given.get(key)],
            tools=tuple(str(function["name"]) for _, function in functions_of(given)),
        )


def texts_with_paths(row: Row, form: RowFormat) -> Iterator[tuple[str, str]]:
    """Every text of a row without errors that is learned from or asked with, with its JSON path."""
    for at, talk in form.talks(row):
        for index, message in enumerate(talk):
            for path, text in texts_of(message):
                yield f"{at}[{index}].{path}", text
            if isinstance(message.get("refusal"), str):
                yield f"{at}[{index}].refusal", message["refusal"]
            for path, function in calls_of(message):
                yield f"{at}[{index}].{path}.arguments", str(function.get("arguments"))
        if at == form.talk_path:
            prefix = at.removesuffix("messages")
            for path, function in functions_of(form.holder(row)):
                yield f"{prefix}{path}", _encode(function).decode()
    if form.has_fields:
        for key, value in sorted(form.fields(row).items()):
            yield key, value if isinstance(value, str) else _encode(value).decode()


def strings_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in any value, with its JSON path."""
    waiting = [(path, value)]
    while waiting:
        at, item = waiting.pop()
        if isinstance(item, str):
            yield at, item
        elif isinstance(item, dict):
            waiting += [
                (below(at, key), child) for key, child in reversed(item.items()) if _may_have_strings(child)
            ]
        elif isinstance(item, list):
            waiting += [
                (at_index(at, index), child)
                for index, child in reversed(list(enumerate(item)))
                if _may_have_strings(child)
            ]


def _may_have_strings(value: Any) -> bool:
    return isinstance(value, str) or (bool(value) and isinstance(value, dict | list))
