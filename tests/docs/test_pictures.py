"""Pictures of the docs: what is named is there, what is there is named and small, and each says in words what it shows."""

import re
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs/pictures").glob("*"))
NAMED = [
    (path.parent / target, words)
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", path.read_text())
]


def test_there_are_pictures_of_the_page():
    assert 8 <= len(PICTURES) <= 12


def test_each_picture_that_is_named_is_there_and_each_that_is_there_is_named():
    assert {path.resolve() for path, _ in NAMED} == {path.resolve() for path in PICTURES}


@pytest.mark.parametrize("words", [words for _, words in NAMED])
def test_each_says_in_words_what_it_shows(words):
    assert len(words.split()) >= 5


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_each_is_a_small_png_of_the_page_on_a_desk_or_on_a_phone(path):
    raw = path.read_bytes()
    width, height = struct.unpack(">II", raw[16:24])

    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(raw) <= 100_000
    assert width == (360 if path.stem == "phone" else 960)
    assert height <= 900


def test_each_is_taken_by_the_script():
    taken = re.findall(r'self\._take\(\s*page,\s*"([\w-]+)"', (ROOT / "docs/pictures.py").read_text())

    assert sorted(taken) == [path.stem for path in PICTURES]
