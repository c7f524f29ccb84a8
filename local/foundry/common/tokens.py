"""Exact o200k token counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from local.foundry.common import vocabulary

_CONVERSATIONS_AT_ONCE: Final = 100


def count(texts: list[str]) -> list[int]:
    """Tokens of each text; a lone surrogate, which is no text, counts as a question mark."""
    return [vocabulary.count(text.encode("utf-8", "replace").decode()) for text in texts]


def of_conversations(conversations: Iterable[list[dict[str, Any]]]) -> int:
    """Tokens of conversations: 3 a message, 3 to begin each answer, and what is in them; some at a time."""
    total, rest = 0, iter(conversations)
    while some := list(islice(rest, _CONVERSATIONS_AT_ONCE)):
        texts = [text for messages in some for message in messages for text in _texts(message)]
        total += sum(count(texts)) + sum(3 * len(messages) + 3 for messages in some)
    return total


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
