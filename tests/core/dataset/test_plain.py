"""The fast way accepts only rows in which the thorough way finds nothing, and both see the same row."""

import copy
import json
import random
import re
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.analysis import Analyst
from shared.core.dataset.content import content_of, content_of_sound
from shared.core.dataset.examine import Examiner
from shared.core.dataset.options import Depth, Options
from shared.core.dataset.plain import Sound, count_keys, read_sound
from shared.core.dataset.reader import Block, line_ends
from shared.core.dataset.rows import check_row, declared_functions, parse_row
from shared.core.dataset.rulebook import Issue
from shared.core.dataset.sketch import Sketcher
from shared.core.spec import MethodType
from tests.core.dataset.rows import ANSWER, CALL, CALLING, RESULT, TOOL, USER, chat, inspect

SYSTEM = {"role": "system", "content": "Be brief: a:b"}
SOUND = [
    chat(USER, ANSWER),
    chat(SYSTEM, USER, ANSWER, USER, ANSWER),
    chat({"role": "developer", "content": "x"}, USER, ANSWER),
    chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL]),
    chat(USER, {**CALLING, "content": None}, RESULT, ANSWER, tools=[TOOL], parallel_tool_calls=False),
    chat(USER, {**CALLING, "content": "Let me look: now"}, tools=[TOOL]),
    chat(USER, ANSWER, tools=[{"type": "function", "function": {"name": "x"}}]),
    chat({**USER, "content": 'é: “quoted” 細胞 \\ " :'}, {**ANSWER, "content": '{"a": "b"}'}),
]
WORDS = [
    None, True, 0, 1, 1.5, "", " ", "\n", "\u00a0\u2003", "\x1f", " a", "a\u3000", "\u2028é", ":", '", ', "user",
    "assistant", "a", "system", "tool", "call_1", "price", "{}", '{"symbol": "MSFT"}', "{", "null", [], {}, ["a"],
    [{"type": "text", "text": "x"}], [TOOL], [CALL],
]  # fmt: skip
KEYS = [
    "role",
    "content",
    "name",
    "weight",
    "tool_calls",
    "tool_call_id",
    "tools",
    "functions",
    "parallel_tool_calls",
    "messages",
    "x",
]


def block_of(lines) -> Block:
    text = b"\n".join(lines)
    return Block(1, len(lines), text, line_ends(text))


def read(*lines: bytes):
    """Rows of lines that stand together."""
    return read_sound(block_of(lines), declared_functions).rows


def is_accepted(line: bytes) -> bool:
    return read(line)[0] is not None


def is_sound(line: bytes) -> bool:
    row = parse_row(line)
    return not isinstance(row, Issue) and not check_row(row, MethodType.SUPERVISED)


@pytest.mark.parametrize("row", SOUND)
@pytest.mark.parametrize(
    "options", [{}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"separators": (" , ", " : ")}]
)
def test_sound_rows_are_accepted_however_they_are_written(row, options):
    line = json.dumps(row, **options).encode()

    assert is_sound(line)
    assert is_accepted(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"messages":[]}',
        b'{"messages":[{"role":"user","role":"user","content":"a"},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","r\\u006fle":"user","content":"a"},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","role" : "user","content":"a"},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","role"\t\n:"user","content":"a\\u003a"},{"role":"assistant","content":"b"}]}',
        b'{"messages":[{"role":"user","role":"user","content":"a\\u003a\\":"},{"role":"assistant","content":"b"}]}',
    ],
)
def test_a_duplicate_key_is_never_accepted(line):
    assert isinstance(parse_row(line), Issue)
    assert not is_accepted(line)
    sound = json.dumps(SOUND[0]).encode()
    assert read(sound, line, sound)[1] is None


def mutated(row, random_: random.Random):
    """A row with one to three changes anywhere."""
    row = copy.deepcopy(row)
    for _ in range(random_.randint(1, 3)):
        places = [row]
        for place in places:
            places += [
                v
                for v in (place.values() if isinstance(place, dict) else place)
                if isinstance(v, dict | list) and v
            ]
        place = random_.choice(places)
        if isinstance(place, dict):
            key = random_.choice([*place, *KEYS])
            if random_.random() < 0.3:
                place.pop(key, None)
            else:
                place[key] = copy.deepcopy(random_.choice(WORDS))
        elif random_.random() < 0.4:
            place.pop(random_.randrange(len(place)))
        else:
            place.insert(
                random_.randrange(len(place) + 1),
                copy.deepcopy(random_.choice([*WORDS, USER, ANSWER, CALLING, RESULT, SYSTEM])),
            )
    return row


