"""Held-out rows as questions with a reference answer."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.core.evaluation.answers import message_text


class EvaluationItem(msgspec.Struct, frozen=True, kw_only=True):
    """One held-out example.

    Attributes:
        index: its place among the held-out examples.
        messages: the prompt.
        tools: tool definitions that go with the prompt.
        reference: the answer that the data gives; None for reinforcement rows.
        fields: other fields of the row, for templates (`item.target`).
    """

    index: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    reference: str | None = None
    fields: dict[str, Any] = {}


_PROMPT_KEYS = frozenset(
    {"messages", "tools", "parallel_tool_calls", "input", "preferred_output", "non_preferred_output"}
)


def item_from_row(row: dict[str, Any], method: str, index: int) -> EvaluationItem:
    """A validated row as an evaluation item.

    supervised: everything before the last assistant message is the prompt, that message is the reference.  dpo: `input` is the
    prompt, `preferred_output` the reference.  reinforcement: the messages are the prompt, the other fields are for graders.
    """
    fields = {key: value for key, value in row.items() if key not in _PROMPT_KEYS}
    if method == "dpo":
        prompt, preferred = row["input"], row["preferred_output"]
        reference = message_text(next(m for m in reversed(preferred) if m.get("role") == "assistant"))
        return EvaluationItem(
            index=index,
            messages=prompt["messages"],
            tools=prompt.get("tools"),
            reference=reference,
            fields=fields,
        )
    messages = row["messages"]
    if method == "reinforcement":
        return EvaluationItem(index=index, messages=messages, tools=row.get("tools"), fields=fields)
    last = max(number for number, message in enumerate(messages) if message.get("role") == "assistant")
    return EvaluationItem(
        index=index,
        messages=messages[:last],
        tools=row.get("tools"),
        reference=message_text(messages[last]),
        fields=fields,
    )
