"""What a service says about one question becomes its outcome; what it says about the deployment stays an error."""

import json
import time

import msgspec
import openai
import pytest

from shared.adapters.foundry import FoundryInference
from shared.core.errors import (
    FinetuneError,
    NotReady,
    QuotaExhausted,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from shared.core.evaluation.answers import Answer
from tests.adapters.fault_server import COMPLETION, as_json, fault_server

MESSAGES = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
#: Microsoft's guide to content filtering; what was found is nested in the error.
FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    }
}


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(
        "openai._base_client.BaseClient._calculate_retry_timeout", lambda *_args, **_more: 0.01
    )


@pytest.fixture(scope="module")
def server():
    with fault_server() as made:
        yield made


@pytest.fixture
def service(server):
    """A deployment that answers as a test says: one function from the request's body to status and body."""
    with openai.OpenAI(base_url=server.url, api_key="k", max_retries=0, timeout=5) as client:
        server.reset()
        yield Service(server, FoundryInference(client))


class Service:
    def __init__(self, server, inference):
        self._server, self.inference = server, inference

    def says(self, say):
        def answer(*request):
            body, status = say(json.loads(request[3]))
            sent = as_json(None if isinstance(body, bytes) else body, status)
            return (*sent[:2], body) if isinstance(body, bytes) else sent

        self._server._answer_well = answer

    def ask(self, **more):
        given = {"index": 4, "max_completion_tokens": 9} | more
        return self.inference.answer("d", MESSAGES, given.pop("tools", None), **given)

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self._server.requests]


def refusal(status=400, **error):
    return {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None} | error
    }, status


def said(message, reason="stop"):
    kept = None if message is None else {"role": "assistant"} | message
    choice = {"index": 0, "finish_reason": reason, "message": kept}
    return COMPLETION | {"choices": [choice]}, 200


@pytest.mark.parametrize(
    ("answer", "outcome", "text", "missing"),
    [
        (said({"content": "hello"}), "answered", "hello", False),
        (said({"content": "hello", "refusal": None}), "answered", "hello", False),
        (said({"content": "hello", "refusal": ""}), "answered", "hello", False),
        (said({"content": None, "refusal": "I cannot."}), "refused", None, True),
        (said({"content": "", "refusal": "I cannot \ud800."}), "refused", None, True),
        (said({"content": None}), "failed", None, True),
        (said({"content": ""}), "failed", None, True),
        (said({"content": " "}), "failed", " ", True),
        (said({}), "failed", None, True),
        (said({"content": None}, "length"), "truncated", None, True),
        (said({"content": ""}, "length"), "truncated", None, True),
        (said({"content": "hel"}, "length"), "truncated", "hel", False),
        (said({"content": None}, "content_filter"), "filtered", None, True),
        (said({"content": "hel"}, "content_filter"), "filtered", "hel", True),
        (said(None, "content_filter"), "filtered", None, True),
        (said({"content": None, "tool_calls": [CALL]}, "tool_calls"), "answered", '[{"arguments":{},"name":"f"}]', False),
    ],
)  # fmt: skip
def test_what_a_message_is_becomes_its_outcome(service, answer, outcome, text, missing):
    service.says(lambda _: answer)
    given = service.ask()

    assert (given.index, given.outcome, given.text, given.is_missing) == (4, outcome, text, missing)
    assert (given.prompt_tokens, given.completion_tokens, given.error) == (3, 1, None)


def test_calls_are_kept_as_they_were_made(service):
    broken = {"id": "c", "type": "function", "function": {"name": "g\ud800", "arguments": "{"}}
    service.says(lambda _: said({"content": "x", "tool_calls": [CALL, broken]}, "tool_calls"))
    given = service.ask()

    assert [call["function"] for call in given.tool_calls] == [
        {"name": "f", "arguments": "{}"},
        {"name": "g\ufffd", "arguments": "{"},
    ]
    assert given.calls == given.tool_calls
    service.says(lambda _: said({"content": "hello"}))
    assert service.ask().tool_calls == ()


def put(place, value, reason="stop"):
    """A completion with something odd in one place of it."""
    body = json.loads(json.dumps(said({"content": "hello"}, reason)[0]))
    body["usage"] |= {"prompt_tokens_details": {"cached_tokens": 0}}
    body["usage"] |= {"completion_tokens_details": {"reasoning_tokens": 0}}
    *way, last = place
    inner = body
    for key in way:
        inner = inner[key]
    inner[last] = value
    return body


def as_stored(answer):
    """The answer as it is read again from the artifact of its chunk."""
    return msgspec.json.decode(msgspec.json.encode([answer]), type=list[Answer])[0]


