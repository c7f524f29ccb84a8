"""Files whose rows have ever other unknown keys: each is compared with the known ones, up to a bound of the file."""

import pytest

from shared.core.dataset.rules import messages
from shared.core.dataset.rules.messages import Guesses

KNOWN = frozenset({"messages", "tools"})


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(messages, "_COMPARED_MAX", 3)


def test_a_key_that_resembles_a_known_one_may_be_misspelt():
    guesses = Guesses()

    assert guesses.may_be_misspelt("mesages", KNOWN)
    assert not guesses.may_be_misspelt("score", KNOWN)


@pytest.mark.usefixtures("few")
def test_the_same_keys_again_and_again_are_no_more_than_themselves():
    guesses = Guesses()

    for _ in range(10):
        assert not guesses.may_be_misspelt("score", KNOWN)
        assert guesses.may_be_misspelt("mesages", KNOWN)


@pytest.mark.usefixtures("few")
def test_once_very_many_were_compared_each_other_one_may_be_misspelt():
    """So it stays, and its row has an error: nothing is left out on a guess that nobody made."""
    guesses = Guesses()
    for number in range(3):
        assert not guesses.may_be_misspelt(f"{number}", KNOWN)

    assert guesses.may_be_misspelt("score", KNOWN)
    assert not guesses.may_be_misspelt("2", KNOWN)
