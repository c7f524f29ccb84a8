"""Files whose rows have ever other unknown keys: each is compared with the known ones, up to a line of the file."""

import json

import pytest

from shared.core.dataset.options import Action, Options, Role
from shared.core.dataset.rules import messages
from shared.core.dataset.rules.messages import Guesses
from shared.core.dataset.summary import RowState
from shared.core.dataset.validate import keys_of, prepared_rows, validate
from shared.core.spec import MethodType

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

    for line in range(10):
        guesses.begin(line)
        assert not guesses.may_be_misspelt("score", KNOWN)
        assert guesses.may_be_misspelt("mesages", KNOWN)
    assert guesses.last_line is None


@pytest.mark.usefixtures("few")
def test_beyond_the_line_in_which_very_many_were_compared_each_one_may_be_misspelt():
    """So it stays, and is reported: nothing is left out on a guess that nobody made."""
    guesses = Guesses()
    guesses.begin(1)
    assert not any(guesses.may_be_misspelt(f"{number}", KNOWN) for number in range(5))

    guesses.begin(2)
    assert guesses.last_line == 1
    assert guesses.may_be_misspelt("score", KNOWN)
    assert guesses.may_be_misspelt("2", KNOWN)


def rows():
    """A row with many keys, which is put aside; rows with a key that goes or stays, of which one is put aside, too."""
    many = {"role": "user", "content": 42} | {f"{number}": 1 for number in range(5)}
    for number in range(12):
        first = many if number == 0 else {"role": "user", "content": 42 if number == 5 else f"Hi {number}"}
        answer = {"role": "assistant", "content": "Hello", "weight": 1.0, "mood": number}
        yield json.dumps({"messages": [first, answer]}).encode() + b"\n"


@pytest.mark.parametrize("most", [1, 3, 6, 1000])
def test_both_passes_over_a_file_repair_its_rows_alike(monkeypatch, most):
    """What was put aside by the first pass is not looked at by the second one."""
    monkeypatch.setattr(messages, "_COMPARED_MAX", most)
    options = Options(
        default_action=Action.QUARANTINE,
        actions={"DS031": Action.REPAIR, "DS041": Action.REPAIR},
        quarantine_max_share=1.0,
    )
    lines = list(rows())

    file = validate({Role.TRAINING: ("a.jsonl", lines)}, options).files[Role.TRAINING]
    prepared = [
        row for row in prepared_rows(lines, file, options) if row.state in {RowState.GOOD, RowState.REPAIRED}
    ]

    assert len(prepared) == 10
    used = [key for key in file.keys if key]
    assert list(keys_of([row.data for row in prepared], MethodType.SUPERVISED)) == used
    assert (b"mood" in prepared[-1].data) == (most < 1000)