@settings(deadline=None, max_examples=3000)
@given(
    st.sampled_from(SOUND),
    st.integers(0, 2**32),
    st.booleans(),
    st.sampled_from([(", ", ": "), (",", ":"), (",", " :")]),
)
def test_what_the_fast_way_accepts_has_no_issue(row, seed, is_ascii, separators):
    line = json.dumps(
        mutated(row, random.Random(seed)), ensure_ascii=is_ascii, separators=separators
    ).encode()

    if is_accepted(line):
        assert is_sound(line), line


@settings(deadline=None, max_examples=500)
@given(
    st.lists(st.tuples(st.sampled_from(SOUND), st.integers(0, 2**32), st.booleans()), min_size=1, max_size=6)
)
def test_many_lines_at_once_are_judged_as_each_by_itself(rows):
    lines = [
        json.dumps(mutated(row, random.Random(seed)) if bad else row).encode() for row, seed, bad in rows
    ]

    assert [row is not None for row in read(*lines)] == [is_accepted(line) for line in lines]


@pytest.mark.parametrize(
    "lines",
    [
        [b"{A}\n{B}"],
        [b"{A}{B}", b"{C}\n", b"{D}"],
        [b"{A}", b"", b"{B} {C}"],
        [b"", b"{A}"],
        [b"{A}", b""],
        [b"{A} ", b" {B}"],
        [b"{A}\r", b"{B}\r"],
    ],
)
def test_a_row_never_stands_on_two_lines_nor_two_on_one(lines):
    sound = json.dumps(SOUND[0]).encode()
    lines = [re.sub(rb"\{[A-Z]\}", lambda _: sound, line) for line in lines]
    text = b"\n".join(lines)
    apart = text.split(b"\n")

    assert [row is not None for row in read(*apart)] == [is_sound(line) for line in apart]


def test_an_object_that_goes_on_in_the_next_line_is_no_row():
    sound = json.dumps(SOUND[0]).encode()
    broken = sound.replace(b", ", b",\n", 1)

    assert read(*broken.split(b"\n"), sound + sound) == [None, None, None]


@pytest.mark.parametrize("row", SOUND)
def test_both_ways_read_the_same_content(row):
    line = json.dumps(row).encode()
    plain = read(line)[0]
    assert plain

    assert content_of_sound(plain) == content_of(row, MethodType.SUPERVISED)


def keys_in(value) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(keys_in, value.values()))
    return sum(map(keys_in, value)) if isinstance(value, list) else 0


def values(letters: str, strings=()):
    return st.recursive(
        st.none() | st.text(letters, max_size=6) | st.sampled_from(["", *strings]),
        lambda below: (
            st.lists(below, max_size=3) | st.dictionaries(st.text(letters, max_size=3), below, max_size=3)
        ),
        max_leaves=12,
    )


COLONS = st.sampled_from([":", ": ", " : ", "\t :"])


@settings(deadline=None)
@given(values('ab: "é'), COLONS)
def test_never_fewer_keys_are_counted_than_there_are(value, colon):
    assert count_keys(json.dumps(value, separators=(",", colon)).encode()) >= keys_in(value)


@settings(deadline=None)
@given(values('ab, "é{}', ['x": 1', 'x":']), COLONS)
def test_keys_are_counted_exactly_where_no_text_begins_with_a_colon(value, colon):
    assert count_keys(json.dumps(value, separators=(",", colon)).encode()) == keys_in(value)


SPACES = [chr(code) for code in range(0x3001) if chr(code).isspace()]
LETTERS = [*'ab/\\",{}[]u', "\b", "\x00", "\x7f", "é", "細", "\uffff", "😀", *SPACES]
TEXT = st.lists(st.sampled_from(LETTERS), max_size=6).map("".join)
SHORT = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def spelled(text: str, random_: random.Random) -> str:
    """A JSON string, each character in one of the ways in which it may be written."""
    found = []
    for char in text:
        units = char.encode("utf-16-be").hex()
        number = "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
        ways = [number, number[:2] + number[2:].upper().replace("\\U", "\\u")]
        ways += [SHORT[char]] * 9 if char in SHORT else []
        ways += [char] * 9 if char >= " " and char not in '"\\' else []
        found.append(random_.choice(ways))
    return '"' + "".join(found) + '"'


