"""Held-out rows as questions with a reference answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.core.dataset.format import FORMATS
from shared.core.dataset.nulls import without_nulls
from shared.core.evaluation.answers import message_calls, message_text
from shared.core.spec import MethodType

#: Keys of a row beside messages and tools that a model is trained with, and is asked with again.
_TRAINED_WITH: Final = ("functions", "parallel_tool_calls")


class EvaluationItem(msgspec.Struct, frozen=True, kw_only=True):
    """One held-out example.

    Attributes:
        index: its place among the held-out examples.
        messages: the prompt, as chat completions take it.
        tools: tool definitions that go with the prompt.
        trained_with: what else goes with it: `functions`, `parallel_tool_calls`.
        reference: the answer that the data gives; None for reinforcement rows.
        reference_calls: the calls of tools in it, as chat completions have them; None for reinforcement rows.
        fields: other fields of the row, for templates (`item.target`).
    """

    index: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    trained_with: dict[str, Any] = {}
    reference: str | None = None
    reference_calls: tuple[dict[str, Any], ...] | None = None
    fields: dict[str, Any] = {}


def item_from_row(row: dict[str, Any], method: str, index: int) -> EvaluationItem:
    """A validated row as an evaluation item.

    supervised: everything before the last assistant message is the prompt, that message is the reference.
    dpo: `input` is the prompt, the last assistant message of `preferred_output` the reference.
    reinforcement: the messages are the prompt, the other fields are for graders.

    Raises:
        ValueError: if no assistant message is there to be the reference; a validated row has one.
    """
    form = FORMATS[MethodType(method)]
    row = without_nulls(row, form)  # chat completions refuse some of them
    try:
        messages, answer = form.prompt_and_answer(row)
    except ValueError as error:
        msg = f"held-out example {index} has {error}, so there is nothing to compare answers with"
        raise ValueError(msg) from error
    holder = form.holder(row)
    return EvaluationItem(
        index=index,
        messages=[_without_weight(message) for message in messages],
        tools=holder.get("tools") or None,
        trained_with={key: holder[key] for key in _TRAINED_WITH if holder.get(key) not in (None, [])},
        reference=None if answer is None else message_text(answer),
        reference_calls=None if answer is None else message_calls(answer),
        fields=form.fields(row),
    )


def _without_weight(message: dict[str, Any]) -> dict[str, Any]:
    """`weight` says what training learns from; chat completions do not know the key."""
    return {key: value for key, value in message.items() if key != "weight"}
