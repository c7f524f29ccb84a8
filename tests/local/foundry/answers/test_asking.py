"""Chat completions, responses and models, by the openai client of a project."""

import json

import openai
import pytest
from toktok import batch_count

QUESTION = [{"role": "user", "content": "Where do the boxes stand? They stand in hall 7. Nobody knows why."}]
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "hall": {"type": "integer"}, "sure": {"type": "boolean"}},
    "required": ["place", "hall", "sure"],
    "additionalProperties": False,
}
TOOL = {
    "name": "find_box",
    "description": "Find a box",
    "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
}


@pytest.fixture(scope="module")
def chat(client):
    """One chat completion of a base deployment."""

    def ask(**given):
        return client.chat.completions.create(**{"model": "gpt-4.1", "messages": QUESTION} | given)

    return ask


@pytest.fixture(scope="module")
def respond(client):
    """One response of a base deployment."""

    def ask(**given):
        return client.responses.create(**{"model": "gpt-4.1", "input": QUESTION[0]["content"]} | given)

    return ask


def exact(*texts):
    return sum(batch_count(list(texts), "o200k_base"))


class TestChat:
    def test_usage_counts_tokens_exactly(self, chat):
        answer = chat()
        said = answer.choices[0].message.content

        assert answer.usage.prompt_tokens == exact(QUESTION[0]["content"]) + 3 + 3
        assert answer.usage.completion_tokens == exact(said)
        assert answer.usage.completion_tokens_details.reasoning_tokens == 0

    def test_a_stream_says_the_same_and_ends_with_its_usage(self, chat):
        whole = chat()
        chunks = list(chat(stream=True, stream_options={"include_usage": True}))
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

        assert said == whole.choices[0].message.content
        assert len(chunks) > 5
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)

    def test_a_stream_tells_its_usage_only_when_asked(self, chat):
        assert all(chunk.usage is None for chunk in chat(stream=True))

    def test_n_choices_are_paid_n_times(self, chat):
        one, three = chat(), chat(n=3)

        assert [choice.index for choice in three.choices] == [0, 1, 2]
        assert three.usage.completion_tokens == 3 * one.usage.completion_tokens

    def test_stop_ends_an_answer_before_it(self, chat):
        whole = chat().choices[0].message.content
        word = whole.split()[3]
        cut = chat(stop=[word]).choices[0]

        assert cut.message.content == whole[: whole.index(word)]
        assert cut.finish_reason == "stop"

    def test_a_limit_is_kept_to_the_token(self, chat):
        answer = chat(max_completion_tokens=4)

        assert answer.choices[0].finish_reason == "length"
        assert 0 < answer.usage.completion_tokens <= 4

    @pytest.mark.parametrize(
        "response_format",
        [
            {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}},
            {"type": "json_object"},
        ],
        ids=["schema", "object"],
    )
    def test_an_answer_in_a_format_is_json_of_it(self, chat, response_format):
        found = json.loads(chat(response_format=response_format).choices[0].message.content)

        assert isinstance(found, dict)
        if response_format["type"] == "json_schema":
            assert {key: type(value) for key, value in found.items()} == {
                "place": str,
                "hall": int,
                "sure": bool,
            }
            assert found["hall"] == 7

    @pytest.mark.parametrize(
        "choice", ["required", {"type": "function", "function": {"name": "find_box"}}], ids=str
    )
    def test_a_function_that_must_be_called_is(self, chat, choice):
        answer = chat(tools=[{"type": "function", "function": TOOL}], tool_choice=choice).choices[0]

        assert answer.finish_reason == "tool_calls"
        assert answer.message.tool_calls[0].function.name == "find_box"
        assert json.loads(answer.message.tool_calls[0].function.arguments) == {"number": 7}

    def test_calls_are_streamed_too(self, chat):
        chunks = chat(tools=[{"type": "function", "function": TOOL}], tool_choice="required", stream=True)
        parts = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]

        assert parts[0].function.name == "find_box"
        assert json.loads("".join(part.function.arguments for part in parts)) == {"number": 7}

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ({"temperature": 3}, "temperature"),
            ({"top_p": "x"}, "top_p"),
            ({"n": 0}, "n"),
            ({"stop": ["a"] * 5}, "stop"),
            ({"tools": [{"type": "function"}]}, "tools[0]"),
            ({"tool_choice": "find_box"}, "tool_choice"),
            ({"response_format": {"type": "xml"}}, "response_format"),
        ],
        ids=str,
    )
    def test_a_wrong_parameter_is_named(self, chat, given, param):
        with pytest.raises(openai.BadRequestError) as caught:
            chat(**given)

        assert caught.value.param == param


