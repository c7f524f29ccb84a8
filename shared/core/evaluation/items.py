"""Held-out rows as questions with a reference answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.core.evaluation.answers import message_text


class EvaluationItem(msgspec.Struct, frozen=True, kw_only=True):
    """One held-out example.

    Attributes:
        index: its place among the held-out examples.
        messages: the prompt, as chat completions take it.
        tools: tool definitions that go with the prompt.
        reference: the answer that the data gives; None for reinforcement rows.
        fields: other fields of the row, for templates (`item.target`).
    """

    index: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    reference: str | None = None
    fields: dict[str, Any] = {}


#: What belongs to the format of a row; everything else is a field.  A reinforcement row may well call a field `input`.
_FORMAT_KEYS: Final = frozenset({"messages", "tools", "parallel_tool_calls"})
_PREFERENCE_KEYS: Final = frozenset({"input", "preferred_output", "non_preferred_output"})


def item_from_row(row: dict[str, Any], method: str, index: int) -> EvaluationItem:
    """A validated row as an evaluation item.

    supervised: everything before the last assistant message is the prompt, that message is the reference.
    dpo: `input` is the prompt, the last assistant message of `preferred_output` the reference.
    reinforcement: the messages are the prompt, the other fields are for graders.

    Raises:
        ValueError: if no assistant message is there to be the reference; a validated row has one.
    """
    if method == "dpo":
        prompt, answers = row["input"], row["preferred_output"]
        fields = {key: value for key, value in row.items() if key not in _PREFERENCE_KEYS}
        reference: str | None = message_text(answers[_last_answer(answers, index)])
        messages = prompt["messages"]
    else:
        prompt, messages = row, row["messages"]
        fields = {key: value for key, value in row.items() if key not in _FORMAT_KEYS}
        reference = None
        if method != "reinforcement":
            last = _last_answer(messages, index)
            messages, reference = messages[:last], message_text(messages[last])
    return EvaluationItem(
        index=index,
        messages=[_without_weight(message) for message in messages],
        tools=prompt.get("tools"),
        reference=reference,
        fields=fields,
    )


def _last_answer(messages: list[dict[str, Any]], index: int) -> int:
    places = [at for at, message in enumerate(messages) if message.get("role") == "assistant"]
    if not places:
        msg = (
            f"held-out example {index} has no assistant message, so there is nothing to compare answers with"
        )
        raise ValueError(msg)
    return places[-1]


def _without_weight(message: dict[str, Any]) -> dict[str, Any]:
    """`weight` says what training learns from; chat completions do not know the key."""
    return {key: value for key, value in message.items() if key != "weight"}
