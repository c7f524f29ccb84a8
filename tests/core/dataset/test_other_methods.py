"""Preference and reinforcement rows."""

import pytest

from tests.core.dataset.rows import ANSWER, USER, chat, inspect, lines

BAD = {"role": "assistant", "content": "5"}


def pair(**changes):
    return {
        "input": {"messages": [USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [BAD],
    } | changes


def test_a_sound_preference_pair_has_no_findings():
    assert inspect(lines(pair()), "dpo")[1].totals == {}


@pytest.mark.parametrize(
    ("row", "code", "path"),
    [
        (pair(input=None), "DS060", "input"),
        (pair(input={"messages": []}), "DS030", "input.messages"),
        (pair(input={"messages": [USER], "mood": 1}), "DS031", "input"),
        (pair(extra=1), "DS031", None),
        (pair(preferred_output="4"), "DS061", "preferred_output"),
        (pair(preferred_output=[]), "DS061", "preferred_output"),
        (pair(non_preferred_output=[USER]), "DS061", "non_preferred_output"),
        (
            pair(preferred_output=[{"role": "assistant", "content": ""}]),
            "DS035",
            "preferred_output[0].content",
        ),
        (pair(non_preferred_output=[ANSWER]), "DS062", "preferred_output"),
    ],
)
def test_each_preference_rule_finds_its_violation(row, code, path):
    _, log = inspect(lines(pair(), row), "dpo")

    assert (code, path, 2) in [(f.code, f.path, f.line) for f in log.findings]


@pytest.mark.parametrize(
    ("preferred", "other", "is_found"),
    [
        ("One two three four five six.", " one  two three\tfour FIVE six.\n", True),
        ("One two three four five six.", "One two three four five seven.", False),
        ("One two three four", "One two three four five", False),
        ("One two", "Onetwo", False),
        ("stra\u00dfe", "STRASSE", True),
    ],
)
def test_outputs_that_differ_in_white_space_or_case_alone_are_found(preferred, other, is_found):
    outputs = {
        key: [{"role": "assistant", "content": text}]
        for key, text in (("preferred_output", preferred), ("non_preferred_output", other))
    }
    _, log = inspect(lines(pair(**outputs)), "dpo")

    assert ("DS062" in log.totals) is is_found


@pytest.mark.parametrize(
    ("row", "code", "path"),
    [
        (chat(USER, ANSWER, target=1), "DS044", "messages[1].role"),
        (chat(USER), "DS063", None),
        (chat(USER, target=1, more=2), "DS063", None),
        ({"messages": 1, "target": 1}, "DS030", "messages"),
    ],
)
def test_each_reinforcement_rule_finds_its_violation(row, code, path):
    _, log = inspect(lines(chat(USER, target=1), row), "reinforcement")

    assert (code, path, 2) in [(f.code, f.path, f.line) for f in log.findings]


def test_a_template_finds_its_place_in_a_list():
    rows = lines(chat(USER, tags=["a", "b"]), chat(USER, tags=["a"]))
    _, log = inspect(rows, "reinforcement", templates=("{{item.tags[1]}}",))

    assert [(f.code, f.line, f.path) for f in log.findings] == [("DS075", 2, "tags[1]")]