class TestResponses:
    def test_text_comes_with_usage(self, respond):
        answer = respond()

        assert "hall 7" in answer.output_text
        assert (answer.status, answer.model, answer.error) == ("completed", "gpt-4.1", None)
        assert answer.usage.input_tokens == exact(QUESTION[0]["content"]) + 3 + 3
        assert answer.usage.output_tokens == exact(answer.output_text)
        assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens

    def test_both_apis_say_the_same(self, respond, chat):
        messages = [{"role": "system", "content": "Be brief."}, *QUESTION]
        items = [{"role": "user", "content": [{"type": "input_text", "text": QUESTION[0]["content"]}]}]

        said = respond(instructions="Be brief.", input=items)
        assert said.output_text == chat(messages=messages).choices[0].message.content
        assert said.usage.input_tokens == chat(messages=messages).usage.prompt_tokens

    def test_a_limit_leaves_it_incomplete(self, respond):
        answer = respond(max_output_tokens=16, input="word " * 50)

        assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert 0 < answer.usage.output_tokens <= 16

    def test_text_format_is_kept(self, respond):
        answer = respond(
            text={"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
        )

        assert json.loads(answer.output_text).keys() == SCHEMA["properties"].keys()

    def test_functions_are_called_as_items(self, respond):
        answer = respond(tools=[{"type": "function", "strict": True, **TOOL}], tool_choice="required")

        assert [item.type for item in answer.output] == ["function_call"]
        assert json.loads(answer.output[0].arguments) == {"number": 7}

    @pytest.mark.parametrize(
        "given",
        [{}, {"max_output_tokens": 16, "input": "word " * 50},
         {"tools": [{"type": "function", "strict": True, **TOOL}], "tool_choice": "required"}],
        ids=["text", "cut off", "a call"],
    )  # fmt: skip
    def test_a_stream_tells_the_same_in_the_specified_order(self, respond, given):
        whole, events = respond(**given), list(respond(stream=True, **given))
        kinds = [event.type for event in events]
        is_call = "tools" in given
        inside = (
            ["function_call_arguments.delta", "function_call_arguments.done"]
            if is_call
            else ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"]
        )
        expected = ["created", "in_progress", "output_item.added", *inside, "output_item.done", whole.status]
        last = events[-1].response

        assert list(dict.fromkeys(kinds)) == [f"response.{kind}" for kind in expected]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert last.output_text == whole.output_text
        assert last.usage.input_tokens == whole.usage.input_tokens
        if not is_call:  # the ids of calls differ, and are counted
            assert last.usage.output_tokens == whole.usage.output_tokens
        begun = next(event.item for event in events if event.type == "response.output_item.added")
        assert begun.status == "in_progress"
        assert not (begun.arguments if is_call else begun.content)
        told = "".join(event.delta for event in events if event.type.endswith(".delta"))
        assert told == (last.output[0].arguments if is_call else whole.output_text)
        for event in events:  # in the types of OpenAI's client, every key that they demand is there
            type(event).model_validate(event.model_dump(warnings=False))

    def test_the_clients_own_helper_follows_a_stream(self, respond, client):
        with client.responses.stream(model="gpt-4.1", input=QUESTION[0]["content"]) as stream:
            final = stream.get_final_response()

        assert final.output_text == respond().output_text

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ({"input": []}, "input"),
            ({"input": [{"type": "picture"}]}, "input[0].type"),
            ({"max_output_tokens": 3}, "max_output_tokens"),
            ({"previous_response_id": "resp_1"}, "previous_response_id"),
            ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ],
        ids=str,
    )
    def test_a_wrong_parameter_is_named(self, respond, given, param):
        with pytest.raises(openai.BadRequestError) as caught:
            respond(**given)

        assert caught.value.param == param

    def test_an_unknown_deployment_is_not_found(self, respond):
        with pytest.raises(openai.NotFoundError) as caught:
            respond(model="nowhere")

        assert caught.value.code == "DeploymentNotFound"


class TestModels:
    def test_base_models_are_listed_and_found_by_either_name(self, client):
        assert "gpt-4.1-2025-04-14" in [model.id for model in client.models.list()]
        assert client.models.retrieve("gpt-4.1").id == "gpt-4.1-2025-04-14"

    def test_an_unknown_model_is_not_found(self, client):
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-0")


JUDGE = (
    "You are a strict judge. Score the response from 1 to 5.\n\n"
    "Question: Where is box 4?\nReference: Box 4 is in hall 7, row 12.\nResponse: {}"
)


class TestJudge:
    def test_its_scores_follow_quality(self, chat):
        answers = [
            "Box 4 is in hall 7, row 12.",
            "Box 4 is in hall 7, row 11.",
            "Box 4 is somewhere.",
            "I like cheese.",
        ]
        scores = [
            float(
                chat(messages=[{"role": "user", "content": JUDGE.format(answer)}]).choices[0].message.content
            )
            for answer in answers
        ]

        assert scores[0] == 5
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) >= 3

    def test_it_answers_in_a_schema(self, chat):
        schema = {
            "type": "object",
            "properties": {
                "result": {"type": "number"},
                "steps": {"type": "array", "items": {"type": "string"}},
            },
        }
        answer = chat(
            messages=[{"role": "user", "content": JUDGE.format("Box 4 is in hall 7, row 12.")}],
            response_format={"type": "json_schema", "json_schema": {"name": "score", "schema": schema}},
        )

        assert json.loads(answer.choices[0].message.content)["result"] == 5

    def test_parts_may_be_marked_by_tags(self, chat):
        prompt = "Score from 0 to 10.\n\n<reference>\nhall 7\n</reference>\n<response>\n{}\n</response>\nOnly the number."
        said = [
            chat(messages=[{"role": "user", "content": prompt.format(answer)}]).choices[0].message.content
            for answer in ("hall 7", "cheese")
        ]

        assert said == ["10", "0"]

    def test_it_chooses_one_of_the_labels(self, chat):
        prompt = "Grade the answer. Answer only with correct or incorrect.\n\nReference: hall 7\nAnswer: {}"
        said = [
            chat(messages=[{"role": "user", "content": prompt.format(answer)}]).choices[0].message.content
            for answer in ("hall 7", "hall 9 or so")
        ]

        assert said == ["correct", "incorrect"]

    def test_who_asks_for_no_judgement_gets_none(self, chat):
        answer = chat(
            messages=[{"role": "user", "content": "What was the score of the match? Answer: unknown."}]
        )

        assert not answer.choices[0].message.content.isdigit()
