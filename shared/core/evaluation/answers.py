"""What a model answered, as text that can be compared."""

from __future__ import annotations

from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one deployment to one held-out example.

    Attributes:
        index: of the example.
        text: the answer; None if there is none.
        finish_reason: as the service reports it.
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

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing to grade: the service refused the example, or the message had no text."""
        return self.error is not None or self.text is None


def message_text(message: dict[str, Any]) -> str:
    """The text of an assistant message: its content, its tool calls in canonical form, or both.

    Tool calls become compact JSON of name and parsed arguments with sorted keys, so that call ids and the order of
    arguments do not count.  Arguments that are not JSON are kept as they are.

    Models write whatever they like, so nothing here raises for any message that JSON can carry; a lone surrogate,
    which no UTF-8 file can hold, becomes U+FFFD.
    """
    parts = [_content_text(message.get("content")), _calls_text(message)]
    return _encodable("\n".join(part for part in parts if part))


def parsed_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is not JSON, or nested deeper than the parser goes.
    """
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error}"
        raise ValueError(msg) from None


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return ""


def _calls_text(message: dict[str, Any]) -> str:
    listed = message.get("tool_calls")
    calls = (
        [call.get("function") for call in listed if isinstance(call, dict)]
        if isinstance(listed, list)
        else []
    )
    calls.append(message.get("function_call"))  # the form before tools
    canonical = [
        {"name": _plain(call.get("name")), "arguments": _arguments(call.get("arguments"))}
        for call in calls
        if isinstance(call, dict)
    ]
    return msgspec.json.encode(canonical, order="sorted").decode() if canonical else ""


def _arguments(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return parsed_json(raw)
    except ValueError:
        return _encodable(raw)


def _plain(name: Any) -> Any:
    return _encodable(name) if isinstance(name, str) else name


def _encodable(text: str) -> str:
    """The text without lone surrogates; pairs of them become the character that they stand for."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
