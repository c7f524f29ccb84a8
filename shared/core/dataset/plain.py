"""The fast way: supervised rows without an issue, which most rows are, told by one typed decode and one loop.

`read_sound` accepts a line only if `rows.parse_row` reads it and `rows.check_row` finds nothing in it (a property test holds it
to that), so accepting says all; refusing says nothing but that the thorough way must look.

Duplicate keys, which no fast parser reports, are told by counting: there are more keys than were read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from shared.core.dataset.reader import Block, TooLong
from shared.core.dataset.rules.messages import INSTRUCTING, MESSAGES_MAX, NULL_WORDS


class SoundMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of a row that may be sound."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | UnsetType | None = UNSET
    tool_calls: msgspec.Raw | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET


class SoundRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A supervised row that may be sound."""

    messages: Annotated[list[SoundMessage], msgspec.Meta(min_length=2, max_length=MESSAGES_MAX)]
    tools: msgspec.Raw | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET


class _Function(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str
    arguments: str


class _Call(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: Literal["function"]
    function: _Function


_decode: Final = msgspec.json.Decoder(SoundRow).decode
_decode_lines: Final = msgspec.json.Decoder(SoundRow).decode_lines
_decode_calls: Final = msgspec.json.Decoder(Annotated[list[_Call], msgspec.Meta(min_length=1)]).decode
#: A line that is known to hold an object.
decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode

type Fits = Callable[[dict[str, Any]], bool]
"""Whether arguments are those that a function declares."""


class Functions(NamedTuple):
    """Sound tool definitions.

    Attributes:
        functions: a check of the arguments for each function.
        keys: how many keys their JSON has.
    """

    functions: dict[str, Fits]
    keys: int


type Declared = Callable[[bytes], Functions | None]
"""What the JSON of `tools` defines; None if it has an issue."""


class Sound(NamedTuple):
    """What `read_sound` read.

    Attributes:
        rows: the row on each line that surely has no issue; None where the thorough rules must look.
        may_be_spaced: whether white space may surround a text of a row without tools.
    """

    rows: Sequence[SoundRow | None]
    may_be_spaced: bool = True


def read_sound(block: Block, declared: Declared) -> Sound:
    """The rows of a block that surely have no issue."""
    return _read_at_once(block, declared) or Sound(_read_one_by_one(block.lines, declared))


_sound_order: Final = re.compile("[sd]?a*u[ua]*a")
_sound_orders: Final[dict[str, bool]] = {}


def _is_sound_order(roles: str) -> bool:
    """Whether roles, by their first letters, may stand in this order."""
    known = _sound_orders.get(roles)
    if known is None:
        if len(_sound_orders) > 10_000:
            _sound_orders.clear()
        known = _sound_orders[roles] = _sound_order.fullmatch(roles) is not None
    return known


def _read_at_once(block: Block, declared: Declared) -> Sound | None:
    """All rows, if every line is a sound row; else None.  What is checked of one is checked of all at once, which is fast."""
    import numpy as np  # noqa: PLC0415  80 ms, loaded on use

    text = block.text
    octets = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    # JSON values may stand on one line or span two; but an object never goes on in a line that begins with a brace after one
    # that ended with a brace.
    if not (
        block.line_count == len(ends) + 1
        and text.startswith(b"{")
        and not text.endswith(b"\n")
        and (octets[ends + 1] == ord("{")).all()
        and (octets[ends - 1] == ord("}")).all()
    ):
        return None
    try:
        rows = _decode_lines(text)
        plain = [row.messages for row in rows if row.tools is UNSET]
        tooled = [_keys_with_tools(row, declared) for row in rows if row.tools is not UNSET]
        texts = [message.content for talk in plain for message in talk]
        may_be_spaced = list(map(str.strip, texts)) != texts  # type: ignore[arg-type]  # a TypeError: a content is no text
        is_blank = may_be_spaced and any(map(str.isspace, texts))  # type: ignore[arg-type]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError):
        return None
    orders = {"".join([message.role[0] for message in talk]) for talk in plain}
    if (
        is_blank
        or len(rows) != block.line_count
        or not (all(texts) and all(tooled) and all(map(_is_sound_order, orders)))
    ):
        return None
    expected = len(plain) + 2 * len(texts) + sum(tooled)
    return Sound(rows, may_be_spaced) if count_keys(text) == expected else None


def _read_one_by_one(lines: Sequence[bytes | TooLong], declared: Declared) -> list[SoundRow | None]:
    rows: list[SoundRow | None] = []
    expected: list[int] = []
    given = [b"" if isinstance(line, TooLong) else line for line in lines]
    for line in given:
        try:
            row = _decode(line)
            expected.append(_keys(row, declared))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            expected.append(0)
        rows.append(row if expected[-1] else None)
    accepted = [line for line, row in zip(given, rows, strict=True) if row]
    if count_keys(b"\n".join(accepted)) == sum(expected):
        return rows
    return [
        row if row and count_keys(line) == keys else None
        for line, row, keys in zip(given, rows, expected, strict=True)
    ]


def _keys(row: SoundRow, declared: Declared) -> int:
    """The keys that a row should have; 0 if anything is wrong with it."""
    if row.tools is not UNSET:
        return _keys_with_tools(row, declared)
    talk = row.messages
    if not _is_sound_order("".join([message.role[0] for message in talk])):
        return 0
    for message in talk:
        content = message.content
        if not isinstance(content, str) or not content or content.isspace():
            return 0
    return 1 + 2 * len(talk)


def count_keys(block: bytes) -> int:
    """How many keys stand in lines of JSON, told by the colons after a quotation mark.

    Not fewer than there are, but for keys that end with a backslash; more if a text begins with a colon.
    """
    import numpy as np  # noqa: PLC0415  80 ms, loaded on use

    octets = np.frombuffer(block, np.uint8)
    before = np.flatnonzero(octets == ord(":")) - 1
    is_space = octets[before] <= ord(" ")
    spaced, before = before[is_space], before[~is_space]
    count = _count_string_ends(np, octets, before)
    while len(spaced):
        spaced = spaced - 1
        is_space = octets[spaced] <= ord(" ")
        count += _count_string_ends(np, octets, spaced[~is_space])
        spaced = spaced[is_space & (spaced > 0)]
    return count


def _count_string_ends(np: Any, octets: Any, at: Any) -> int:
    return int(np.count_nonzero((octets[at] == ord('"')) & (octets[at - 1] != ord("\\"))))


def _keys_with_tools(row: SoundRow, declared: Declared) -> int:
    """The keys of a row that defines tools; 0 if anything is wrong with it.

    Raises:
        MsgspecError: if calls or arguments are not what they should be.
    """
    known = declared(bytes(row.tools))  # type: ignore[arg-type]  # it is set
    if known is None:
        return 0
    keys = 2 + known.keys + (row.parallel_tool_calls is not UNSET)
    is_first, has_user = True, False
    waiting: set[str] = set()
    for message in row.messages:
        role, call = message.role, message.tool_call_id
        if role == "tool":
            if call not in waiting:
                return 0
            waiting.discard(str(call))
            keys += 1
        elif waiting or call is not UNSET or (role in INSTRUCTING and not is_first):
            return 0
        has_user = has_user or role == "user"
        is_first = False
        below, waiting = _message_keys(message, known.functions, waiting)
        if not below:
            return 0
        keys += below
    return keys if has_user and role == "assistant" else 0


def _message_keys(
    message: SoundMessage, functions: dict[str, Fits], waiting: set[str]
) -> tuple[int, set[str]]:
    """The keys of a message's role, content and calls, 0 if anything is wrong with them; and the calls that wait now."""
    content, raw = message.content, message.tool_calls
    keys = 1 + (content is not UNSET)
    if isinstance(content, str):
        if not content or content.isspace() or (raw is not UNSET and content.strip() in NULL_WORDS):
            return 0, waiting
    elif raw is UNSET:
        return 0, waiting
    if raw is UNSET:
        return keys, waiting
    calls = _decode_calls(raw)
    ids = {call.id for call in calls}
    if message.role != "assistant" or len(ids) < len(calls):
        return 0, waiting
    for call in calls:
        fits = functions.get(call.function.name)
        if fits is None or not fits(decode_object(call.function.arguments)):
            return 0, waiting
    return keys + 1 + 5 * len(calls), ids
