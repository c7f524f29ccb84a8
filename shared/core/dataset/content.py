"""What a sound row says: its texts, for hashing, scanning, sketching and counting tokens."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from shared.core.dataset.detect import CHAT_KEYS
from shared.core.dataset.plain import (
    SoundMessage,
    SoundRow,
    Whole,
    decode_calls,
    decode_content,
    decode_texts,
    texts_in,
)
from shared.core.dataset.rows import OUTPUTS
from shared.core.dataset.rules.images import count_images
from shared.core.dataset.rules.messages import INSTRUCTING, Message, texts_of
from shared.core.dataset.rules.tools import calls_of, functions_of
from shared.core.dataset.tokens import EXAMPLE_TOKENS, MESSAGE_TOKENS, NAME_TOKENS, ROLE_TOKENS
from shared.core.spec import MethodType

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_encode_text: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def _compact(value: Any) -> str:
    """JSON in the order in which it was given, as it is encoded to tokens."""
    return msgspec.json.encode(value).decode()


_FRAME_TOKENS: Final = MESSAGE_TOKENS + ROLE_TOKENS
_EXTRA: Final = "\x07"
_EXTRA_JSON: Final = b"\\u0007"


class Given(NamedTuple):
    """What stands beside the messages, which repeats from row to row.

    Attributes:
        text: all of it, empty for nothing.
        texts: what of it is encoded to tokens.
        tools: names of the functions that are defined.
    """

    text: str = ""
    texts: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


NOTHING: Final = Given()


@dataclass(slots=True)
class Said:
    """What tells rows from others, row by row; texts are JSON, in a row with a system message at the beginning that one first.

    Attributes:
        roles: first letters of the roles, in order.
        systems: the system message at the beginning, empty for none.
        prompts: all texts but the last one.
        answers: the last text.
        given: what stands beside the messages, of the rows where there is something.
    """

    roles: list[str] = field(default_factory=list)
    systems: list[bytes] = field(default_factory=list)
    prompts: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    given: dict[int, Given] = field(default_factory=dict)

    def insert(self, at: int, roles: str, system: bytes, texts: Sequence[bytes]) -> None:
        """Put a row before another one."""
        self.roles.insert(at, roles)
        self.systems.insert(at, system)
        self.prompts.insert(at, b",".join(texts[:-1]))
        self.answers.insert(at, texts[-1])

    def shorten(self, at: int) -> None:
        """Write the texts of a row in their shortest spelling: each text has only one."""
        if b"\\" in self.systems[at]:
            self.systems[at] = shortened(self.systems[at])
        self.prompts[at] = shortened(self.prompts[at])
        self.answers[at] = shortened(self.answers[at])


class Content(msgspec.Struct, gc=False):
    """The texts of a row.

    Attributes:
        system: the system message at the beginning, empty for none.
        given: what stands beside the messages.
        roles: first letters of the roles, in order.
        turns: the messages after the system message, each as one text; the last one is the answer (supervised), or both outputs
            (preference), or the fields for graders (reinforcement).
        texts: what is encoded besides the system message and what is given.
        overhead: tokens that the frame adds.
        is_spaced: whether white space surrounds a text.
        images: how many.
    """

    system: str
    given: Given
    roles: str
    turns: list[str]
    texts: list[str]
    overhead: int
    is_spaced: bool = False
    images: int = 0


class Encoded(NamedTuple):
    """What of rows is encoded to tokens, without what their heads say.

    Attributes:
        texts: of all rows, one after the other.
        frames: for each row how many texts are its own, and the tokens of the frame around them.
    """

    texts: list[str]
    frames: list[tuple[int, int]]


def encoded_in(contents: Iterable[Content]) -> Encoded:
    """The texts of rows of which the contents are known."""
    texts: list[str] = []
    frames: list[tuple[int, int]] = []
    for content in contents:
        texts += content.texts
        frames.append((len(content.texts), content.overhead))
    return Encoded(texts, frames)


def encoded_in_whole(rows: Sequence[Any], whole: Whole) -> Encoded:
    """As `encoded_in`, faster, of the typed rows of a block."""
    starts = itertools.accumulate(map(len, whole.roles), initial=0)
    is_own = bytearray(b"\1") * len(whole.contents)
    for start, letters in zip(starts, whole.roles, strict=False):
        is_own[start] = letters[0] not in "sd"
    texts = decode_texts(list(itertools.compress(whole.contents, is_own)))
    frames = [
        (len(letters) - (letters[0] in "sd"), EXAMPLE_TOKENS + len(letters) * _FRAME_TOKENS)
        for letters in whole.roles
    ]
    before = list(itertools.accumulate([count for count, _ in frames], initial=0))
    added = 0
    for number, at in enumerate(_others_in(rows)):
        others = _encoded_texts(rows[at])
        start = before[at - number] + added
        texts[start:start] = others
        frames.insert(at, (len(others), EXAMPLE_TOKENS + len(rows[at].messages) * _FRAME_TOKENS))
        added += len(others)
    return Encoded(texts, frames)


def _others_in(rows: Sequence[SoundRow | dict[str, Any]]) -> list[int]:
    """Which rows are not typed ones without tools."""
    return [at for at, row in enumerate(rows) if not isinstance(row, SoundRow) or row.tools is not UNSET]


def _encoded_texts(row: SoundRow) -> list[str]:
    """Of a row with tools, what is encoded to tokens besides the system message."""
    texts: list[str] = []
    for message in row.messages[row.messages[0].role[0] in "sd" :]:
        if message.content is not UNSET and (text := decode_content(message.content)):
            texts.append(text)
        if message.tool_calls is not UNSET:
            texts.append(_compact(_decode(message.tool_calls)))
    return texts


def are_spaced(texts: Iterable[str]) -> bool:
    """Whether white space surrounds one of the texts; a text that needs no stripping is returned as it is."""
    return any([text.strip() is not text for text in texts])  # noqa: C419  a list is faster here


def contents_of_sound(rows: Sequence[SoundRow | dict[str, Any]], whole: Whole) -> dict[int, Content]:
    """The texts of the rows of a block, by position."""
    texts = iter(decode_texts(whole.contents))
    return {
        at: content_of_sound(row, list(itertools.islice(texts, len(row.messages))))
        if row.tools is UNSET
        else _content_of_tooled(row)
        for at, row in enumerate(rows)
        if isinstance(row, SoundRow)
    }


def content_of_sound(row: SoundRow, texts: list[str] | None = None) -> Content:
    """The texts of a row that `read_sound` accepted: the same as `content_of` tells, but faster.

    Args:
        row: the row.
        texts: of the messages of a row without tools, if they were decoded before.
    """
    if row.tools is not UNSET:
        return _content_of_tooled(row)
    talk = row.messages
    texts = texts_in(talk) if texts is None else texts
    roles = "".join([message.role[0] for message in talk])
    overhead = EXAMPLE_TOKENS + len(talk) * _FRAME_TOKENS
    is_spaced = are_spaced(texts)
    if roles[0] in "sd":
        system = texts.pop(0)
        return Content(system, NOTHING, roles, texts, texts, overhead, is_spaced)
    return Content("", NOTHING, roles, texts, texts, overhead, is_spaced)


def said_in(
    rows: Sequence[SoundRow | dict[str, Any]], contents: Mapping[int, Content], whole: Whole | None = None
) -> Said:
    """What tells rows from others; typed rows say it as they are written, which need not be the shortest spelling.

    Args:
        rows: that `read_sound` accepted, or as they are.
        contents: by position, at least of those that are not typed.
        whole: of the block of these rows, if all of its lines are sound.
    """
    if whole is None:
        talks = [row.messages for row in rows if isinstance(row, SoundRow) and row.tools is UNSET]
        letters = ["".join([message.role[0] for message in talk]) for talk in talks]
        said = _said_plainly(letters, [message.content for talk in talks for message in talk])
    else:
        said = _said_plainly(whole.roles, whole.contents)
    if len(said.roles) == len(rows):
        return said
    for at in _others_in(rows):
        row = rows[at]
        if isinstance(row, SoundRow):
            roles = "".join([message.role[0] for message in row.messages])
            texts = [_said_by(message) for message in row.messages]
            said.insert(at, roles, bytes(texts[0]) if roles[0] in "sd" else b"", texts)
            said.given[at] = _given_beside(bytes(row.tools), row.parallel_tool_calls)  # type: ignore[arg-type]  # it is set
            continue
        content = contents[at]
        system = [_encode_text(content.system)] if content.system else []
        said.insert(at, content.roles, b"".join(system), [*system, *map(_encode_text, content.turns)])
        if content.given.text:
            said.given[at] = content.given
    return said


def _said_plainly(roles: list[str], texts: Sequence[Any]) -> Said:
    """What typed rows without tools say, all at once, since they are many."""
    ends = list(itertools.accumulate(map(len, roles), initial=0))
    return Said(
        roles=list(roles),
        systems=[
            bytes(texts[start]) if letters[0] in "sd" else b""
            for letters, start in zip(roles, ends, strict=False)
        ],
        prompts=[b",".join(texts[start : end - 1]) for start, end in itertools.pairwise(ends)],
        answers=[texts[end - 1] for end in ends[1:]],
    )


def _said_by(message: SoundMessage) -> Any:
    """A message of a row with tools as the JSON of one text: what it says, and what calls or answers it has."""
    if message.tool_calls is UNSET and message.tool_call_id is UNSET:
        return message.content
    said = b"" if message.content is UNSET else bytes(message.content)
    # What is JSON already has no other characters that are escaped in a text.
    escaped = _others(message).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return (b'"' if said in {b"", b"null"} else said[:-1]) + _EXTRA_JSON + escaped + b'"'


_escapes: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*|[\\/])")
_kept: Final[dict[bytes, bytes]] = {}
_KEPT_MAX: Final = 4096
_KEPT_BYTES_MAX: Final = 60


def _shortest(found: re.Match[bytes]) -> bytes:
    """Escapes in the way in which they are encoded here; few of the short ones are many, so these are kept."""
    escapes = found[0]
    short = _kept.get(escapes)
    if short is None:
        short = _encode_text(_decode(b'"' + escapes + b'"'))[1:-1]
        if len(escapes) <= _KEPT_BYTES_MAX and len(_kept) < _KEPT_MAX:
            _kept[escapes] = short
    return short


def shortened(texts: bytes) -> bytes:
    """JSON texts in their shortest spelling."""
    return _escapes.sub(_shortest, texts)


def _others(message: SoundMessage) -> bytes:
    """What a message says besides its content, as JSON; empty for nothing."""
    if message.tool_calls is not UNSET:
        return b'{"tool_calls":' + _encode_text(decode_calls(message.tool_calls)) + b"}"
    if message.tool_call_id is not UNSET:
        return b'{"tool_call_id":' + _encode_text(message.tool_call_id) + b"}"
    return b""


def _content_of_tooled(row: SoundRow) -> Content:
    texts = [(None if m.content is UNSET else decode_content(m.content)) or "" for m in row.messages]
    turns = [
        text + _EXTRA + others.decode() if (others := _others(message)) else text
        for message, text in zip(row.messages, texts, strict=True)
    ]
    roles = "".join([message.role[0] for message in row.messages])
    return Content(
        system=turns.pop(0) if roles[0] in "sd" else "",
        given=_given_beside(bytes(row.tools), row.parallel_tool_calls),  # type: ignore[arg-type]  # it is set
        roles=roles,
        turns=turns,
        texts=_encoded_texts(row),
        overhead=EXAMPLE_TOKENS + len(row.messages) * _FRAME_TOKENS,
        is_spaced=are_spaced(texts),
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
    return Content(
        system=system,
        given=_given(holder),
        roles="".join(gathered.roles),
        turns=turns,
        texts=gathered.texts,
        overhead=overhead + gathered.overhead,
        images=sum(count_images(messages) for messages in _talks(row, method)),
        is_spaced=gathered.is_spaced,
    )


_KNOWN_MAX: Final = 512


@functools.lru_cache(maxsize=_KNOWN_MAX)
def _given_beside(tools: bytes, parallel: bool | UnsetType) -> Given:  # noqa: FBT001  as it stands in a row
    beside: dict[str, Any] = {"tools": msgspec.Raw(tools)}
    if parallel is not UNSET:
        beside["parallel_tool_calls"] = parallel
    return _given(beside)


def _given(holder: dict[str, Any]) -> Given:
    beside = {key: holder[key] for key in ("tools", "functions", "parallel_tool_calls") if key in holder}
    return _given_as(msgspec.json.encode(beside)) if beside else NOTHING


@functools.lru_cache(maxsize=_KNOWN_MAX)
def _given_as(beside: bytes) -> Given:
    """Tools repeat from row to row, so the last ones are kept."""
    plain = _decode(beside)  # tools may have come as the JSON that they were
    return Given(
        text=_EXTRA + _encode(plain).decode(),
        texts=tuple(_compact(plain[name]) for name in ("tools", "functions") if plain.get(name)),
        tools=tuple(str(function["name"]) for _, function in functions_of(plain)),
    )


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
