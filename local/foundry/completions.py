"""Chat completions: an assistant message in the shape of the API."""

from __future__ import annotations

import time
import uuid
from typing import Any

from local.foundry import tokens


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
