"""What a chat completion says, whatever a service, or the model itself, put into it.

Of what is read here anything may be absent, null or of another type.  What is made of it can always be stored and read again;
what cannot be read is the outcome of its question, as a refusal is.
"""

from __future__ import annotations

from typing import Any, Final

from shared.core.evaluation.answers import UNREADABLE, Answer, encodable, message_calls, message_text

#: With these reasons to finish there may be no message at all.
_ENDED_EARLY: Final = frozenset({"content_filter", "length"})
_TOKENS_MAX: Final = 2**53


def answer_of(
    completion: dict[str, Any], *, index: int, latency_ms: int, left_out: frozenset[str] = frozenset()
) -> Answer:
    """The answer of a completion.

    Args:
        completion: the JSON object that the service sent.
        index: of the example.
        latency_ms: from the request that was answered to the whole answer.
        left_out: parameters that were not sent.
    """
    choices, usage = completion.get("choices"), completion.get("usage")
    choice = choices[0] if isinstance(choices, list) and choices else None
    choice = choice if isinstance(choice, dict) else {}
    reason = _text(choice.get("finish_reason"))
    message = choice.get("message")
    if message is None and reason in _ENDED_EARLY:
        message = {}
    text, calls, problem = _said(message)
    refusal = _text(message.get("refusal")) if isinstance(message, dict) else None
    return Answer(
        index=index,
        text=text,
        finish_reason=reason,
        prompt_tokens=_tokens(usage, "prompt_tokens"),
        completion_tokens=_tokens(usage, "completion_tokens"),
        latency_ms=latency_ms,
        error=f"{UNREADABLE}: {problem}" if problem else None,
        refusal=refusal if refusal and refusal.strip() else None,
        error_code=UNREADABLE if problem else None,
        left_out=tuple(sorted(left_out)),
        tool_calls=calls,
        cached_tokens=_part(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=_part(usage, "completion_tokens_details", "reasoning_tokens"),
    )


def _said(message: object) -> tuple[str | None, tuple[dict[str, Any], ...], str | None]:
    """Text and calls of a message, or why it cannot be read."""
    if not isinstance(message, dict):
        return None, (), "the completion has no message"
    try:
        return message_text(message) or None, message_calls(message), None
    except (RecursionError, ValueError):
        return None, (), "the message is nested too deep"


def _text(value: object) -> str | None:
    return encodable(value) if isinstance(value, str) else None


def _tokens(usage: object, name: str) -> int:
    """A number of tokens; 0 if nobody counted them."""
    return _count(usage, name) or 0


def _part(usage: object, details: str, name: str) -> int | None:
    """A number of tokens that is part of another one; None if nobody counted them."""
    return _count(usage.get(details), name) if isinstance(usage, dict) else None


def _count(found: object, name: str) -> int | None:
    count = found.get(name) if isinstance(found, dict) else None
    return count if type(count) is int and 0 <= count < _TOKENS_MAX else None