CHOICE, MESSAGE, USAGE = ("choices", 0), ("choices", 0, "message"), ("usage",)
CACHED = (*USAGE, "prompt_tokens_details", "cached_tokens")
REASONING = (*USAGE, "completion_tokens_details", "reasoning_tokens")
#: Values of every type that JSON has, and of odd sizes.
ANYTHING = [
    None,
    True,
    0,
    -7,
    2.5,
    1e300,
    10**30,
    "",
    "text",
    "\ud800",
    [],
    [None],
    [3],
    {},
    {"a": {"\ud800": 1}},
    [{"function": {"name": {"\ud800": 1}, "arguments": {"\ud800": 2}}}],
    {"name": ["\ud800"], "arguments": ["\ud800"]},
    {"name": 10**30, "arguments": 1e300},
]
PLACES = [
    ("choices",), CHOICE, (*CHOICE, "finish_reason"), (*CHOICE, "index"), MESSAGE, (*MESSAGE, "content"),
    (*MESSAGE, "refusal"), (*MESSAGE, "tool_calls"), (*MESSAGE, "function_call"), (*MESSAGE, "role"), USAGE,
    (*USAGE, "prompt_tokens"), (*USAGE, "completion_tokens"), CACHED[:-1], CACHED, REASONING[:-1],
    REASONING, ("model",), ("id",), ("created",),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_whatever_a_completion_holds_is_an_answer_that_can_be_stored_and_read_again(service, place):
    for value in ANYTHING:
        service.says(lambda _, value=value: (put(place, value), 200))
        given = service.ask()

        assert as_stored(given) == given, value
        assert given.index == 4
        assert type(given.prompt_tokens) is type(given.completion_tokens) is int
        assert 0 <= given.prompt_tokens < 2**63
        assert 0 <= given.completion_tokens < 2**63


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_completion_may_lack_anything_but_its_choices(service, place):
    body = put(place, None)
    inner = body
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    service.says(lambda _: (body, 200))

    if place == ("choices",):
        with pytest.raises(Unavailable):
            service.ask()
    else:
        assert as_stored(service.ask()).index == 4


@pytest.mark.parametrize("tokens", [None, True, 2.5, 5.0, -1, "5", 10**30, [], {}])
def test_tokens_that_are_not_a_whole_number_are_not_counted(service, tokens):
    service.says(lambda _: (put((*USAGE, "prompt_tokens"), tokens), 200))
    given = service.ask()

    assert (given.outcome, given.prompt_tokens, given.completion_tokens) == ("answered", 0, 1)


@pytest.mark.parametrize(
    ("details", "known"),
    [
        ({}, (None, None)),
        ({"prompt_tokens_details": None, "completion_tokens_details": []}, (None, None)),
        ({"prompt_tokens_details": {"cached_tokens": 0}}, (0, None)),
        ({"completion_tokens_details": {"reasoning_tokens": 640, "audio_tokens": 0}}, (None, 640)),
        (
            {
                "prompt_tokens_details": {"cached_tokens": True},
                "completion_tokens_details": {"reasoning_tokens": -1},
            },
            (None, None),
        ),
    ],
)
def test_cached_and_reasoning_tokens_are_known_only_if_the_service_says_so(service, details, known):
    """None is not nought: a service that says nothing of its cache may have one."""
    service.says(lambda _: (COMPLETION | {"usage": COMPLETION["usage"] | details}, 200))
    given = as_stored(service.ask())

    assert (given.cached_tokens, given.reasoning_tokens) == known
    assert given.prompt_tokens == 3


def test_the_latency_is_that_of_the_request_that_was_answered(service):
    """What went before, a slow failure and the wait after it, is not how long clients will wait."""
    sent = []

    def say(_):
        sent.append(1)
        if len(sent) == 1:
            time.sleep(0.5)
            return {"error": {"message": "busy"}}, 503
        return COMPLETION, 200

    service.says(say)

    assert 1 <= service.ask().latency_ms < 400
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("reason", "kept"), [(3, None), (None, None), ({}, None), ("\ud800", "\ufffd"), ("stop", "stop")]
)
def test_a_reason_to_finish_is_a_text_or_none(service, reason, kept):
    service.says(lambda _: (put((*CHOICE, "finish_reason"), reason), 200))
    given = service.ask()

    assert (given.outcome, given.text, given.finish_reason) == ("answered", "hello", kept)


