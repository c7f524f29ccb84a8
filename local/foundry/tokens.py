"""Exact o200k token counts."""

from __future__ import annotations

import json
from typing import Any

from toktok import batch_count


def count(texts: list[str]) -> list[int]:
    """Tokens of each text; a lone surrogate, which is no text, counts as a question mark."""
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    return [int(number) for number in batch_count(clean, "o200k_base")] if clean else []


def of_conversations(conversations: list[list[dict[str, Any]]]) -> int:
    """Tokens of conversations: 3 a message, 3 to begin each answer, and what is in them."""
    texts = [text for messages in conversations for message in messages for text in _texts(message)]
    return sum(count(texts)) + sum(3 * len(messages) + 3 for messages in conversations)


def of_answer(message: dict[str, Any]) -> int:
    """Tokens of what an assistant says and calls."""
    return sum(count(_texts(message)))


def of_messages(messages: list[dict[str, Any]]) -> int:
    """Tokens of one conversation."""
    return of_conversations([messages])


def _texts(message: dict[str, Any]) -> list[str]:
    content = message.get("content")
    text = json.dumps(content) if isinstance(content, list) else str(content or "")
    calls = message.get("tool_calls")
    return [text, json.dumps(calls)] if calls else [text]
