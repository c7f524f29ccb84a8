"""Chat completions: an assistant message in the shape of the API."""

from __future__ import annotations

import time
import uuid
from typing import Any

from local.foundry import tokens
from local.foundry.errors import ServiceError


def asked_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request.

    Raises:
        ServiceError: 400, if they are no list of objects, or tool calls in them are none.
    """
    messages = body.get("messages")
    if not messages or not _are_objects(messages):
        raise ServiceError(400, "invalid_request_error", "'messages' is a required property", "messages")
    for number, message in enumerate(messages):
        calls = message.get("tool_calls") or []
        if not _are_objects(calls) or not _are_objects([call.get("function") for call in calls]):
            param = f"messages.[{number}].tool_calls"
            raise ServiceError(400, "invalid_request_error", f"Invalid value for '{param}'.", param)
    return list(messages)


def _are_objects(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(item, dict) for item in found)


def check_limit(body: dict[str, Any]) -> None:
    """Refuse a length of the answer that is no number of tokens.

    Raises:
        ServiceError: 400.
    """
    for key in ("max_completion_tokens", "max_tokens"):
        limit = body.get(key)
        if limit is not None and not (type(limit) is int and limit >= 1):
            message = f"Invalid value for '{key}': expected a whole number of at least 1."
            raise ServiceError(400, "invalid_request_error", message, key)


def completion(
    model: str, messages: list[dict[str, Any]], message: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any]:
    """An answer of the chat completions API with exact counts; cut off at the asked length."""
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if isinstance(limit, int) and reason == "stop" and tokens.of_answer(message) > limit:
        message, reason = message | {"content": _cut(str(message["content"]), limit)}, "length"
    asked, said = tokens.of_messages(messages), tokens.of_answer(message)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"content": None, "refusal": None} | message,
                "finish_reason": reason,
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def _cut(text: str, limit: int) -> str:
    """The longest beginning, at a word's end, of at most so many tokens."""
    words = text.split(" ")
    lengths = tokens.count([" ".join(words[:number]) for number in range(len(words))])
    return " ".join(words[: max(number for number, length in enumerate(lengths) if length <= limit)])
