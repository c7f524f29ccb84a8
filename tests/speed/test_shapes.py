"""What rules declare about the shapes of messages is true: where a rule does not speak, it finds nothing."""

import copy
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.dataset.format import FORMATS
from shared.core.dataset.options import Options
from shared.core.dataset.rows.check import Checks
from shared.core.dataset.rows.shapes import glance_at
from shared.core.dataset.rulebook import RULES, Scope, Shape
from shared.core.spec import MethodType
from tests.core.dataset.rows import ANSWER, CALL, CALLING, RESULT, TOOL, USER

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).parents[1] / "corpus"
CHECKS = [check for rule in RULES.values() for check in rule.checks if check.speaks is not None]
VALUES = [
    None, True, 0, 1, 0.5, "", " ", "\u00a0", "user", "null", "a b", [], {}, ["a"], [TOOL], [CALL],
    [{"type": "text", "text": " "}],
    [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "http://a/b"}}], {"name": "f", "arguments": "{"},
]  # fmt: skip
KEYS = ["role", "content", "name", "weight", "tool_calls", "function_call", "tool_call_id", "refusal", "x"]
MESSAGE = st.builds(
    lambda message, changes: {key: value for key, value in {**message, **changes}.items() if value != "-"},
    st.sampled_from([USER, ANSWER, CALLING, RESULT, {"role": "system", "content": "Be brief."}, {"role": "function"}]),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from([*VALUES, "-"]), max_size=3),
)  # fmt: skip


def shape_of(message):
    glance = glance_at(message)
    return None if glance is None else Shape(*glance)


@settings(deadline=None, max_examples=200)
@given(MESSAGE)
def test_a_rule_finds_nothing_in_a_message_of_which_it_does_not_speak(message):
    shape = shape_of(message)
    if shape is None:
        return
    for check in CHECKS:
        if check.on is Scope.MESSAGE and not check.speaks(shape):
            assert list(check.function(message, "messages[0]")) == [], check.rule.code


@settings(deadline=None, max_examples=200)
@given(st.lists(MESSAGE, min_size=1, max_size=4))
def test_a_rule_finds_nothing_in_a_talk_without_messages_of_which_it_speaks(talk):
    shapes = [shape_of(message) for message in talk]
    if None in shapes:
        return
    for check in CHECKS:
        if check.on in {Scope.TALK, Scope.PROMPT} and not any(map(check.speaks, shapes)):
            assert list(check.function(talk, "messages")) == [], check.rule.code


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(MESSAGE, min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_was_found_in_a_talk_is_found_in_it_whatever_came_before(talks):
    known = Checks(Options())

    for talk in [*talks, *talks]:
        assert known.issues_of({"messages": talk}) == Checks(Options()).issues_of({"messages": talk})


def rows_of(method: MethodType):
    for file in sorted((CORPUS / method).glob("*.jsonl")):
        for line in file.read_bytes().split(b"\n")[:3]:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and len(line) < 5000:
                yield row


@pytest.mark.parametrize("method", list(MethodType))
def test_what_was_kept_of_other_rows_changes_nothing(method):
    options = Options(method=method)
    kept, rows = Checks(options), list(rows_of(method))
    random.Random(1).shuffle(rows)
    assert len(rows) > 50
    for row in rows:
        before = copy.deepcopy(row)
        alone = [(i.rule.code, i.problem) for i in Checks(options).issues_of(row)]
        assert [(i.rule.code, i.problem) for i in kept.issues_of(row)] == alone
        assert row == before
        assert all(talk is not None for _, talk in FORMATS[method].talks(row))
