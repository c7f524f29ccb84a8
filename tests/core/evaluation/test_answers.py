"""Whatever a model writes becomes text that can be stored and compared."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.evaluation.answers import Answer, message_text, parsed_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["content", "tool_calls", "function_call", "function", "name", "arguments", "text"])
ANY_SHAPE = st.recursive(
    JSON, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)


def calling(arguments, name="f"):
    return {
        "role": "assistant",
        "tool_calls": [{"id": "1", "function": {"name": name, "arguments": arguments}}],
    }


@given(st.dictionaries(KEYS, ANY_SHAPE, max_size=4))
def test_no_message_that_json_can_carry_raises(message):
    text = message_text(json.loads(json.dumps(message)))

    assert msgspec.json.decode(msgspec.json.encode(text)) == text


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_the_order_of_arguments_never_counts(arguments):
    turned = dict(reversed(arguments.items()))

    assert message_text(calling(json.dumps(arguments))) == message_text(calling(json.dumps(turned, indent=1)))


@pytest.mark.parametrize(
    "arguments", ["[" * 100_000, '{"a": 1e999}', "\ud800", '{"a": "\\ud800"}', "{'a': 1}", ""]
)
def test_arguments_that_are_no_json_are_kept_as_they_are(arguments):
    kept = msgspec.json.decode(message_text(calling(arguments)))[0]["arguments"]

    assert kept == arguments.replace("\ud800", "\ufffd")


def test_a_lone_surrogate_becomes_a_replacement_and_a_pair_becomes_its_character():
    assert message_text({"content": "a\ud800b \ud83d\ude00"}) == "a\ufffdb \U0001f600"


@pytest.mark.parametrize(
    "message", [{"tool_calls": 5}, {"tool_calls": [{"function": None}, 7]}, {"content": [3]}, {}]
)
def test_odd_shapes_are_no_text(message):
    assert message_text(message) == ""


@pytest.mark.parametrize("text", ["", "nope", "NaN", "[" * 100_000])
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError, match="not JSON"):
        parsed_json(text)


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (Answer(index=0, text="x"), False),
        (Answer(index=0, text=""), False),
        (Answer(index=0, text=None), True),
        (Answer(index=0, text="x", error="content_filter"), True),
    ],
)
def test_a_refusal_or_no_text_is_a_missing_answer(answer, missing):
    assert answer.is_missing is missing
