"""What a sound row says: its texts, for hashing, scanning, sketching and counting tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from shared.core.dataset.detect import CHAT_KEYS
from shared.core.dataset.plain import SoundRow
from shared.core.dataset.rows import OUTPUTS
from shared.core.dataset.rules.images import count_images
from shared.core.dataset.rules.messages import INSTRUCTING, Message, texts_of
from shared.core.dataset.rules.tools import calls_of, functions_of
from shared.core.dataset.tokens import EXAMPLE_TOKENS, MESSAGE_TOKENS, NAME_TOKENS, ROLE_TOKENS
from shared.core.pipeline_types import MethodType

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder().decode


def _compact(value: Any) -> str:
    """JSON in the order in which it was given, as it is encoded to tokens."""
    return msgspec.json.encode(value).decode()


_FRAME_TOKENS: Final = MESSAGE_TOKENS + ROLE_TOKENS
_EXTRA: Final = "\x07"


class Content(msgspec.Struct, gc=False):
    """The texts of a row.

    Attributes:
        head: system message at the beginning and tool definitions, which repeat from row to row, as one text.
        head_texts: of these, what is encoded.
        system: the system message.
        roles: first letters of the roles, in order.
        turns: the messages after the head, each as one text; the last one is the answer (supervised), or both outputs
            (preference), or the fields for graders (reinforcement).
        texts: what is encoded besides the head.
        overhead: tokens that the frame adds.
        is_spaced: whether white space surrounds a text.
        tools: names of the functions that are defined.
        images: how many.
    """

    head: str
    head_texts: tuple[str, ...]
    system: str
    roles: str
    turns: list[str]
    texts: list[str]
    overhead: int
    is_spaced: bool = False
    tools: tuple[str, ...] = ()
    images: int = 0


def are_spaced(texts: Iterable[str]) -> bool:
    """Whether white space surrounds one of the texts; a text that needs no stripping is returned as it is."""
    return any([text.strip() is not text for text in texts])  # noqa: C419  a list is faster here


def content_of_sound(row: SoundRow, *, may_be_spaced: bool = True) -> Content:
    """The texts of a row that `read_sound` accepted: the same as `content_of` tells, but faster.

    Args:
        row: the row.
        may_be_spaced: whether a row without tools may have a text with white space around it.
    """
    if row.tools is not UNSET:
        return _content_of_tooled(row)
    talk = row.messages
    texts: list[str] = [message.content for message in talk]  # type: ignore[misc]  # such rows have texts
    roles = "".join([message.role[0] for message in talk])
    overhead = EXAMPLE_TOKENS + len(talk) * _FRAME_TOKENS
    is_spaced = may_be_spaced and are_spaced(texts)
    if roles[0] in "sd":
        system = texts.pop(0)
        return Content(system, (system,), system, roles, texts, texts, overhead, is_spaced)
    return Content("", (), "", roles, texts, texts, overhead, is_spaced)


def _content_of_tooled(row: SoundRow) -> Content:
    turns: list[str] = []
    texts: list[str] = []
    is_spaced = False
    for message in row.messages:
        text = message.content if isinstance(message.content, str) else ""
        if text:
            is_spaced = is_spaced or are_spaced([text])
            texts.append(text)
        turns.append(text)
        others: dict[str, Any] = {}
        if message.tool_calls is not UNSET:
            others["tool_calls"] = calls = _decode(message.tool_calls)
            texts.append(_compact(calls))
        if message.tool_call_id is not UNSET:
            others["tool_call_id"] = message.tool_call_id
        if others:
            turns[-1] += _EXTRA + _encode(others).decode()
    roles = "".join([message.role[0] for message in row.messages])
    system = ""
    if roles[0] in "sd":
        system = turns.pop(0)
        texts.pop(0)
    is_set = row.parallel_tool_calls is not UNSET
    beside = {"parallel_tool_calls": row.parallel_tool_calls} if is_set else {}
    given = _given({"tools": row.tools, **beside})
    return Content(
        head=system + given.head,
        head_texts=(system, *given.texts) if system else given.texts,
        system=system,
        roles=roles,
        turns=turns,
        texts=texts,
        overhead=EXAMPLE_TOKENS + len(row.messages) * _FRAME_TOKENS,
        is_spaced=is_spaced,
        tools=given.names,
    )


@dataclass(slots=True)
class _Gathering:
    """Texts of messages while they are gathered."""

    texts: list[str] = field(default_factory=list)
    overhead: int = 0
    roles: list[str] = field(default_factory=list)
    is_spaced: bool = False

    def add(self, message: Message) -> str:
        """Take the texts of a message; the message as one text."""
        self.roles.append(message["role"][0])
        self.overhead += _FRAME_TOKENS
        if len(message) == 2 and isinstance(text := message.get("content"), str):  # only a role and text
            self.is_spaced = self.is_spaced or are_spaced([text])
            self.texts.append(text)
            return text
        found = [text for _, text in texts_of(message)]
        self.is_spaced = self.is_spaced or are_spaced(found)
        parts = ["\n".join(found)]
        if (name := message.get("name")) is not None:
            self.overhead += NAME_TOKENS
            found.append(name)
        found += [_compact(message[key]) for key in ("tool_calls", "function_call") if message.get(key)]
        self.texts += found
        others = {key: value for key, value in message.items() if key not in {"role", "content"}}
        if others:
            parts += (_EXTRA, _encode(others).decode())
        if isinstance(message.get("content"), list):
            # Lists and images count for what a row is, but images are no text: their bytes would look like words.
            parts += (_EXTRA, _shape(message["content"]))
        return "".join(parts)


def _shape(parts: list[Any]) -> str:
    """A list of parts without its texts, images by their hash."""
    import xxhash  # noqa: PLC0415  loaded on use

    shown = [part if part.get("type") != "text" else "text" for part in parts]
    return xxhash.xxh3_128_hexdigest(_encode(shown))


def content_of(row: dict[str, Any], method: MethodType) -> Content:
    """The texts of a row in which `check_row` found no error."""
    holder = row["input"] if method is MethodType.DPO else row
    talk = holder["messages"]
    gathered = _Gathering()
    turns = [gathered.add(message) for message in talk]
    system = ""
    if (
        talk[0]["role"] in INSTRUCTING
        and talk[0].keys() == {"role", "content"}
        and isinstance(talk[0]["content"], str)
    ):
        system = turns.pop(0)
        gathered.texts.pop(0)
    overhead = EXAMPLE_TOKENS
    if method is MethodType.DPO:
        overhead += EXAMPLE_TOKENS
        turns.append(_EXTRA.join("".join(gathered.add(message) for message in row[key]) for key in OUTPUTS))
    elif method is MethodType.REINFORCEMENT:
        turns.append(
            _EXTRA + _encode({key: value for key, value in row.items() if key not in CHAT_KEYS}).decode()
        )
    given = _given(holder)
    return Content(
        head=system + given.head,
        head_texts=(system, *given.texts) if system else given.texts,
        system=system,
        roles="".join(gathered.roles),
        turns=turns,
        texts=gathered.texts,
        overhead=overhead + gathered.overhead,
        tools=given.names,
        images=sum(count_images(messages) for messages in _talks(row, method)),
        is_spaced=gathered.is_spaced,
    )


class _Given(NamedTuple):
    """What stands beside the messages: as part of the head, as texts to encode, and the names of the functions."""

    head: str = ""
    texts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


_known: Final[dict[bytes, _Given]] = {}
_KNOWN_MAX: Final = 512


def _given(holder: dict[str, Any]) -> _Given:
    """Tools repeat from row to row, so the last ones are kept."""
    beside = {key: holder[key] for key in ("tools", "functions", "parallel_tool_calls") if key in holder}
    if not beside:
        return _Given()
    key = msgspec.json.encode(beside)
    known = _known.get(key)
    if known is None:
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        plain = _decode(key)  # tools may have come as the JSON that they were
        known = _known[key] = _Given(
            head=_EXTRA + _encode(plain).decode(),
            texts=tuple(_compact(plain[name]) for name in ("tools", "functions") if plain.get(name)),
            names=tuple(str(function["name"]) for _, function in functions_of(plain)),
        )
    return known


def _talks(row: dict[str, Any], method: MethodType) -> list[list[Message]]:
    return (
        [row["input"]["messages"], *(row[key] for key in OUTPUTS)]
        if method is MethodType.DPO
        else [row["messages"]]
    )


def strings_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in any value, with its JSON path."""
    waiting = [(path, value)]
    while waiting:
        at, item = waiting.pop()
        if isinstance(item, str):
            yield at, item
        elif isinstance(item, dict):
            waiting += [(f"{at}.{key}" if at else key, below) for key, below in reversed(item.items())]
        elif isinstance(item, list):
            waiting += [(f"{at}[{index}]", below) for index, below in reversed(list(enumerate(item)))]


def texts_with_paths(row: dict[str, Any], method: MethodType) -> Iterator[tuple[str, str]]:
    """Every text of a sound row that is learned from or asked with, with its JSON path."""
    if method is MethodType.DPO:
        yield from _texts_in(row["input"], "input.", "messages")
        for key in OUTPUTS:
            yield from _texts_in(row, "", key)
    else:
        yield from _texts_in(row, "", "messages")
    if method is MethodType.REINFORCEMENT:
        for key in sorted(row.keys() - CHAT_KEYS):
            yield key, row[key] if isinstance(row[key], str) else _encode(row[key]).decode()


def _texts_in(holder: dict[str, Any], at: str, key: str) -> Iterator[tuple[str, str]]:
    for index, message in enumerate(holder[key]):
        for path, text in texts_of(message):
            yield f"{at}{key}[{index}].{path}", text
        for path, function in calls_of(message):
            yield f"{at}{key}[{index}].{path}.arguments", str(function.get("arguments"))
    for path, function in functions_of(holder):
        yield f"{at}{path}", _encode(function).decode()
