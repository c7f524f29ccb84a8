"""Strict JSON: what two parsers could read differently is refused, with a reason."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.reading.line import parse_row
from shared.core.dataset.rulebook import Issue

ROOT = Path(__file__).parents[3]
SUITE = ROOT.parent / "shared" / "data" / "json-test-suite" / "test_parsing"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b'{"a": "\xff"}', "DS010", "byte 8 of the line is not UTF-8 (0xff)"),
        (b'{"a": "\xed\xa0\x80"}', "DS010", "not UTF-8"),
        (b'{"a": 1', "DS011", "at character"),
        (b'{"a": 1}}', "DS011", "Extra data"),
        (b"{'a': 1}", "DS011", "double quotes"),
        (b'\xef\xbb\xbf{"a": 1}', "DS011", "byte order mark"),
        (b'{"a": NaN}', "DS012", "NaN is not JSON"),
        (b'{"a": [-Infinity]}', "DS012", "-Infinity"),
        (b'{"a": "\\ud800"}', "DS013", "surrogate"),
        (b'{"a": 1, "a": 1}', "DS014", "'a' appears twice"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "DS014", "'b' appears twice"),
        (b'{"a" : 1, "a":2, "c": "\\u003a\\u003a"}', "DS014", "'a' appears twice"),
        (b'{"a": "' + b":" * 70_000 + b'", "b": 1, "b": 2}', "DS014", "'b' appears twice"),
        (b'{"a": "' + b"x" * 70_000 + b'", "b":' + b"[" * 64 + b"]" * 64 + b"}", "DS015", "64 levels"),
        (b'{"a":' + b"[" * 64 + b"1" + b"]" * 64 + b"}", "DS015", "64 levels"),
        (b"[" * 100_000, "DS015", "64 levels"),
        (b"[1]", "DS016", "found an array"),
        (b"null", "DS016", "found null"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "DS017", "digits"),
        (b'{"a": 1e999}', "DS017", "64 bits"),
        (b'{"a": [18446744073709551616]}', "DS017", "64 bits"),
        (b'{"a": -9223372036854775809}', "DS017", "64 bits"),
    ],
)
def test_a_line_that_is_not_a_row_is_named_for_what_is_wrong(data, code, words):
    issue = parse_row(data)

    assert isinstance(issue, Issue)
    assert issue.rule.code == code
    assert words in issue.problem.message


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": "a: b: c"}',
        b'{"a" : 1 , "b":[{"a": 1}, {"a": 2}]}',
        b'{"a": "\\u003a\\ud83d\\ude00"}',
        b'{"a":' + b"[" * 62 + b"1" + b"]" * 62 + b"}",
        b'{"a": [' + b"{}," * 100 + b"{}]}",
        b'{"a": [18446744073709551615, -9223372036854775808, 0.12345678901234567890123]}',
    ],
)
def test_sound_rows_are_read(data):
    assert parse_row(data) == json.loads(data)


@pytest.mark.skipif(not SUITE.is_dir(), reason="JSONTestSuite is not beside the repository (../shared)")
def test_the_json_test_suite_is_accepted_and_refused_as_it_says():
    checked = 0
    for path in SUITE.glob("*.json"):
        value = path.read_bytes()
        if path.name.startswith("i_"):
            parse_row(b'{"messages": ' + value + b"}")
            continue
        # Duplicate keys are valid JSON, but no two parsers need agree on them.
        must_fail = path.name.startswith("n_") or path.name.startswith("y_object_duplicated")
        row = parse_row(b'{"messages": ' + value + b"}")
        assert isinstance(row, Issue) == must_fail, path.name
        checked += 1

    assert checked > 250


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_row_or_a_problem(data):
    parse_row(data)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b:", "c\\"]), st.text(max_size=4)), max_size=4),
    st.sampled_from(["", " "]),
    st.booleans(),
)
def test_a_duplicate_key_is_found_however_it_is_written(pairs, space, is_ascii):
    body = ",".join(
        f"{json.dumps(key, ensure_ascii=is_ascii)}{space}:{json.dumps(value, ensure_ascii=is_ascii)}"
        for key, value in pairs
    )

    is_row = not isinstance(parse_row(f"{{{body}}}".encode()), Issue)

    assert is_row == (len({key for key, _ in pairs}) == len(pairs))
