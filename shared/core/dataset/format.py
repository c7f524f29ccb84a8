"""The format of rows: where messages, tools, answers and fields lie for each training method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.core.spec import MethodType

type Row = dict[str, Any]
type Message = dict[str, Any]
type Holder = dict[str, Any]
"""What has `messages` and, beside them, `tools`: a row, or the input of a preference row."""

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
#: Roles that instruct the model.  A tuple, since what stands for a role may be anything, even a list.
INSTRUCTING: Final = ("system", "developer")
#: How other systems call the roles.
ROLE_WORDS: Final = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "chatgpt": "assistant",
    "chatbot": "assistant",
}

_MESSAGE_KEYS: Final = frozenset({"role", "content", "name"})
KEYS_OF_ROLE: Final = {
    "system": _MESSAGE_KEYS,
    "developer": _MESSAGE_KEYS,
    "user": _MESSAGE_KEYS,
    "assistant": _MESSAGE_KEYS | {"weight", "tool_calls", "function_call", "refusal"},
    "tool": _MESSAGE_KEYS | {"tool_call_id"},
    "function": _MESSAGE_KEYS,
}
#: Lists of definitions beside the messages: today's form and OpenAI's first one.
DEFINITION_KEYS: Final = ("tools", "functions")
#: Keys of a row of messages; in a reinforcement row, what stands beside them is data for graders.
CHAT_KEYS: Final = frozenset({"messages", *DEFINITION_KEYS, "parallel_tool_calls"})
TOOL_KEYS: Final = frozenset({"type", "function"})
FUNCTION_KEYS: Final = frozenset({"name", "description", "parameters", "strict"})

PREFERRED: Final = "preferred_output"
OUTPUTS: Final = (PREFERRED, "non_preferred_output")
PREFERENCE_KEYS: Final = frozenset({"input", *OUTPUTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """How the rows of a method look.

    Attributes:
        keys: what belongs to the format of a row; everything else is a field.
        holder_key: where messages and tools lie; empty if they lie in the row itself.
        outputs: keys of the answers that are lists of messages of their own.
        has_answer: whether the data says what to answer; else a grader judges what the model answers.
        has_fields: whether rows have fields, for graders.
    """

    keys: frozenset[str]
    holder_key: str = ""
    outputs: tuple[str, ...] = ()
    has_answer: bool = True
    has_fields: bool = False

    def holder(self, row: Row) -> Any:
        """What has messages and tools, of whatever type it is; None if it is missing."""
        return row.get(self.holder_key) if self.holder_key else row

    @property
    def talk_path(self) -> str:
        """JSON path of the messages."""
        return f"{self.holder_key}.messages" if self.holder_key else "messages"

    def talks(self, row: Row) -> Iterator[tuple[str, list[Any]]]:
        """Every list of messages, with its JSON path: what is asked, and the outputs."""
        holder = self.holder(row)
        if isinstance(holder, dict) and isinstance(holder.get("messages"), list):
            yield self.talk_path, holder["messages"]
        for key in self.outputs:
            if isinstance(row.get(key), list):
                yield key, row[key]

    def fields(self, row: Row) -> dict[str, Any]:
        """What stands in a row beside its format."""
        return {key: value for key, value in row.items() if key not in self.keys}

    def prompt_and_answer(self, row: Row) -> tuple[list[Message], Message | None]:
        """What is asked, and the last message of the assistant, of a row without errors.

        The answer is None if the data gives none.

        Raises:
            ValueError: if it should give one, but no assistant speaks.
        """
        messages: list[Message] = self.holder(row)["messages"]
        if not self.has_answer:
            return messages, None
        answers = row[self.outputs[0]] if self.outputs else messages
        places = [at for at, message in enumerate(answers) if message.get("role") == "assistant"]
        if not places:
            msg = "no assistant message"
            raise ValueError(msg)
        return (messages if self.outputs else messages[: places[-1]]), answers[places[-1]]


FORMATS: Final = {
    MethodType.SUPERVISED: RowFormat(keys=CHAT_KEYS),
    MethodType.DPO: RowFormat(keys=PREFERENCE_KEYS, holder_key="input", outputs=OUTPUTS),
    MethodType.REINFORCEMENT: RowFormat(keys=CHAT_KEYS, has_answer=False, has_fields=True),
}


def functions_of(holder: Holder) -> Iterator[tuple[str, dict[str, Any]]]:
    """The function definitions that are objects, each with its path below the holder."""
    for key in DEFINITION_KEYS:
        tools = holder.get(key)
        if not isinstance(tools, list):
            continue
        for index, tool in enumerate(tools):
            if key == "functions" and isinstance(tool, dict):
                yield f"functions[{index}]", tool
            elif isinstance(tool, dict) and isinstance(tool.get("function"), dict):
                yield f"tools[{index}].function", tool["function"]


def calls_of(message: Message) -> Iterator[tuple[str, dict[str, Any]]]:
    """The functions that a message calls, each with its path below the message."""
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            yield f"tool_calls[{index}].function", call["function"]
    if isinstance(message.get("function_call"), dict):
        yield "function_call", message["function_call"]


def texts_of(message: Message) -> Iterator[tuple[str, str]]:
    """The texts of a message's content, each with its path below the message."""
    content = message.get("content")
    if isinstance(content, str):
        yield "content", content
    elif isinstance(content, list):
        for index, part in enumerate(content):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield f"content[{index}].text", part["text"]
            elif (
                isinstance(part, dict)
                and part.get("type") == "refusal"
                and isinstance(part.get("refusal"), str)
            ):
                yield f"content[{index}].refusal", part["refusal"]


def method_of(row: Row) -> MethodType | None:
    """The method that a row was made for; None if that cannot be known."""
    if any(key in row for key in OUTPUTS):
        return MethodType.DPO
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return None
    role = messages[-1].get("role")
    if role == "user" and row.keys() - CHAT_KEYS:
        return MethodType.REINFORCEMENT
    return MethodType.SUPERVISED if role == "assistant" else None
