"""Texts are cut to the bytes that a page has room for."""

from html import escape

import pytest

from shared.core.shown import visible
from shared.views.fitting import fitting
from tests.support.naughty import NAUGHTY


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("a" * 20, "a" * 20),
        ("a" * 30, "a" * 17 + "…"),
        ("<" * 10, "<<<<…"),
        ("東" * 10, "東東東東東…"),
        ("\x9b" * 3, "\x9b" * 3),
        ("", ""),
    ],
)
def test_as_much_as_fits_is_shown(text, shown):
    assert fitting(text, 20) == shown


def test_more_bytes_than_characters_may_be_given():
    assert fitting("東" * 10, 10, 30) == "東" * 10
    assert fitting("東" * 11, 10, 30) == "東" * 9 + "…"


def test_no_text_takes_more():
    for text in NAUGHTY:
        for size in (1, 7, 80):
            assert len(escape(visible(fitting(text * 3, size), keep="\n\t")).encode()) <= size
