"""Recognises rows that ask and answer under other names, and messages or rows that stand elsewhere in a row."""

from __future__ import annotations

from typing import Any, Final

from shared.core.dataset.rulebook import Problem
from shared.core.dataset.rules.messages import nearest
from shared.core.spec import MethodType

#: What people call the question and the answer, in the order in which they are looked for.
_QUESTIONS: Final = ("instruction", "question", "query", "prompt", "input", "user", "human")
_QUESTIONS_MORE: Final = ("source", "article", "document", "problem", "task")
_REPLIES: Final = (
    "answer",
    "answers",
    "response",
    "completion",
    "output",
    "assistant",
    "bot",
    "gpt",
    "chosen",
)
_REPLIES_MORE: Final = (
    "ground_truth",
    "expected_answer",
    "expected_output",
    "expected",
    "reference",
    "ideal",
)
_REPLIES_LAST: Final = ("target", "solution", "summary", "label")
#: Rows with one of these beside nothing else that is known hold texts without a question and an answer.
_TEXTS: Final = ("text", "query", "question", "prompt", "instruction", "input")
#: How keys of tables begin that evaluations and traces write, with a dot after it.
_PREFIXES: Final = ("inputs", "outputs", "gen_ai")

#: What is for the grader where the model answers by itself.
ANSWERS: Final = frozenset({*_REPLIES, *_REPLIES_MORE, *_REPLIES_LAST, "item"})
FOR_GRADERS: Final = (
    " Reinforcement fine-tuning takes the question alone as messages and keeps the answer as a field"
    " for the grader."
)
_FOR_PREFERENCE: Final = (
    " Preference fine-tuning takes the question as input.messages, and two answers as preferred_output and"
    " non_preferred_output."
)


def pair(named: dict[str, str], method: MethodType) -> Problem | None:
    """Rows of a question and its answer, or of texts alone, by whatever names.

    Args:
        named: the keys of the row by themselves in lower case.
        method: of the pipeline.
    """
    if any(key.partition(".")[0] in _PREFIXES and "." in key for key in named):
        remedy = "Write what was asked as the user's message and the answer as the assistant's, without the other columns."
        return Problem(None, "this is a table of an evaluation or of traces", None, remedy)
    question = next((named[key] for key in (*_QUESTIONS, *_QUESTIONS_MORE) if key in named), None)
    reply = next((named[key] for key in (*_REPLIES, *_REPLIES_MORE, *_REPLIES_LAST) if key in named), None)
    if question is not None and reply is not None:
        system = next((named[key] for key in ("system", "system_prompt") if key in named), None)
        first = f"{system} the system's message, " if system else ""
        remedy = f"Make {first}{question} the user's message and {reply} the assistant's."
        extra = {MethodType.REINFORCEMENT: FOR_GRADERS, MethodType.DPO: _FOR_PREFERENCE}.get(method, "")
        return Problem(None, f"this is {question} and {reply} pairs", None, remedy + extra)
    text = next((named[key] for key in _TEXTS if key in named), None)
    if text is None:
        return None
    if text.lower() == "text":
        remedy = "Say who speaks: make the question the user's message and the answer the assistant's."
        return Problem(None, "this is texts without roles, as for further pretraining", None, remedy)
    if method is MethodType.REINFORCEMENT:
        remedy = f"Make {text} the user's message, and leave what graders read as fields of the row."
        return Problem(None, f"the rows have {text} in place of messages", None, remedy)
    remedy = f"Make {text} the user's message and add the assistant's answer."
    extra = _FOR_PREFERENCE if method is MethodType.DPO else ""
    return Problem(None, f"this is texts without an answer: {text} alone", None, remedy + extra)


#: How lists of messages have who speaks, and what.
_SPEECHES: Final = (("role", "content"), ("from", "value"), ("speaker", "text"), ("sender", "text"))


def wrapped(row: dict[str, Any]) -> Problem | None:
    """Rows that stand in a key of the row, and messages that stand under another name."""
    for key, value in row.items():
        shown = repr(key[:60])
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            remedy = f"Write what is in {shown} itself, with messages at the top of the row."
            return Problem(key[:60], f"the row stands in its key {shown}", None, remedy)
        if not isinstance(value, list) or not value or not isinstance(value[0], dict):
            continue
        if nearest(key, ("messages",)):
            continue  # misspelt, perhaps in this row alone: DS030 says it
        if "messages" in value[0]:
            remedy = f"Write a line for each: `jq -c '.[\"{key[:60]}\"][]' FILE > OUT.jsonl`."
            return Problem(key[:60], f"the rows stand in a list, in the key {shown}", None, remedy)
        for who, what in _SPEECHES:
            if is_talk(value, (who, what)):
                renamed = f", {who} to role and {what} to content" if who != "role" else ""
                message = f"the messages are called {shown}"
                return Problem(key[:60], message, None, f"Rename {shown} to messages{renamed}.")
    return None


def is_talk(value: Any, keys: tuple[str, str]) -> bool:
    """Whether a value is a list of messages, in which these keys say who speaks, and what."""
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], dict)
        and value[0].keys() >= set(keys)
    )
