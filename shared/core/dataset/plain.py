"""The fast way: supervised rows without an issue, which most rows are, told by one typed decode and one loop.

`read_sound` accepts a line only if `rows.parse_row` reads it and `rows.check_row` finds nothing in it (a property test holds it
to that), so accepting says all; refusing says nothing but that the thorough way must look.

Duplicate keys, which no fast parser reports, are told by counting: there are more keys than were read.  Contents stay the JSON
that they are: what is to be known of most of them, one pass over the block tells (`scan.marks_in`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from shared.core.dataset.reader import Block, TooLong
from shared.core.dataset.rules.messages import INSTRUCTING, MESSAGES_MAX, NULL_WORDS
from shared.core.dataset.scan import Marks, marks_in


class SoundMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of a row that may be sound; its content is JSON, in a row without tools that of a text."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: msgspec.Raw | UnsetType = UNSET
    tool_calls: msgspec.Raw | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET


class SoundRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A supervised row that may be sound."""

    messages: Annotated[list[SoundMessage], msgspec.Meta(min_length=2, max_length=MESSAGES_MAX)]
    tools: msgspec.Raw | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET


class _Function(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    arguments: str
    name: str


class _Call(
    msgspec.Struct, forbid_unknown_fields=True, gc=False
):  # fields in their order, as they are encoded for keys
    function: _Function
    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: Literal["function"]


_decode: Final = msgspec.json.Decoder(SoundRow).decode
_decode_lines: Final = msgspec.json.Decoder(SoundRow).decode_lines
#: The calls of a message of a sound row.
decode_calls: Final = msgspec.json.Decoder(Annotated[list[_Call], msgspec.Meta(min_length=1)]).decode
_decode_texts: Final = msgspec.json.Decoder(list[str]).decode
#: The content of a message of a sound row with tools.
decode_content: Final = msgspec.json.Decoder(str | None).decode
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


class Whole(NamedTuple):
    """What is known of a block in which every line is a sound row.

    Attributes:
        text: the lines.
        ends: offsets of the LF between them.
        marks: what stands in them.
        roles: of the rows without tools, the first letters of the roles in order.
        contents: of the rows without tools, the contents of all messages, which are JSON texts.
    """

    text: bytes
    ends: Sequence[int]
    marks: Marks
    roles: list[str]
    contents: list[Any]


class Sound(NamedTuple):
    """What `read_sound` read.

    Attributes:
        rows: the row on each line that surely has no issue; None where the thorough rules must look.
        whole: of the block; None if not every line is sound.
    """

    rows: Sequence[SoundRow | None]
    whole: Whole | None = None


def read_sound(block: Block, declared: Declared, *, has_needles: bool = False) -> Sound:
    """The rows of a block that surely have no issue.

    Args:
        block: the lines.
        declared: reads tool definitions.
        has_needles: whether the marks shall say where something stands that a rule about texts may mind.
    """
    text = block.text
    # JSON values may stand on one line or span two; but an object never goes on in a line that begins with a brace after one
    # that ended with a brace.
    if block.too_long is None and text.startswith(b"{") and text.endswith(b"}"):
        marks = marks_in(text, has_needles=has_needles)
        if marks.are_lines and (sound := _read_at_once(block, marks, declared)):
            return sound
    return Sound(_read_one_by_one(block.lines, declared))


def texts_in(talk: Sequence[SoundMessage]) -> list[str]:
    """The texts of messages that have one each.

    Raises:
        MsgspecError: if one of them has not.
        UnicodeError: if the bytes are no UTF-8.
    """
    return decode_texts([message.content for message in talk])


def decode_texts(contents: Sequence[Any]) -> list[str]:
    """The texts that contents are; raises as `texts_in` does."""
    if UNSET in contents:
        raise msgspec.ValidationError
    return _decode_texts(b",".join([b'[""', *contents, b'""]']))[1:-1]


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


def _read_at_once(block: Block, marks: Marks, declared: Declared) -> Sound | None:
    """All rows, if every line is a sound row; else None.  What is checked of one is checked of all at once, which is fast."""
    text = block.text
    try:
        _check_unicode(text)
        rows = _decode_lines(text)
        plain = [row.messages for row in rows if row.tools is UNSET]
        tooled = [row for row in rows if row.tools is not UNSET]
        keys = [_keys_with_tools(row, declared, may_be_blank=not marks.are_usual) for row in tooled]
        contents = [message.content for talk in plain for message in talk]
        if not marks.are_usual and any(not text or text.isspace() for text in decode_texts(contents)):
            return None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    letters = "".join([message.role[0] for talk in plain for message in talk])
    ends = list(itertools.accumulate(map(len, plain), initial=0))
    roles = [letters[start:end] for start, end in itertools.pairwise(ends)]
    if (
        len(rows) != block.line_count
        or UNSET in contents
        or not (all(keys) and all(map(_is_sound_order, set(roles))))
    ):
        return None
    expected = len(plain) + 2 * len(contents) + sum(keys)
    is_sure = marks.are_usual and _keys_at_most(text) == expected + _keys_in_texts(tooled)
    if is_sure or count_keys(text) == expected:
        return Sound(rows, Whole(text, block.ends, marks, roles, contents))
    return None


_NOT_ASCII: Final = 0x8080808080808080


def _check_unicode(text: bytes) -> None:
    """Decode what is not ASCII, with what stands around it: most of a text is, and is told from the rest by eight bytes at once.

    Raises:
        UnicodeError: if the bytes are no UTF-8.
    """
    import numpy as np  # noqa: PLC0415  80 ms, loaded on use

    whole = len(text) // 8
    words = np.frombuffer(text, np.uint64, whole)
    is_other = (words & np.uint64(_NOT_ASCII)) != 0
    is_other[1:] |= is_other[
        :-1
    ]  # what goes on after a word must end in the next one, before other words are put there
    (words[is_other].tobytes() + text[whole * 8 :]).decode()


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
    if any(not text or text.isspace() for text in texts_in(talk)):
        return 0
    return 1 + 2 * len(talk)


_KEY_END: Final = int.from_bytes(b'":', "little")


def _keys_at_most(block: bytes) -> int:
    """As `count_keys` in half the time, where no white space is before the colon of a key; with the keys in texts."""
    import numpy as np  # noqa: PLC0415  80 ms, loaded on use

    pairs = (np.frombuffer(part, "<u2", len(part) // 2) for part in (block, block[1:]))
    return sum(int(np.count_nonzero(part == _KEY_END)) for part in pairs)


def _keys_in_texts(tooled: Sequence[SoundRow]) -> int:
    """Keys of the arguments, which are JSON in a text."""
    return sum(
        [
            bytes(message.tool_calls).count(b'\\":')
            for row in tooled
            for message in row.messages
            if message.tool_calls is not UNSET
        ]
    )


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


def _keys_with_tools(row: SoundRow, declared: Declared, *, may_be_blank: bool = True) -> int:
    """The keys of a row that defines tools; 0 if anything is wrong with it.

    Args:
        row: the row.
        declared: reads tool definitions.
        may_be_blank: whether contents may be something else than texts that say something.

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
        if may_be_blank and not _says_something(message):
            return 0
        if message.tool_calls is UNSET:
            below = 0 if message.content is UNSET else 2
        else:
            below, waiting = _calling_keys(message, known.functions, waiting)
        if not below:
            return 0
        keys += below
    return keys if has_user and role == "assistant" else 0


def _calling_keys(
    message: SoundMessage, functions: dict[str, Fits], waiting: set[str]
) -> tuple[int, set[str]]:
    """The keys of a message with calls and of its calls, 0 if anything is wrong with them; and the calls that wait now."""
    content = message.content
    calls = decode_calls(message.tool_calls)  # type: ignore[arg-type]  # they are set
    ids = {call.id for call in calls}
    if message.role != "assistant" or len(ids) < len(calls) or _is_null_word(content):
        return 0, waiting
    for call in calls:
        fits = functions.get(call.function.name)
        if fits is None or not fits(decode_object(call.function.arguments)):
            return 0, waiting
    return 2 + (content is not UNSET) + 5 * len(calls), ids


def _says_something(message: SoundMessage) -> bool:
    """Whether the content is a text, neither empty nor blank; beside calls it may be missing or null."""
    content = None if message.content is UNSET else decode_content(message.content)
    if content is None:
        return message.tool_calls is not UNSET
    return bool(content) and not content.isspace()


def _is_null_word(content: msgspec.Raw | UnsetType) -> bool:
    """Whether a content is the name of nothing, as a text."""
    text = None if content is UNSET else decode_content(content)
    return text is not None and text.strip() in NULL_WORDS
