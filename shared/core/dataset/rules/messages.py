"""Rules about messages: each function takes one message, or a list of them, and the JSON path where it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, Final

from shared.core.dataset.rulebook import Problem, Severity, rule
from shared.core.dataset.rules.lines import json_kind

type Message = dict[str, Any]

#: Foundry's limit on messages of one request (quotas and limits, 2026-02-17).
MESSAGES_MAX: Final = 2048
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
ROLE_WORDS: Final = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "chatgpt": "assistant",
}
#: What exports write where there was no text.
NULL_WORDS: Final = frozenset({"null", "None", "undefined"})
_KEYS: Final = frozenset({"role", "content", "name"})
KEYS_OF_ROLE: Final = {
    "system": _KEYS,
    "developer": _KEYS,
    "user": _KEYS,
    "assistant": _KEYS | {"weight", "tool_calls", "function_call", "refusal"},
    "tool": _KEYS | {"tool_call_id"},
    "function": _KEYS,
}
#: Keys that have a rule of their own where they do not belong.
_PLACED: Final = frozenset({"weight", "tool_calls", "function_call", "parallel_tool_calls"})
_PLACED_IN_ROW: Final = frozenset({"parallel_tool_calls"})
#: Tuples, since what stands for a role may be anything, even a list.
INSTRUCTING: Final = ("system", "developer")


def found(value: Any) -> str:
    """What was found, for the end of a sentence."""
    return f"found {json_kind(value)}"


def nearest(word: str, known: Any) -> str | None:
    """The known word that a word resembles most; None if it resembles none."""
    near = difflib.get_close_matches(word[:40], known, n=1)
    return near[0] if near else None


def may_lack_content(message: Message) -> bool:
    """Whether an assistant message says what it says by other means than content."""
    return message.get("role") == "assistant" and any(
        message.get(key) for key in ("tool_calls", "function_call", "refusal")
    )


def texts_of(message: Message) -> Iterator[tuple[str, str]]:
    """The texts of a message's content, each with its path below the message."""
    content = message.get("content")
    if isinstance(content, str):
        yield "content", content
    elif isinstance(content, list):
        for index, part in enumerate(content):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield f"content[{index}].text", part["text"]


@rule("DS030", Severity.ERROR, 'Write "messages": [{"role": ..., "content": ...}, ...].', is_hard=True)
def missing_messages(messages: Any, at: str) -> Iterator[Problem]:
    """A row has a list of messages.

    It must be there, be a list and not be empty.

    Bad:
        {"messages": []}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else "nothing" if messages is None else json_kind(messages)
        yield Problem(at, f"expected a list of messages, found {what}")


@rule("DS047", Severity.ERROR, "Split the conversation.", is_hard=True)
def too_many_messages(messages: list[Any], at: str) -> Iterator[Problem]:
    """An example has at most 2,048 messages.

    The service takes no more in one request (quotas and limits, 2026-02-17).

    Bad (messages=2049):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good (messages=2048):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if len(messages) > MESSAGES_MAX:
        yield Problem(at, f"{len(messages):,} messages, at most {MESSAGES_MAX:,}", "")