DEEP = b"[" * 100_000 + b"]" * 100_000
HEAD = b'{"choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [{"function": {"name": "f", "arguments": '
UNREADABLE = {
    "no choices": (COMPLETION | {"choices": []}, 200),
    "choices null": (COMPLETION | {"choices": None}, 200),
    "choices an object": (COMPLETION | {"choices": {"message": {}}}, 200),
    "choice null": (put(CHOICE, None), 200),
    "no message": (COMPLETION | {"choices": [{"finish_reason": "stop"}]}, 200),
    "message null": (put(MESSAGE, None), 200),
    "message a text": (put(MESSAGE, "text"), 200),
    "message a list": (put(MESSAGE, [1]), 200),
    "message a text that was cut off": (put(MESSAGE, "text", "length"), 200),
    "too deep": (b'{"choices": ' + DEEP + b"}", 200),
    "arguments too deep": (HEAD + DEEP + b"}}]}}]}", 200),
    "a number too long": (b'{"choices": [' + b"1" * 5000 + b"]}", 200),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_completion_that_cannot_be_read_is_the_outcome_of_its_question(service, name):
    """Whether the question is to blame or the deployment, other questions tell: it does not show that the deployment works."""
    service.says(lambda _: UNREADABLE[name])
    given = as_stored(service.ask())

    assert (given.index, given.outcome, given.text, given.is_missing) == (4, "failed", None, True)
    assert (given.error_code, given.was_served) == ("unreadable_answer", False)
    assert given.error.startswith("unreadable_answer: ")
    assert len(service.bodies) == 1


@pytest.mark.parametrize("depth", [500, 2_000, 5_000])
def test_arguments_of_a_call_may_be_as_deep_as_they_can_be_read(service, depth):
    deep = HEAD + b"[" * depth + b"]" * depth + b"}}]}}]}"
    service.says(lambda _: (deep, 200))

    assert as_stored(service.ask()).outcome in {"answered", "failed"}


def test_a_limit_that_left_no_message_at_all_is_a_truncated_answer(service):
    service.says(lambda _: (put(MESSAGE, None, "length"), 200))
    given = service.ask()

    assert (given.outcome, given.text, given.was_served) == ("truncated", None, True)


def test_bytes_that_are_not_utf_8_are_replaced_in_an_answer(service):
    raw = json.dumps(said({"content": "hello BAD"})[0]).encode().replace(b"BAD", b"\xff")
    service.says(lambda _: (raw, 200))

    assert (service.ask().outcome, service.ask().text) == ("answered", "hello \ufffd")


INVALID = "The model produced invalid content. Consider modifying your prompt if you are seeing this error persistently."


@pytest.mark.parametrize(
    "error",
    [{"message": INVALID, "type": "model_error"}, {"message": INVALID, "type": "server_error", "code": "server_error"},
     {"message": "Try another prompt \ud800.", "type": "model_error"}],
)  # fmt: skip
def test_content_that_the_model_got_wrong_is_the_outcome_of_its_question_after_its_retries(service, error):
    service.says(lambda _: refusal(500, **error))
    given = as_stored(service.ask())

    assert (given.outcome, given.error_code, given.was_served) == ("failed", "model_error", False)
    assert error["message"].partition("\ud800")[0] in given.error
    assert len(service.bodies) == 3


def test_content_that_the_model_gets_right_the_second_time_is_an_answer(service):
    told = iter([refusal(500, message=INVALID, type="model_error"), said({"content": "hello"})])
    service.says(lambda _: next(told))

    assert service.ask().text == "hello"


@pytest.mark.parametrize("status", [400, 403, 409, 451, 500])
@pytest.mark.parametrize(
    "error", [{"code": "content_filter"}, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}]
)
def test_a_filter_that_names_itself_is_the_outcome_of_the_question_whatever_the_status(
    service, status, error
):
    service.says(lambda _: refusal(status, **error))
    given = as_stored(service.ask())

    assert (given.outcome, given.was_served) == ("filtered", True)


@pytest.mark.parametrize("code", [{"a": 1}, [1], 7, True, "\ud800"])
def test_a_code_may_be_anything(service, code):
    service.says(lambda _: refusal(400, code=code))

    assert as_stored(service.ask()).outcome == "failed"


