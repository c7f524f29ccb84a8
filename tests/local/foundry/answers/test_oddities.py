"""What does not end in an answer, as the openai client shows it."""

import openai
import pytest


@pytest.fixture(scope="module")
def chat(client):
    """One chat completion about a question with a marker."""

    def ask(marker, **given):
        messages = [{"role": "user", "content": f"Where do the boxes stand? [stand-in: {marker}]"}]
        return client.chat.completions.create(**{"model": "gpt-4.1", "messages": messages} | given)

    return ask


def refused(chat, marker, **given):
    with pytest.raises(openai.APIStatusError) as raised:
        chat(marker, **given)
    return raised.value


def test_a_model_declines_in_words_of_their_own(chat):
    answer = chat("refuses")
    choice = answer.choices[0]

    assert (choice.finish_reason, choice.message.content) == ("stop", None)
    assert choice.message.refusal
    assert answer.usage.completion_tokens > 0


def test_a_stream_declines_in_the_same_words(chat):
    deltas = [chunk.choices[0].delta for chunk in chat("refuses", stream=True) if chunk.choices]

    assert "".join(delta.refusal or "" for delta in deltas) == chat("refuses").choices[0].message.refusal
    assert not any(delta.content for delta in deltas)


def test_a_filtered_prompt_is_the_documented_error(chat):
    error = refused(chat, "filtered prompt")

    assert (error.status_code, error.code, error.param) == (400, "content_filter", "prompt")
    assert error.body.keys() == {"code", "message", "param", "type", "status", "innererror"}
    assert error.body["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    assert error.body["innererror"]["content_filter_result"]["violence"]["filtered"] is True


def test_a_filtered_answer_has_no_content(chat):
    choice = chat("filtered answer").choices[0]

    assert (choice.finish_reason, choice.message.content) == ("content_filter", None)
    assert choice.model_extra["content_filter_results"]["violence"]["filtered"] is True


@pytest.mark.parametrize("limit", [50, 20])
def test_reasoning_that_uses_up_the_limit_leaves_no_text(chat, limit):
    answer = chat("reasons 50", max_completion_tokens=limit)
    choice, usage = answer.choices[0], answer.usage

    assert (choice.finish_reason, choice.message.content) == ("length", None)
    assert (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens) == (limit, limit)


def test_reasoning_within_the_limit_is_paid_and_leaves_the_rest_for_the_answer(chat):
    plain, thought = chat("nothing"), chat("reasons 50")
    cut = chat("reasons 50", max_completion_tokens=54)

    assert thought.choices[0].finish_reason == "stop"
    assert thought.usage.completion_tokens_details.reasoning_tokens == 50
    assert thought.choices[0].message.content.split()[:4] == plain.choices[0].message.content.split()[:4]
    assert cut.choices[0].finish_reason == "length"
    assert 50 < cut.usage.completion_tokens <= 54


def test_a_limit_that_is_used_up_may_also_be_refused(chat):
    error = refused(chat, "uses up its limit")

    assert (error.status_code, error.code, error.param) == (400, None, None)
    assert "max_tokens or model output limit was reached" in error.message


def test_a_parameter_is_refused_only_when_it_is_sent(chat):
    error = refused(chat, "takes no seed", seed=1)

    assert (error.status_code, error.code, error.param) == (400, "unsupported_parameter", "seed")
    assert chat("takes no seed").choices[0].message.content


@pytest.mark.parametrize(
    ("marker", "status", "code"),
    [
        ("HTTP 400 image_parse_error", 400, "image_parse_error"),
        ("HTTP 400 null", 400, None),
        ("HTTP 413 null", 413, None),
        ("HTTP 422 odd", 422, "odd"),
    ],
)
def test_any_status_and_code_can_be_asked_for(chat, marker, status, code):
    error = refused(chat, marker)

    assert (error.status_code, error.code) == (status, code)


def test_a_marker_in_an_earlier_message_is_nothing(client):
    messages = [
        {"role": "user", "content": "[stand-in: filtered answer]"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Where do the boxes stand?"},
    ]
    answer = client.chat.completions.create(model="gpt-4.1", messages=messages)

    assert answer.choices[0].message.content
