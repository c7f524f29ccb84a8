"""A response as server-sent events, in the order of OpenAI's specification."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_WORD: Final = re.compile(r"\s*\S+\s*$|\s*\S+")
_Event = tuple[str, dict[str, Any]]


def response_stream(response: dict[str, Any]) -> Iterator[str]:
    """The events of a whole response, a word at a time; numbered, each named by its type."""
    for number, (kind, event) in enumerate(_events(response)):
        told = json.dumps({"type": kind, "sequence_number": number} | event, ensure_ascii=False)
        yield f"event: {kind}\ndata: {told}\n\n"


def _events(response: dict[str, Any]) -> Iterator[_Event]:
    begun = response | {"status": "in_progress", "output": [], "completed_at": None, "usage": None}
    begun["incomplete_details"] = None
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(response["output"]):
        where = {"item_id": item["id"], "output_index": index}
        yield from _call(item, where) if item["type"] == "function_call" else _message(item, where)
    yield f"response.{response['status']}", {"response": response}


def _message(item: dict[str, Any], where: dict[str, Any]) -> Iterator[_Event]:
    index, (part,) = {"output_index": where["output_index"]}, item["content"]
    at = where | {"content_index": 0}
    yield "response.output_item.added", index | {"item": item | {"status": "in_progress", "content": []}}
    yield "response.content_part.added", at | {"part": part | {"text": ""}}
    for word in _WORD.findall(part["text"]):
        yield "response.output_text.delta", at | {"delta": word, "logprobs": []}
    yield "response.output_text.done", at | {"text": part["text"], "logprobs": []}
    yield "response.content_part.done", at | {"part": part}
    yield "response.output_item.done", index | {"item": item}


def _call(item: dict[str, Any], where: dict[str, Any]) -> Iterator[_Event]:
    index, arguments = {"output_index": where["output_index"]}, item["arguments"]
    yield "response.output_item.added", index | {"item": item | {"status": "in_progress", "arguments": ""}}
    yield "response.function_call_arguments.delta", where | {"delta": arguments}
    yield "response.function_call_arguments.done", where | {"arguments": arguments, "name": item["name"]}
    yield "response.output_item.done", index | {"item": item}