def test_the_words_of_a_refusal_are_kept(service):
    service.says(lambda _: said({"content": None, "refusal": "I cannot help with that."}))

    assert service.ask().refusal == "I cannot help with that."


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ((FILTERED, 400), "filtered", "content_filter"),
        (refusal(code="contentFilter"), "filtered", "contentFilter"),
        (refusal(code="invalid_prompt"), "filtered", "invalid_prompt"),
        (refusal(inner_error={"code": "ResponsibleAIPolicyViolation"}), "filtered", "ResponsibleAIPolicyViolation"),
        (refusal(code="BadRequest", innererror={"code": "Other"}), "failed", "BadRequest"),
        (refusal(code="context_length_exceeded", param="messages"), "failed", "context_length_exceeded"),
        (refusal(code="image_parse_error"), "failed", "image_parse_error"),
        (refusal(code="unsupported_value", param="messages[0].role"), "failed", "unsupported_value"),
        (refusal(), "failed", None),
        (refusal(413, code="request_too_large"), "failed", "request_too_large"),
        (refusal(415), "failed", None),
        (refusal(422, code=422), "failed", "422"),
        (({"detail": [{"loc": ["body", "messages"], "type": "extra_forbidden"}]}, 422), "failed", None),
        (([], 400), "failed", None),
        (refusal(param=["temperature"]), "failed", None),
        (refusal(param=0), "failed", None),
        (({"detail": [3, {"loc": 4}, {"loc": []}, {"loc": ["seed"], "type": "less_than"}]}, 422), "failed", None),
    ],
)  # fmt: skip
def test_a_question_that_is_refused_is_an_outcome_with_the_services_code(service, answer, outcome, code):
    service.says(lambda _: answer)
    given = service.ask()

    assert (given.index, given.text, given.outcome, given.error_code) == (4, None, outcome, code)
    assert given.error.startswith(f"{code or f'HTTP {answer[1]}'}: ")
    assert given.was_served is (outcome == "filtered")
    assert len(service.bodies) == 1


def test_the_services_own_words_are_the_reason(service):
    service.says(lambda _: refusal(code="image_parse_error", message="The image is\nbroken \ud800."))

    assert service.ask().error == "image_parse_error: The image is broken \ufffd."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(401), Unauthorized),
        (refusal(403), Unauthorized),
        (refusal(404), NotReady),
        (refusal(408), Unavailable),
        (refusal(409), Refused),
        (refusal(409, code="conflict"), Unavailable),
        (refusal(410), Refused),
        (refusal(429), Throttled),
        (refusal(500), Unavailable),
        (refusal(503), Unavailable),
        (refusal(code="InsufficientQuota"), QuotaExhausted),
        (refusal(code="DeploymentNotReady"), NotReady),
        (refusal(500, code={"a": 1}), Unavailable),
        (refusal(500, message="no \ud800", code="\ud800"), Unavailable),
        (refusal(403, code=["content_filter"]), Unauthorized),
        ((None, 200), Unavailable),
        (([], 200), Unavailable),
        (("Sign in", 200), Unavailable),
        (({}, 200), Unavailable),
        (({"error": {"message": "Sign in"}}, 200), Unavailable),
        ((b"<html><body>Sign in</body></html>", 200), Unavailable),
        ((b'{"choices": [{"message": {"con', 200), Unavailable),
        ((b"", 200), Unavailable),
    ],
)
def test_what_is_said_of_the_deployment_is_never_the_outcome_of_a_question(service, answer, expected):
    service.says(lambda _: answer)

    with pytest.raises(FinetuneError) as raised:
        service.ask()
    assert type(raised.value) is expected or isinstance(raised.value, expected)
    assert raised.value.message.encode(), "it is stored"


def test_a_limit_that_reasoning_used_up_is_a_truncated_answer_also_as_http_400(service):
    """So a deployment of a reasoning model that is asked a plain question, with a small limit, counts as one that serves."""
    words = "Could not finish the message because max_tokens or model output limit was reached."
    service.says(lambda _: refusal(message=f"{words} Please try again with higher max_tokens."))
    given = service.ask()

    assert (given.outcome, given.is_missing, given.was_served) == ("truncated", True, True)
    assert len(service.bodies) == 1


UNSUPPORTED = "Unsupported parameter: '{}' is not supported with this model."
#: How the services name a parameter that they do not take; see `shared.adapters.refusals`.
WAYS = {
    "param and code": lambda name: refusal(
        param=name, code="unsupported_parameter", message=UNSUPPORTED.format(name)
    ),
    "value": lambda name: refusal(param=name, code="unsupported_value", message="Only the default is."),
    "param alone": lambda name: refusal(param=name),
    "code and words": lambda name: refusal(code="unsupported_parameter", message=UNSUPPORTED.format(name)),
    "words": lambda name: refusal(message=f"Unrecognized request argument supplied: {name}"),
    "422": lambda name: (
        {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}]},
        422,
    ),
}  # fmt: skip


