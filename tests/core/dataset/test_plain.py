"""The fast way accepts only rows in which the thorough way finds nothing, and both see the same row."""

import copy
import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.content import content_of, content_of_sound
from shared.core.dataset.plain import count_keys, read_sound
from shared.core.dataset.reader import Block
from shared.core.dataset.rows import check_row, declared_functions, parse_row
from shared.core.dataset.rulebook import Issue
from shared.core.pipeline import MethodType
from tests.core.dataset.rows import ANSWER, CALL, CALLING, RESULT, TOOL, USER, chat

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
    None, True, 0, 1, 1.5, "", " ", "a", "user", "assistant", "system", "tool", "call_1", "price", "{}", '{"symbol": "MSFT"}',
    "{", "null", [], {}, ["a"], [{"type": "text", "text": "x"}], [TOOL], [CALL],
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


def read(*lines: bytes):
    """Rows of lines that stand together."""
    return read_sound(Block(1, len(lines), b"\n".join(lines)), declared_functions).rows


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