@rule("DS031", Severity.WARNING, "Remove it; Foundry may refuse or ignore it.")
def unknown_key(holder: dict[str, Any], known: frozenset[str], at: str | None) -> Iterator[Problem]:
    """Keys are known.

    A misspelt key is silently without effect, and some services refuse rows with further keys.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tols": []}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    placed = _PLACED if "role" in known else _PLACED_IN_ROW
    for key in sorted(holder.keys() - known - placed):
        near = nearest(key, known)
        guess = f"; did you mean {near}?" if near else ""
        yield Problem(at, f"key {key[:60]!r} is not known{guess}", key)


@rule("DS032", Severity.ERROR, 'Write {"role": ..., "content": ...}.', is_hard=True)
def invalid_message(message: Any, at: str) -> Iterator[Problem]:
    """A message is an object.

    Bad:
        {"messages": ["Hi", {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not isinstance(message, dict):
        yield Problem(at, f"expected an object, {found(message)}")


@rule("DS033", Severity.ERROR, "Use system, developer, user, assistant or tool, in lower case.", is_hard=True)
def invalid_role(message: Message, at: str) -> Iterator[Problem]:
    """A role is known.

    Bad:
        {"messages": [{"role": "human", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    role = message.get("role")
    if isinstance(role, str) and role in KEYS_OF_ROLE:
        return
    if "role" not in message:
        remedy = "This looks like ShareGPT: rename from/value to role/content." if "from" in message else None
        yield Problem(f"{at}.role", "role is missing", None, remedy)
    elif not isinstance(role, str):
        yield Problem(f"{at}.role", f"expected a string, {found(role)}")
    else:
        lower = role.strip().lower()
        near = ROLE_WORDS.get(lower) or nearest(lower, ROLES)
        yield Problem(f"{at}.role", "unknown role" + (f"; did you mean {near}?" if near else ""), role)


@rule("DS034", Severity.ERROR, "Give the message text, or remove the message.", is_hard=True)
def invalid_content(message: Message, at: str) -> Iterator[Problem]:
    """Content is text or a list of parts.

    Only an assistant message that calls tools or refuses may go without.

    Bad:
        {"messages": [{"role": "user", "content": 42}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "42"}, {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}]}
    """
    content = message.get("content")
    if isinstance(content, str) or (isinstance(content, list) and content):
        return
    if content is None and may_lack_content(message):
        return
    what = "nothing" if "content" not in message else "an empty list" if content == [] else json_kind(content)
    yield Problem(f"{at}.content", f"expected text or a list of parts, found {what}")


@rule("DS035", Severity.ERROR, "Give it text, or remove the message.", is_hard=True)
def empty_content(message: Message, at: str) -> Iterator[Problem]:
    """Users and assistants say something.

    An empty or blank message teaches the model to say nothing; the service refuses some of them.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if message["role"] in {"user", "assistant"} and (path := _blank(message)):
        yield Problem(f"{at}.{path}", "expected non-empty text, found white space or nothing", "")


@rule("DS036", Severity.WARNING, "Give it text, or remove the message.")
def empty_other(message: Message, at: str) -> Iterator[Problem]:
    """System and tool messages are not empty.

    Bad:
        {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if message["role"] not in {"user", "assistant"} and (path := _blank(message)):
        yield Problem(f"{at}.{path}", "expected non-empty text, found white space or nothing", "")


def _blank(message: Message) -> str | None:
    """Path of the content that is blank as a whole; None if it is not."""
    if may_lack_content(message):
        return None
    content = message.get("content")
    if isinstance(content, str):
        return None if content.strip() else "content"
    texts = list(texts_of(message))
    if (
        isinstance(content, list)
        and len(texts) == len(content)
        and not any(text.strip() for _, text in texts)
    ):
        return texts[0][0] if texts else None
    return None


@rule("DS037", Severity.ERROR, 'Use {"type": "text", "text": ...} or an image_url part.', is_hard=True)
def invalid_part(message: Message, at: str) -> Iterator[Problem]:
    """A content part is text or an image.

    Bad:
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": "Hello"}]}
    """
    content = message.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        where = f"{at}.content[{index}]"
        if not isinstance(part, dict):
            yield Problem(where, f"expected an object, {found(part)}")
        elif part.get("type") == "text":
            if not isinstance(part.get("text"), str):
                yield Problem(f"{where}.text", f"expected a string, {found(part.get('text'))}")
        elif part.get("type") != "image_url":
            kind = part.get("type")
            what = f"type {str(kind)[:40]!r}" if kind is not None else "no type"
            yield Problem(where, f"expected a text or image_url part, found {what}")


@rule("DS040", Severity.ERROR, "Correct or remove the name.", is_hard=True)
def invalid_name(holder: dict[str, Any], at: str, *, is_needed: bool = False) -> Iterator[Problem]:
    """Names are 1 to 64 letters, digits, underscores, hyphens.

    Of speakers and of functions alike.

    Bad:
        {"messages": [{"role": "user", "name": "Ada Lovelace", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "name": "Ada_Lovelace", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    name = holder.get("name")
    if "name" not in holder and not is_needed:
        return
    if not isinstance(name, str):
        what = "nothing" if "name" not in holder else json_kind(name)
        yield Problem(f"{at}.name", f"expected a name, found {what}")
    elif not NAME.fullmatch(name):
        yield Problem(f"{at}.name", "not a valid name", name)


@rule("DS041", Severity.ERROR, "Write 0 or 1, or remove it.", is_hard=True)
def invalid_weight(message: Message, at: str) -> Iterator[Problem]:
    """A weight is 0 or 1, on assistants.

    0 leaves an assistant message out of what is learned, 1 keeps it in.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "weight": 0.5}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "weight": 1}]}
    """
    if "weight" not in message:
        return
    weight = message["weight"]
    if message["role"] != "assistant":
        yield Problem(f"{at}.weight", f"a weight on a message of role {message['role']}", None, "Remove it.")
    elif isinstance(weight, bool) or not isinstance(weight, int) or weight not in {0, 1}:
        yield Problem(f"{at}.weight", f"expected 0 or 1, found {str(weight)[:20]}")


@rule("DS042", Severity.ERROR, "Remove the row, or the weight from the answer to learn.", is_hard=True)
def nothing_to_learn(messages: list[Message], at: str) -> Iterator[Problem]:
    """An assistant message has weight 1.

    Where every assistant message has weight 0, nothing of the example is learned.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "weight": 0}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    weights = [message.get("weight", 1) for message in messages if message.get("role") == "assistant"]
    if weights and all(isinstance(weight, int) and weight == 0 for weight in weights):
        yield Problem(at, "every assistant message has weight 0", "")


@rule("DS043", Severity.ERROR, "End the row with the answer that the model shall give.", is_hard=True)
def last_not_assistant(messages: list[Message], at: str) -> Iterator[Problem]:
    """The last message is the assistant's.

    In supervised rows it is the answer to learn.

    Bad:
        {"messages": [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    role = messages[-1].get("role")
    if role != "assistant":
        yield Problem(f"{at}[{len(messages) - 1}].role", f"the last message has role {str(role)[:40]!r}")


@rule(
    "DS044",
    Severity.ERROR,
    "End the row with the question; the model answers while it is trained.",
    is_hard=True,
)
def last_not_user(messages: list[Message], at: str) -> Iterator[Problem]:
    """The last message is the user's.

    In reinforcement rows the model itself answers; an answer in the row belongs into a field of its own, for the grader.

    Bad (method=reinforcement):
        {"messages": [{"role": "user", "content": "1 + 1?"}], "answer": "2"}
        {"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}], "answer": "4"}
    Good (method=reinforcement):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
    """
    role = messages[-1].get("role")
    if role != "user":
        yield Problem(f"{at}[{len(messages) - 1}].role", f"the last message has role {str(role)[:40]!r}")


@rule("DS045", Severity.WARNING, "Add the question that the answer answers.")
def no_user(messages: list[Message], at: str) -> Iterator[Problem]:
    """A user speaks.

    Without a question the model learns to talk unasked.

    Bad:
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not any(message.get("role") == "user" for message in messages):
        yield Problem(at, "no message from a user", "")


@rule("DS046", Severity.WARNING, "Merge them into the first.")
def many_system_messages(messages: list[Message], at: str) -> Iterator[Problem]:
    """There is one system message.

    System and developer messages count together; several contradict each other sooner or later.

    Bad:
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "system", "content": "Be brief and kind."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    systems = sum(1 for message in messages if message.get("role") in INSTRUCTING)
    if systems > 1:
        yield Problem(at, f"{systems} system or developer messages", "")


@rule(
    "DS049",
    Severity.NOTE,
    "Move it to the front, unless a later instruction is what the model shall learn from.",
)
def late_system_message(messages: list[Message], at: str) -> Iterator[Problem]:
    """The system message comes first.

    Most applications send it first; what is trained should look like what is asked later.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    roles = [message.get("role") for message in messages]
    late = next((i for i, role in enumerate(roles) if role in INSTRUCTING), 0)
    if late:
        yield Problem(f"{at}[{late}].role", f"the first {roles[late]} message is message {late + 1}")