def refusing(way, *names):
    def say(body):
        return next((WAYS[way](name) for name in names if name in body), said({"content": "hello"}))

    return say


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["temperature", "seed"])
def test_a_parameter_that_is_refused_is_left_out_and_the_question_asked_once_more(service, way, name):
    service.says(refusing(way, name))
    given = service.ask(tools=TOOLS)

    first, second = service.bodies
    assert (given.text, given.left_out) == ("hello", (name,))
    assert second == {key: value for key, value in first.items() if key != name}
    assert (second["messages"], second["tools"]) == (MESSAGES, TOOLS)


def test_what_an_earlier_answer_left_out_is_not_sent_again(service):
    service.says(refusing("words", "temperature", "max_completion_tokens"))
    left_out = frozenset(service.ask().left_out)
    service._server.requests.clear()
    given = service.ask(left_out=left_out)

    assert left_out == {"temperature", "max_completion_tokens"}
    assert (given.text, frozenset(given.left_out)) == ("hello", left_out)
    assert [(body["max_tokens"], body["seed"]) for body in service.bodies] == [(9, 1)]
    assert not left_out & service.bodies[0].keys()


def test_a_limit_is_sent_by_its_older_name_before_it_is_left_out(service):
    service.says(refusing("words", "max_completion_tokens"))
    assert service.ask().left_out == ("max_completion_tokens",)
    assert [body.get("max_tokens") for body in service.bodies] == [None, 9]

    service.says(refusing("words", "max_completion_tokens", "max_tokens"))
    given = service.ask()
    assert given.left_out == ("max_completion_tokens", "max_tokens")
    assert not {"max_completion_tokens", "max_tokens"} & service.bodies[-1].keys()
    assert service.ask(left_out=frozenset(given.left_out)).left_out == given.left_out


def test_a_model_that_takes_nothing_is_asked_the_bare_question(service):
    service.says(refusing("param and code", "temperature", "seed", "max_completion_tokens", "max_tokens"))
    given = service.ask()

    assert service.bodies[-1] == {"model": "d", "messages": MESSAGES}
    assert len(service.bodies) == 5
    assert given.text == "hello"


def test_a_refusal_of_what_was_left_out_already_ends_the_tries(service):
    service.says(lambda _: WAYS["words"]("temperature"))
    given = service.ask()

    assert (given.outcome, len(service.bodies), given.left_out) == ("failed", 2, ())


TRAINED = {
    "functions": [{"name": "f", "parameters": {}}],
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
}


@pytest.mark.parametrize(("tools", "sent"), [(TOOLS, set(TRAINED)), (None, {"functions", "response_format"})])
def test_a_question_is_asked_as_the_model_was_trained(service, tools, sent):
    """Services refuse `parallel_tool_calls` without tools."""
    service.says(lambda _: said({"content": "hello"}))
    service.ask(tools=tools, trained_with=TRAINED)

    assert {key: service.bodies[0][key] for key in TRAINED if key in service.bodies[0]} == {
        key: TRAINED[key] for key in sent
    }


@pytest.mark.parametrize("named", ["response_format", "response_format.json_schema", "parallel_tool_calls"])
def test_a_form_that_a_model_does_not_take_is_left_out(service, named):
    name = named.partition(".")[0]
    service.says(lambda body: refusal(param=named) if name in body else said({"content": "hello"}))
    given = service.ask(tools=TOOLS, trained_with=TRAINED)
    again = service.ask(tools=TOOLS, trained_with=TRAINED, left_out=frozenset(given.left_out))

    assert given.left_out == again.left_out == (name,)
    assert [name in body for body in service.bodies] == [True, False, False]
    assert service.bodies[-1]["functions"] == TRAINED["functions"]


@pytest.mark.parametrize("name", ["messages", "tools", "tool_choice", "model", "functions"])
@pytest.mark.parametrize("way", WAYS)
def test_what_makes_the_question_is_never_left_out(service, way, name):
    service.says(lambda _: WAYS[way](name))
    given = service.ask(tools=TOOLS, trained_with={"functions": TRAINED["functions"]})

    assert (given.outcome, len(service.bodies)) == ("failed", 1)


def test_words_about_a_parameter_that_is_taken_leave_nothing_out(service):
    """An error that quotes a prompt about temperature is not about the parameter."""
    service.says(lambda _: refusal(message="The prompt 'what is a low temperature' is too long."))

    assert (service.ask().outcome, len(service.bodies)) == ("failed", 1)


def test_a_throttled_retry_is_throttled(service):
    """What follows a parameter left out may still be an error of the deployment."""
    service.says(lambda body: WAYS["words"]("temperature") if "temperature" in body else refusal(429))

    with pytest.raises(Throttled):
        service.ask()
