"""Exact o200k token counts."""

from __future__ import annotations

import json
from typing import Any

from toktok import batch_count


def count(texts: list[str]) -> list[int]:
    """Tokens of each text."""
    return [int(number) for number in batch_count(texts, "o200k_base")] if texts else []


def of_messages(messages: list[dict[str, Any]]) -> int:
    """Tokens of a conversation: 3 a message, 3 to begin the answer."""
    texts = [
        json.dumps(m.get("content")) if isinstance(m.get("content"), list) else str(m.get("content") or "")
        for m in messages
    ]
    calls = [json.dumps(m["tool_calls"]) for m in messages if m.get("tool_calls")]
    return sum(count(texts + calls)) + 3 * len(messages) + 3
