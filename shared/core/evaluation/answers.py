"""What a model answered, as text that can be compared."""

from __future__ import annotations

from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one deployment to one held-out example.

    Attributes:
        index: of the example.
        text: the answer; None if there is none.
        finish_reason: as the service says it.
        prompt_tokens: billed tokens of the question.
        completion_tokens: billed tokens of the answer.
        latency_ms: from request to the whole answer.
        error: why the service refused this very example (content filter, too long); None if it answered.
    """

    index: int
    text: str | None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: int = 0
    error: str | None = None


def message_text(message: dict[str, Any]) -> str:
    """The text of an assistant message: its content, its tool calls in canonical form, or both.

    Tool calls become compact JSON of name and parsed arguments with sorted keys, so that call ids and the order of
    arguments do not count.  Arguments that are no JSON are kept as they are.
    """
    parts = [_content_text(message.get("content")), _calls_text(message)]
    return "\n".join(part for part in parts if part)


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return ""


def _calls_text(message: dict[str, Any]) -> str:
    calls = [call.get("function", {}) for call in message.get("tool_calls") or () if isinstance(call, dict)]
    if isinstance(message.get("function_call"), dict):  # the form before tools
        calls.append(message["function_call"])
    if not calls:
        return ""
    canonical = [{"name": call.get("name"), "arguments": _arguments(call.get("arguments"))} for call in calls]
    return msgspec.json.encode(canonical, order="sorted").decode()


def _arguments(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw
