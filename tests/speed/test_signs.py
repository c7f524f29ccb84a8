"""What is seen of a block at once hides nothing: a line is judged as it would be if nobody had looked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.options import Options
from shared.core.dataset.reading.blocks import TooLong
from shared.core.dataset.reading.line import UNSEEN, parse_row
from shared.core.dataset.rows import prefilter
from shared.core.dataset.rows.check import Checks
from shared.core.dataset.rows.signs import SignReader
from shared.core.dataset.rules.lines import DOUBTFUL

READER = SignReader()
FINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'
#: One line for each sign, in which something is wrong.
WRONG = {
    "DS014": b'{"a": 1, "a": "\\u003a"}',
    "DS015": b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
    "DS016": b"[]",
    "DS017": b'{"a": 18446744073709551616}',
}
PIECES = [
    b"null",
    b"nul",
    b"9" * 18,
    b"9" * 19,
    b"1" * 20,
    b"\\u003a",
    b"\\u003A",
    b"\\u00",
    b"a",
    b" ",
    b"\xc3\xa4",
    b"{",
    b"[",
]


def in_row(text: bytes) -> bytes:
    return FINE.replace(b"Hi", text)


TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join).map(in_row)
VALUES = st.sampled_from(
    [b"null", b"1" * 20, b"-" + b"9" * 19, b"1.5", b'"\\u003a"', b"[null]", b'{"a": null}']
)
ROWS = st.builds(
    lambda key, value: FINE.replace(b"[{", b'[{"' + key + b'": ' + value + b", ", 1),
    st.sampled_from([b"x", b"name", b"role"]),
    VALUES,
)
LINES = st.lists(
    st.one_of(TEXTS, ROWS, st.sampled_from([FINE, b"", b"null", *WRONG.values()]), st.just(TooLong(9))),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=300)
@given(LINES)
def test_a_line_is_judged_as_if_nobody_had_looked(block):
    signs, at_once, alone = READER.signs_of(block), Checks(Options()), Checks(Options())

    for number, line in enumerate(block, start=1):
        if isinstance(line, bytes):
            assert parse_row(line, signs) == parse_row(line)
            assert at_once.judge(line, number, signs) == alone.judge(line, number)


@pytest.mark.parametrize(("code", "line"), WRONG.items())
def test_what_is_wrong_is_seen_wherever_it_stands(code, line):
    for block in ([line], [FINE, line], [line, FINE], [TooLong(9), line, b""]):
        issue = parse_row(line, READER.signs_of(block))
        assert issue.rule.code == code


def test_lines_without_signs_raise_fewer_doubts_and_those_with_them_all():
    fine = READER.signs_of([FINE, in_row(b"9" * 18)])

    assert len(fine.doubts) == sum(doubt.needle is None for doubt in DOUBTFUL) < len(DOUBTFUL)
    assert not fine.has_null
    assert READER.signs_of([b"null", b"1" * 19, b"\\u003"]) == (list(DOUBTFUL), True)


def test_without_hyperscan_everything_may_be_there(monkeypatch):
    monkeypatch.setattr(prefilter, "hyperscan", None)

    assert SignReader().signs_of([FINE]) == (list(UNSEEN.doubts), UNSEEN.has_null)
