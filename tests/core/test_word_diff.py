"""Where two texts differ, word by word."""

import pytest

from shared.core.word_diff import differing
from tests.support.naughty import NAUGHTY


def marked(pieces):
    return "".join(f"[{piece.text}]" if piece.is_other else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("one", "other", "ours", "theirs"),
    [
        ("the code is 17.", "the code is 18.", "the code is [17].", "the code is [18]."),
        ("same", "same", "same", "same"),
        ("", "new words here", "", "[new words here]"),
        ("a b c d", "a x y d", "a [b c] d", "a [x y] d"),
        ("東京は雨", "東京は晴", "東京は[雨]", "東京は[晴]"),
        ('{"total": 12}', '{"total": 13}', '{"total": [12]}', '{"total": [13]}'),
        ("a b", "a c b", "a b", "a [c ]b"),
        ("it is 16.8%.", "it is 16.2%.", "it is [16.8%].", "it is [16.2%]."),
        ("1,234.50 at 10:30", "1,234.75 at 10:30", "[1,234.50] at 10:30", "[1,234.75] at 10:30"),
        ("the 3rd of 12%", "the 3rd of 12", "the 3rd of [12%]", "the 3rd of [12]"),
    ],
)
def test_what_the_other_text_lacks_is_marked(one, other, ours, theirs):
    assert tuple(map(marked, differing(one, other))) == (ours, theirs)


def test_no_text_loses_or_gains_a_character():
    for one, other in zip(NAUGHTY[::7], NAUGHTY[3::7], strict=False):
        left, right = differing(one[:300], other[:300])
        assert "".join(piece.text for piece in left) == one[:300]
        assert "".join(piece.text for piece in right) == other[:300]
