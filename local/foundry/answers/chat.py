"""Chat completions: what a request asks, and the answer, whole or as a stream."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from local.foundry.answers.asking import (
    PIECES,
    Ask,
    Reply,
    check_messages,
    check_number,
    is_reasoning,
    read_choice,
    read_count,
    read_tools,
    refused,
)
from local.foundry.common import clock
from local.foundry.common.bodies import schema_of

_CHOICES_MAX: Final = 128
_STOPS_MAX: Final = 4
_SAMPLING: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


def read_chat(body: dict[str, Any], model: str) -> Ask:
    """What a request asks of a model.

    Raises:
        ServiceError: 400.
    """
    messages = check_messages(body.get("messages"))
    _check_sampling(body, model)
    tools = read_tools(body.get("tools"), is_nested=True)
    limits = [read_count(body, key) for key in ("max_completion_tokens", "max_tokens")]
    read_count(body, "n", most=_CHOICES_MAX)
    return Ask(
        messages=messages,
        tools=tools,
        choice=read_choice(body.get("tool_choice"), tools),
        schema=_schema(body.get("response_format")),
        limit=limits[0] or limits[1],
        stops=_stops(body.get("stop")),
    )


def _check_sampling(body: dict[str, Any], model: str) -> None:
    if not is_reasoning(model):
        check_number(body, "temperature", 0, 2)
        check_number(body, "top_p", 0, 1)
        return
    if body.get("max_tokens") is not None:
        message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        raise refused(message, "max_tokens", "unsupported_parameter")
    for key in _SAMPLING:
        if body.get(key) not in (None, 0 if "penalty" in key else 1):
            message = f"Unsupported value: '{key}' does not support {body[key]} with this model. Only the default is supported."
            raise refused(message, key, "unsupported_value")


def _schema(response_format: Any) -> dict[str, Any] | None:
    if response_format is None or (
        isinstance(response_format, dict) and response_format.get("type") == "text"
    ):
        return None
    schema = schema_of(response_format)
    if schema is None:
        raise refused("Invalid value for 'response_format'.", "response_format")
    return schema


def _stops(given: Any) -> tuple[str, ...]:
    stops = [given] if isinstance(given, str) else given or []
    if (
        not isinstance(stops, list)
        or len(stops) > _STOPS_MAX
        or not all(isinstance(stop, str) for stop in stops)
    ):
        raise refused(f"Invalid value for 'stop': expected at most {_STOPS_MAX} texts.", "stop")
    return tuple(stop for stop in stops if stop)


def completion(model: str, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    """The answer; all `n` choices are equal, since the model is deterministic."""
    count = body.get("n") or 1
    message = {"content": None, "refusal": None} | reply.message
    choice = {"message": message, "finish_reason": reply.reason, "logprobs": None}
    if reply.filtered is not None:
        choice["content_filter_results"] = reply.filtered
    return {
        **_head("chat.completion", model),
        "choices": [{"index": index} | choice for index in range(count)],
        "usage": _usage(reply, count),
    }


def _head(kind: str, model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(clock.now()),
        "model": model,
        "system_fingerprint": "fp_stand_in",
    }


def _usage(reply: Reply, count: int) -> dict[str, Any]:
    said = reply.said * count
    return {
        "prompt_tokens": reply.asked,
        "completion_tokens": said,
        "total_tokens": reply.asked + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reply.reasoning * count,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def stream(model: str, reply: Reply, body: dict[str, Any]) -> Iterator[str]:
    """The answer as server-sent events, one word at a time."""
    head, count = _head("chat.completion.chunk", model), body.get("n") or 1
    has_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    blank = {"usage": None} if has_usage else {}

    def event(index: int, delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": index, "delta": delta, "finish_reason": reason, "logprobs": None}
        return _event(head | {"choices": [choice]} | blank)

    for index in range(count):
        yield event(index, {"role": "assistant", "content": "", "refusal": None})
        for delta in _deltas(reply.message):
            yield event(index, delta)
        yield event(index, {}, reply.reason)
    if has_usage:
        yield _event(head | {"choices": [], "usage": _usage(reply, count)})
    yield "data: [DONE]\n\n"


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in PIECES.findall(message.get("refusal") or ""):
        yield {"refusal": word}
    for word in PIECES.findall(message.get("content") or ""):
        yield {"content": word}
    for number, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        begun = {
            "id": call.get("id"),
            "type": "function",
            "function": {"name": function["name"], "arguments": ""},
        }
        yield {"tool_calls": [{"index": number} | begun]}
        yield {"tool_calls": [{"index": number, "function": {"arguments": function["arguments"]}}]}


def _event(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