def written(value, random_: random.Random) -> str:
    """JSON in any spelling, with keys in any order and white space anywhere."""

    def space() -> str:
        return random_.choice(["", "", "", " ", "  ", "\t"])

    if isinstance(value, str):
        return spelled(value, random_)
    if isinstance(value, dict):
        items = random_.sample(list(value.items()), len(value))
        inner = ",".join(
            f"{space()}{spelled(k, random_) if random_.random() < 0.1 else json.dumps(k)}{space()}:{space()}"
            f"{written(v, random_)}{space()}"
            for k, v in items
        )
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ",".join(space() + written(item, random_) + space() for item in value) + "]"
    return json.dumps(value)


def plainly_written(value, random_: random.Random) -> str:
    """JSON as most libraries write it, the texts in any spelling."""
    texts: list[str] = []

    def mark(item):
        if isinstance(item, dict):
            return {key: mark(below) for key, below in item.items()}
        if isinstance(item, list):
            return [mark(below) for below in item]
        texts.append(spelled(item, random_))
        return f"@{len(texts) - 1}@"

    text = json.dumps(mark(value), separators=random_.choice([(", ", ": "), (",", ":")]))
    return re.sub('"@([0-9]+)@"', lambda found: texts[int(found[1])], text)


CALLS = [
    chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL]),
    chat(SYSTEM, USER, {**CALLING, "content": "é/"}, tools=[TOOL]),
]
CHATS = st.lists(TEXT, min_size=2, max_size=4).map(
    lambda texts: chat(
        *(
            {"role": role, "content": text}
            for role, text in zip(("system", "user", "assistant"), texts[:-2], strict=False)
        ),
        {"role": "user", "content": texts[-2]},
        {"role": "assistant", "content": texts[-1]},
    )
)


def known(found):
    """What must not depend on how rows are written."""
    return (
        found.keys, found.prompt_keys, found.systems, found.labels, found.roles, found.spaced, found.tools, found.tool_rows,
        found.tokens, found.sketches, found.sample, found.images,
    )  # fmt: skip


@settings(deadline=None, max_examples=1500)
@given(
    st.lists(CHATS | st.sampled_from(CALLS), min_size=1, max_size=4),
    st.integers(0, 2**32),
    st.sampled_from([written, plainly_written]),
    st.sampled_from([Depth.GATE, Depth.FULL]),
)
def test_however_rows_are_written_both_ways_know_the_same_of_them(rows, seed, write, depth):
    random_ = random.Random(seed)
    lines = [write(row, random_).encode() for row in rows]
    assert [json.loads(line) for line in lines] == rows

    accepted = read(*lines)
    assert [row is not None for row in accepted] == [is_sound(line) for line in lines]

    sound = [row for row, line in zip(rows, lines, strict=True) if is_sound(line)]
    if sound:
        block = block_of(lines)
        fast = Examiner(Options(depth=depth), Sketcher()).examine(block).analysed
        parsed = [parse_row(line) for line in lines if is_sound(line)]
        thorough = Analyst(MethodType.SUPERVISED, depth, Sketcher()).analyse(parsed)
        assert known(fast) == known(thorough)
        assert all(codes <= fast.suspicious.get(at, set()) for at, codes in thorough.suspicious.items())
        other = Analyst(MethodType.SUPERVISED, depth, Sketcher()).analyse(sound)
        assert (fast.keys, fast.prompt_keys) == (other.keys, other.prompt_keys)

    found = inspect(b"\n".join(lines), depth=depth)[1].findings
    with patch(
        "shared.core.dataset.examine.read_sound", lambda block, *_, **__: Sound([None] * block.line_count)
    ):
        assert inspect(b"\n".join(lines), depth=depth)[1].findings == found


def test_a_text_of_many_numbers_is_known_as_the_same():
    row = chat(USER, {**ANSWER, "content": "細胞😀" * 50 + " \\u00e9 \\"})
    keys = [
        Analyst(MethodType.SUPERVISED, Depth.GATE, Sketcher()).analyse(read(line)).keys
        for line in (json.dumps(row).encode(), json.dumps(row, ensure_ascii=False).encode())
    ]

    assert keys[0] == keys[1]


@settings(deadline=None, max_examples=1000)
@given(
    st.lists(st.sampled_from(SOUND), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 2**16), st.sampled_from([0x7F, 0x80, 0xA9, 0xC3, 0xED, 0xF0, 0xFF, 0x41])),
        max_size=2,
    ),
)
def test_bytes_that_are_no_text_are_never_accepted(rows, changes):
    block = bytearray("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    for at, byte in changes:
        if block[at % len(block)] not in b'\n"':
            block[at % len(block)] = byte
    lines = bytes(block).split(b"\n")

    for line, row in zip(lines, read(*lines), strict=True):
        assert row is None or is_sound(line)
