"""Responses: what a request asks, translated to messages of chat completions, and the answer, whole or as a stream."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from local.foundry.answers.asking import (
    PIECES,
    Ask,
    Reply,
    are_objects,
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
from local.foundry.common.errors import ServiceError
from local.foundry.common.rows import content_text

_Event = tuple[str, dict[str, Any]]
_LEAST_TOKENS: Final = 16
_ECHOED: Final = ("instructions", "max_output_tokens", "metadata", "user", "previous_response_id")


def read_response(body: dict[str, Any], model: str) -> Ask:
    """What a request asks of a model.

    Raises:
        ServiceError: 400.
    """
    if body.get("previous_response_id"):
        message = f"Previous response with id '{body['previous_response_id']}' not found."
        raise ServiceError(400, "previous_response_not_found", message, "previous_response_id")
    _check_sampling(body, model)
    tools = read_tools(body.get("tools"), is_nested=False)
    return Ask(
        messages=_messages(body),
        tools=tools,
        choice=read_choice(body.get("tool_choice"), tools),
        schema=_schema(body),
        limit=read_count(body, "max_output_tokens", least=_LEAST_TOKENS),
    )


def _check_sampling(body: dict[str, Any], model: str) -> None:
    if not is_reasoning(model):
        check_number(body, "temperature", 0, 2)
        check_number(body, "top_p", 0, 1)
        return
    for key in ("temperature", "top_p"):
        if body.get(key) is not None:
            message = f"Unsupported parameter: '{key}' is not supported with this model."
            raise refused(message, key, "unsupported_parameter")


def _schema(body: dict[str, Any]) -> dict[str, Any] | None:
    text = body.get("text") or {}
    given = text.get("format") if isinstance(text, dict) else None
    if given is None or (isinstance(given, dict) and given.get("type") == "text"):
        return None
    schema = schema_of(given)
    if schema is None:
        raise refused("Invalid value for 'text.format'.", "text.format")
    return schema


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The instructions and the input, as messages of chat completions."""
    given = body.get("input")
    if isinstance(given, str) and given:
        found = [{"role": "user", "content": given}]
    elif isinstance(given, list) and given and are_objects(given):
        found = [_message(item, number) for number, item in enumerate(given)]
    else:
        raise refused("Missing required parameter: 'input'.", "input")
    instructions = body.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise refused("Invalid type for 'instructions': expected a string.", "instructions")
    return check_messages([*([{"role": "system", "content": instructions}] if instructions else []), *found])


def _message(item: dict[str, Any], number: int) -> dict[str, Any]:
    match item.get("type", "message"):
        case "message":
            if not isinstance(item.get("role"), str):
                raise refused(f"Missing required parameter: 'input[{number}].role'.", f"input[{number}].role")
            return {"role": item["role"], "content": content_text(item.get("content"))}
        case "function_call":
            function = {"name": str(item.get("name")), "arguments": str(item.get("arguments"))}
            call = {"id": item.get("call_id"), "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case "function_call_output":
            return {
                "role": "tool",
                "tool_call_id": item.get("call_id"),
                "content": content_text(item.get("output")),
            }
        case kind:
            raise refused(f"Invalid value for 'input[{number}].type': {kind!r}.", f"input[{number}].type")


def response(deployment: str, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    """The answer."""
    is_cut = reply.reason == "length"
    now = clock.now()
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(now),
        "completed_at": None if is_cut else int(now),
        "status": "incomplete" if is_cut else "completed",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "model": deployment,
        "output": _output(reply, "incomplete" if is_cut else "completed"),
        "parallel_tool_calls": bool(body.get("parallel_tool_calls", True)),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": bool(body.get("store", True)),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}} | (body.get("text") or {}),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation") or "disabled",
        "usage": {
            "input_tokens": reply.asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": reply.said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reply.asked + reply.said,
        },
        **{key: body.get(key) for key in _ECHOED},
    }


def _output(reply: Reply, status: str) -> list[dict[str, Any]]:
    calls = reply.message.get("tool_calls") or ()
    text = reply.message.get("content")
    said = [] if text is None else [_said(text, status)]
    return said + [
        {
            "id": f"fc_{uuid.uuid4().hex}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.get("id") or f"call_{uuid.uuid4().hex[:24]}",
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }
        for call in calls
    ]


def _said(text: str, status: str) -> dict[str, Any]:
    content = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [content],
    }


# The answer as a stream


def response_stream(response: dict[str, Any]) -> Iterator[str]:
    """The answer as server-sent events in the order of OpenAI's specification, one word at a time.

    They are numbered, and each is named by its type.
    """
    for number, (kind, event) in enumerate(_events(response)):
        data = json.dumps({"type": kind, "sequence_number": number} | event, ensure_ascii=False)
        yield f"event: {kind}\ndata: {data}\n\n"


def _events(response: dict[str, Any]) -> Iterator[_Event]:
    begun = response | {"status": "in_progress", "output": [], "completed_at": None, "usage": None}
    begun["incomplete_details"] = None
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(response["output"]):
        where = {"item_id": item["id"], "output_index": index}
        yield from (
            _streamed_call(item, where) if item["type"] == "function_call" else _streamed_message(item, where)
        )
    yield f"response.{response['status']}", {"response": response}


def _streamed_message(item: dict[str, Any], where: dict[str, Any]) -> Iterator[_Event]:
    index, (part,) = {"output_index": where["output_index"]}, item["content"]
    at = where | {"content_index": 0}
    yield "response.output_item.added", index | {"item": item | {"status": "in_progress", "content": []}}
    yield "response.content_part.added", at | {"part": part | {"text": ""}}
    for word in PIECES.findall(part["text"]):
        yield "response.output_text.delta", at | {"delta": word, "logprobs": []}
    yield "response.output_text.done", at | {"text": part["text"], "logprobs": []}
    yield "response.content_part.done", at | {"part": part}
    yield "response.output_item.done", index | {"item": item}


def _streamed_call(item: dict[str, Any], where: dict[str, Any]) -> Iterator[_Event]:
    index, arguments = {"output_index": where["output_index"]}, item["arguments"]
    yield "response.output_item.added", index | {"item": item | {"status": "in_progress", "arguments": ""}}
    yield "response.function_call_arguments.delta", where | {"delta": arguments}
    yield "response.function_call_arguments.done", where | {"arguments": arguments, "name": item["name"]}
    yield "response.output_item.done", index | {"item": item}
