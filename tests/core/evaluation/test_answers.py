"""Whatever a model writes becomes text that can be stored and compared."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.evaluation.answers import Answer, message_text, outcomes_of, parsed_json

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


@pytest.mark.slow
@given(st.dictionaries(KEYS, ANY_SHAPE, max_size=4))
def test_no_message_that_json_can_carry_raises(message):
    text = message_text(json.loads(json.dumps(message)))

    assert msgspec.json.decode(msgspec.json.encode(text)) == text


@pytest.mark.slow
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


def given_back(text=None, **more):
    return Answer(index=0, text=text, **more)


@pytest.mark.parametrize(
    ("answer", "outcome", "missing"),
    [
        (given_back("x"), "answered", False),
        (given_back("x", finish_reason="stop"), "answered", False),
        (given_back('[{"name":"f"}]', finish_reason="tool_calls"), "answered", False),
        (given_back(None), "failed", True),
        (given_back(None, finish_reason="stop"), "failed", True),
        (given_back("", finish_reason="stop"), "failed", True),
        (given_back(" \n\t", finish_reason="stop"), "failed", True),
        (given_back(None, refusal="I cannot.", finish_reason="stop"), "refused", True),
        (given_back("x", refusal="", finish_reason="stop"), "answered", False),
        (given_back("part", refusal="I cannot."), "refused", True),
        (given_back("part", finish_reason="content_filter"), "filtered", True),
        (given_back("", finish_reason="content_filter"), "filtered", True),
        (given_back(error="content_filter: no", error_code="content_filter"), "filtered", True),
        (
            given_back(error="HTTP 400: no", error_code="ResponsibleAIPolicyViolation"),
            "filtered",
            True,
        ),
        (given_back(error="HTTP 400: content_filter"), "failed", True),
        (given_back(error="image_parse_error: no", error_code="image_parse_error"), "failed", True),
        (given_back("x", error="odd: no"), "failed", True),
        (given_back("par", finish_reason="length"), "truncated", False),
        (given_back("", finish_reason="length"), "truncated", True),
        (given_back(None, finish_reason="length"), "truncated", True),
    ],
)
def test_each_answer_has_one_outcome(answer, outcome, missing):
    assert (answer.outcome, answer.is_missing) == (outcome, missing)


@pytest.mark.parametrize(
    ("stored", "outcome"),
    [
        (b'{"index":0,"text":"","finish_reason":"stop"}', "failed"),
        (b'{"index":0,"text":"","finish_reason":"length"}', "truncated"),
        (b'{"index":0,"text":"","finish_reason":"content_filter"}', "filtered"),
        (b'{"index":0,"text":"x","finish_reason":"stop","error":null}', "answered"),
        (b'{"index":0,"text":null,"error":"content_filter: the prompt"}', "filtered"),
        (b'{"index":0,"text":null,"error":"contentFilter: the prompt"}', "filtered"),
        (b'{"index":0,"text":null,"error":"context_length_exceeded: too long"}', "failed"),
    ],
)
def test_answers_that_older_releases_stored_have_an_outcome_too(stored, outcome):
    assert msgspec.json.decode(stored, type=Answer).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (given_back("yes"), "yes"),
        (given_back("ye", finish_reason="length"), "ye"),
        (given_back(None, finish_reason="length"), "[truncated: the limit of tokens came before any text]"),
        (given_back("", finish_reason="stop"), "[failed: an empty answer]"),
        (given_back(refusal="I cannot."), "[refused: I cannot.]"),
        (given_back(error="odd: no", error_code="odd"), "[failed: odd: no]"),
        (
            given_back("half", finish_reason="content_filter"),
            "[filtered: a content filter stopped the answer]",
        ),
    ],
)
def test_people_see_why_there_is_no_answer(answer, shown):
    assert answer.shown == shown


def test_all_outcomes_are_counted_also_those_that_nobody_had():
    answers = [given_back("x"), given_back("y"), given_back(refusal="no"), given_back(finish_reason="length")]

    assert outcomes_of(answers) == {"answered": 2, "refused": 1, "filtered": 0, "truncated": 1, "failed": 0}
    assert sum(outcomes_of([]).values()) == 0


@pytest.mark.parametrize(
    ("answer", "served"),
    [
        (given_back("x"), True),
        (given_back(None), True),
        (given_back(refusal="no"), True),
        (given_back(error="content_filter: no", error_code="content_filter"), True),
        (given_back(error="odd: no", error_code="odd"), False),
        (given_back(error="HTTP 400: no"), False),
    ],
)
def test_only_another_refusal_of_the_service_leaves_open_whether_the_deployment_works(answer, served):
    assert answer.was_served is served
