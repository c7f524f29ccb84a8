"""What each escaping does, in both directions."""

import json

import pytest

from shared.core import shown
from tests.support.naughty import NAUGHTY, raw_in


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("boxes — naïve 🙂 日本語 \\[x]", "boxes — naïve 🙂 日本語 \\[x]"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a\r\n\x1b[31m\u202e\ud800\x9b\U000e0041", r"a\r\n\x1b[31m\u202e\ud800\x9b\U000e0041"),
    ],
)
def test_a_line_shows_what_does_not_print(text, line):
    assert shown.visible(text) == line


def test_a_line_may_keep_its_breaks():
    assert shown.visible("a\n\rb", keep="\n") == "a\n\\rb"


@pytest.mark.parametrize(
    ("text", "chars_max", "beginning"),
    [
        ("x" * 9, 9, "x" * 9),
        ("x" * 10, 9, "x" * 8 + "…"),
        ("\n" * 5, 4, "\\n\\…"),
        ("password=hunter22", 14, "password=[key]"),
    ],
)
def test_what_a_dataset_says_is_clipped_after_it_was_masked(text, chars_max, beginning):
    assert shown.quoted(text, chars_max) == beginning


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Plain words, 12.5% of them.", "Plain words, 12.5% of them."),
        ("\\[x](https://evil)", "\\\\\\[x\\](https\\://evil)"),
        ("\r# a", "\\\\r\\# a"),
        ("- a", "\\- a"),
        ("+ a", "\\+ a"),
        ("12. a", "12\\. a"),
        ("<b>&amp;|www.x", "\\<b\\>\\&amp;\\|www\\.x"),
    ],
)
def test_a_page_shows_text_as_it_is(text, page):
    assert shown.markdown(text) == page


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a, b", "a, b"),
        ("=1", "'=1"),
        ("-1", "'-1"),
        ("＝1", "'＝1"),  # noqa: RUF001
        ("\t=1", "'\t=1"),
        ("a\r\nb\x1b", "a\nb\\x1b"),
        ("\r=1", "\\r=1"),
    ],
)
def test_a_cell_of_a_table_is_no_formula(text, cell):
    assert shown.csv_cell(text) == cell


def test_json_keeps_its_value():
    clean = [text.encode("utf-8", "replace").decode() for text in NAUGHTY]
    raw = json.dumps(clean, ensure_ascii=False, indent=1).encode()

    assert json.loads(shown.json_text(raw)) == clean
    assert raw_in(shown.json_text(raw)) == set()
    assert "naïve" in shown.json_text('"naïve"'.encode())
