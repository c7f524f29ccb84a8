"""Rules about messages: each function takes one message, or a list of them, and the JSON path where it stands."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.dataset.format import (
    CHAT_KEYS,
    DEFINITION_KEYS,
    FUNCTION_KEYS,
    INSTRUCTING,
    KEYS_OF_ROLE,
    PREFERENCE_KEYS,
    ROLE_WORDS,
    ROLES,
    TOOL_KEYS,
    Holder,
    Message,
    Row,
    texts_of,
)
from shared.core.dataset.rulebook import Content, Problem, Scope, Severity, Shape, rule
from shared.core.dataset.rules.lines import json_kind
from shared.core.spec import MethodType

#: Foundry's limit on messages of one request (quotas and limits, 2026-02-17).
MESSAGES_MAX: Final = 2048
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: Roles whose messages are results of tools.
RESULTS: Final = ("tool", "function")
AS_TEXT: Final = "Write it as a text: json.dumps(content)."
#: What exports write where there was no text.
NULL_WORDS: Final = frozenset({"null", "None", "undefined"})
#: Keys that have a rule of their own where they do not belong.
PLACED_KEYS: Final = frozenset({"weight", "tool_calls", "function_call", "parallel_tool_calls"})
_PLACED_IN_ROW: Final = frozenset({"parallel_tool_calls"})


def has_parts(shape: Shape) -> bool:
    """Whether the content is a list of parts."""
    return shape.content is Content.PARTS


def has_calls(shape: Shape) -> bool:
    """Whether the message has a key for calls."""
    return "tool_calls" in shape.keys or "function_call" in shape.keys


def _may_lack_text(shape: Shape) -> bool:
    return shape.content in {Content.MISSING, Content.NULL, Content.EMPTY, Content.OTHER}


def _may_be_blank(shape: Shape) -> bool:
    return shape.content in {Content.BLANK, Content.PARTS}


def _may_have_name(shape: Shape) -> bool:
    return "name" in shape.keys or shape.role == "function"


def _has_weight(shape: Shape) -> bool:
    return "weight" in shape.keys


def _has_unknown_key(shape: Shape) -> bool:
    return not KEYS_OF_ROLE[shape.role].issuperset(shape.keys)


#: So many unknown keys of one place are compared with known ones when it is repaired, and so many different ones of a file.
_GUESSED_MAX: Final = 20
_COMPARED_MAX: Final = 10_000


def found(value: Any) -> str:
    """What was found, for the end of a sentence."""
    return f"found {json_kind(value)}"


def shown(value: Any) -> str:
    """A value as it stands in JSON, clipped: a text keeps its quotation marks."""
    return json.dumps(value, ensure_ascii=False)[:20]


#: A word is compared by its beginning.
_WORD_CHARS: Final = 40


def nearest(word: str, known: Any) -> str | None:
    """The known word that a word resembles most; None if it resembles none."""
    return _nearest(word[:_WORD_CHARS], tuple(sorted(known)))


@functools.lru_cache(maxsize=1024)
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    near = difflib.get_close_matches(word, known, n=1)
    return near[0] if near else None


class Guesses:
    """Which unknown keys of a file may be misspelt known ones.

    Attributes:
        last_line: whose keys are compared with known ones, after which very many different ones were; None if there is none yet.
    """

    def __init__(self, last_line: int | None = None) -> None:
        self.last_line = last_line
        self._line = 0
        self._compared: set[str] = set()

    def begin(self, line: int) -> None:
        """Lines come in their order."""
        self._line = line

    @property
    def are_over(self) -> bool:
        """Whether no key of this line is compared, so that each may be misspelt."""
        return self.last_line is not None and self._line > self.last_line

    def may_be_misspelt(self, key: str, known: frozenset[str]) -> bool:
        """Whether a key resembles a known one; beyond the last line each one may."""
        if self.last_line is None:
            self._compared.add(key[:_WORD_CHARS])
            if len(self._compared) >= _COMPARED_MAX:
                self.last_line = self._line
        elif self.are_over:
            return True
        return nearest(key, known) is not None

    def strangers(self, place: Row, known: frozenset[str], placed: frozenset[str]) -> list[str]:
        """Of the first 20 keys of a place that are neither known nor placed elsewhere, those that resemble no known one."""
        if known.issuperset(place):
            return []
        unknown = [key for key in place if key not in known and key not in placed]
        return [key for key in sorted(unknown)[:_GUESSED_MAX] if not self.may_be_misspelt(key, known)]


def is_data(content: Any) -> bool:
    """Whether the result of a tool is a list that nobody meant as parts: there are some, and none has a type."""
    if not isinstance(content, list) or not content:
        return False
    return not any(isinstance(part, dict) and "type" in part for part in content)


def may_lack_content(message: Message) -> bool:
    """Whether an assistant message needs no content: it calls tools or refuses."""
    return message.get("role") == "assistant" and any(
        message.get(key) for key in ("tool_calls", "function_call", "refusal")
    )


@rule(
    "DS030",
    Severity.ERROR,
    'Write "messages": [{"role": ..., "content": ...}, ...].',
    is_hard=True,
    on=Scope.FIRST,
)
def missing_messages(messages: Any, at: str, beside: Iterable[str] = ()) -> Iterator[Problem]:
    """A row has a list of messages.

    It must be there, be a list and not be empty.

    Bad:
        {"messages": []}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else "nothing" if messages is None else json_kind(messages)
        remedy = misspelt("messages", beside) if messages is None else decode_once(messages)
        yield Problem(at, f"expected a list of messages, found {what}", None, remedy)


def decode_once(value: Any) -> str | None:
    """What to do where a list or an object stands in a text, as CSV files and tables have it; None if none does."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return None
    try:
        msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return "It is JSON in a text: write the JSON itself, as `json.loads` reads it."


def misspelt(wanted: str, keys: Iterable[str]) -> str | None:
    """What to do where a key is missing and one that resembles it is there; None if none does."""
    near = next((key for key in sorted(keys) if nearest(key, (wanted,))), None)
    return f"Rename {near[:60]!r} to {wanted}." if near else None


@rule("DS047", Severity.ERROR, "Split the conversation.", is_hard=True, on=Scope.FIRST)
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


@rule(
    "DS031",
    Severity.WARNING,
    "Remove it, or correct its spelling; Foundry may refuse or ignore it.",
    on=Scope.MESSAGE,
    speaks=_has_unknown_key,
)
def unknown_key(message: Message, at: str) -> Iterator[Problem]:
    """Keys are known.

    A misspelt key is silently without effect, and some services refuse rows with further keys: OpenAI's was seen to refuse a file
    because its rows had a `weight`.  In preference rows tools belong into `input`; repairs move them there, and out of messages.  Where a key has null, that counts as if the key
    were not there; repairs leave it out.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tols": []}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    for problem in _unknown_keys(message, KEYS_OF_ROLE[message["role"]], at, PLACED_KEYS):
        if problem.excerpt in DEFINITION_KEYS:
            key = problem.excerpt
            remedy = f"Move {key} out of the message, beside messages{_REPAIRED}"
            yield Problem(at, f"{key} stand in a message", key, remedy)
        else:
            yield problem


_UNSPOKEN: Final = (
    "Remove it: no published format of training rows has reasoning, and only what is in content is learned."
)
#: What to do about keys that other systems have.
_WAYS_OUT: Final = dict.fromkeys(
    ("reasoning", "reasoning_content", "thinking", "thoughts"), _UNSPOKEN
) | dict.fromkeys(
    ("system", "system_prompt"), 'Make it the first message: {"role": "system", "content": ...}.'
)
#: Keys that say something that a model would have to be told: no repair leaves them out.
SPEAKING_KEYS: Final = frozenset({"system", "system_prompt"})


class _Unknown(NamedTuple):
    """What is said of an unknown key; the known one that may be meant is looked for when somebody reads it."""

    key: str
    known: frozenset[str]

    def __str__(self) -> str:
        near = nearest(self.key, self.known)
        return f"key {self.key!r} is not known" + (f"; did you mean {near}?" if near else "")


def _unknown_keys(
    place: dict[str, Any], known: frozenset[str], at: str | None, placed: frozenset[str] = _PLACED_IN_ROW
) -> Iterator[Problem]:
    for key in sorted([key for key in place if key not in known and key not in placed]):
        yield Problem(at, _Unknown(key[:60], known), key, _WAYS_OUT.get(key))


def _in_row_without(key: str, row: Row, known: frozenset[str]) -> Iterator[Problem]:
    """Unknown keys of a row; none where what a row is about is missing (DS030, DS060): then it is another kind of row."""
    return _unknown_keys(row, known, None) if key in row else iter(())


@unknown_key.also(Scope.ROW, methods=[MethodType.SUPERVISED])
def _in_row(row: Row) -> Iterator[Problem]:
    return _in_row_without("messages", row, CHAT_KEYS)


@unknown_key.also(Scope.ROW, methods=[MethodType.DPO])
def _in_preference_row(row: Row) -> Iterator[Problem]:
    holder = row.get("input")
    for problem in _in_row_without("input", row, PREFERENCE_KEYS):
        if isinstance(holder, dict) and problem.excerpt in DEFINITION_KEYS:
            key = problem.excerpt
            if row[key] == [] and key not in holder:
                continue  # DS099 says it
            is_other = holder.get(key) not in (None, row[key])
            remedy = (
                f"Keep one of the two: input has {key} too, and they differ."
                if is_other
                else f"Move {key} into input{_REPAIRED}"
            )
            yield Problem(None, f"{key} stand beside input", key, remedy)
        else:
            yield problem


_REPAIRED: Final = "; `on_issue: {DS031: repair}` does it."


@unknown_key.also(Scope.HOLDER, methods=[MethodType.DPO])
def _in_input(holder: Holder, at: str) -> Iterator[Problem]:
    return _unknown_keys(holder, CHAT_KEYS, at)


@unknown_key.also(Scope.TOOL)
def _in_tool(tool: dict[str, Any], at: str) -> Iterator[Problem]:
    return _unknown_keys(tool, TOOL_KEYS, at)


@unknown_key.also(Scope.FUNCTION)
def _in_function(function: dict[str, Any], at: str) -> Iterator[Problem]:
    if "name" in function:
        yield from _unknown_keys(function, FUNCTION_KEYS, at)


@rule("DS032", Severity.ERROR, 'Write {"role": ..., "content": ...}.', is_hard=True, on=Scope.FIRST)
def invalid_message(message: Any, at: str) -> Iterator[Problem]:
    """A message is an object.

    Bad:
        {"messages": ["Hi", {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if not isinstance(message, dict):
        yield Problem(at, f"expected an object, {found(message)}")


@rule(
    "DS033",
    Severity.ERROR,
    "Use system, developer, user, assistant or tool, in lower case.",
    is_hard=True,
    on=Scope.FIRST,
)
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


@rule(
    "DS034",
    Severity.ERROR,
    "Give the message text, or remove the message.",
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=_may_lack_text,
)
def invalid_content(message: Message, at: str) -> Iterator[Problem]:
    """Content is text or a list of parts.

    Only an assistant message that calls tools or refuses may go without; repairs leave an empty list out there.

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
    remedy = None
    if content == [] and may_lack_content(message):
        remedy = "Leave content out; `on_issue: {DS034: repair}` does it."
    elif message["role"] in RESULTS and isinstance(content, dict | int | float):
        remedy = AS_TEXT
    yield Problem(f"{at}.content", f"expected text or a list of parts, found {what}", None, remedy)


@rule(
    "DS035",
    Severity.ERROR,
    "Give it text, or remove the message.",
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=_may_be_blank,
)
def empty_content(message: Message, at: str) -> Iterator[Problem]:
    """User and assistant messages are not empty.

    An empty or blank message teaches the model to answer nothing; the service refuses some of them.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if message["role"] in {"user", "assistant"} and (path := _blank(message)):
        yield Problem(f"{at}.{path}", "expected non-empty text, found white space or nothing", "")


@rule(
    "DS036", Severity.WARNING, "Give it text, or remove the message.", on=Scope.MESSAGE, speaks=_may_be_blank
)
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


@rule(
    "DS037",
    Severity.ERROR,
    'Use {"type": "text", "text": ...} or an image_url part.',
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=has_parts,
)
def invalid_part(message: Message, at: str) -> Iterator[Problem]:
    """A content part is text or an image.

    A part of an assistant may also be a refusal, `{"type": "refusal", "refusal": "..."}`, as OpenAI's schema of messages has it.

    Bad:
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": "Hello"}]}
    """
    content = message.get("content")
    if message["role"] in RESULTS and is_data(content):
        yield Problem(f"{at}.content", "expected text, found a list of data", None, AS_TEXT)
        return
    for index, part in enumerate(content if isinstance(content, list) else ()):
        where = f"{at}.content[{index}]"
        if not isinstance(part, dict):
            yield Problem(where, f"expected an object, {found(part)}")
        elif part.get("type") == "text" or (part.get("type") == "refusal" and message["role"] == "assistant"):
            key = part["type"]
            if not isinstance(part.get(key), str):
                yield Problem(f"{where}.{key}", f"expected a string, {found(part.get(key))}")
        elif part.get("type") != "image_url":
            kind = part.get("type")
            what = f"type {str(kind)[:40]!r}" if kind is not None else "no type"
            yield Problem(where, f"expected a text or image_url part, found {what}")


@rule(
    "DS040",
    Severity.ERROR,
    "Correct or remove the name.",
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=_may_have_name,
)
def invalid_name(message: Message, at: str) -> Iterator[Problem]:
    """Names are 1 to 64 letters, digits, underscores, hyphens.

    Of speakers and of functions alike.

    Bad:
        {"messages": [{"role": "user", "name": "Ada Lovelace", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "name": "Ada_Lovelace", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if "name" in message or message["role"] == "function":
        yield from _invalid_name(message, at)


def _invalid_name(named: dict[str, Any], at: str) -> Iterator[Problem]:
    name = named.get("name")
    if not isinstance(name, str):
        what = "nothing" if "name" not in named else json_kind(name)
        yield Problem(f"{at}.name", f"expected a name, found {what}")
    elif not NAME.fullmatch(name):
        yield Problem(f"{at}.name", "not a valid name", name)


@invalid_name.also(Scope.FUNCTION)
def _of_function(function: dict[str, Any], at: str) -> Iterator[Problem]:
    return _invalid_name(function, at)


@invalid_name.also(Scope.CALL)
def _of_call(function: dict[str, Any], at: str, _schemas: Mapping[str, Any]) -> Iterator[Problem]:
    return _invalid_name(function, at)


@rule(
    "DS041", Severity.ERROR, "Write 0 or 1, or remove it.", is_hard=True, on=Scope.MESSAGE, speaks=_has_weight
)
def invalid_weight(message: Message, at: str) -> Iterator[Problem]:
    """A weight is 0 or 1, and only assistant messages have one.

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
        yield Problem(f"{at}.weight", f"expected 0 or 1, found {shown(weight)}")


@rule(
    "DS042",
    Severity.ERROR,
    "Remove the row, or the weight from the answer to learn.",
    is_hard=True,
    on=Scope.PROMPT,
    speaks=_has_weight,
    methods=[MethodType.SUPERVISED],
)
def nothing_to_learn(messages: list[Message], at: str) -> Iterator[Problem]:
    """At least one assistant message has weight 1.

    Where every assistant message has weight 0, nothing of the example is learned.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "weight": 0}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    weights = [message.get("weight", 1) for message in messages if message.get("role") == "assistant"]
    if weights and all(weight.__class__ is int and weight == 0 for weight in weights):
        yield Problem(at, "every assistant message has weight 0", "")


@rule(
    "DS043",
    Severity.ERROR,
    "End the row with the answer that the model should give.",
    is_hard=True,
    on=Scope.ROLES,
    methods=[MethodType.SUPERVISED],
)
def last_not_assistant(roles: Sequence[str], at: str) -> Iterator[Problem]:
    """The last message is the assistant's.

    In supervised rows it is the answer to learn.

    Bad:
        {"messages": [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if roles[-1] != "assistant":
        yield Problem(f"{at}[{len(roles) - 1}].role", f"the last message has role {roles[-1][:40]!r}")


@rule(
    "DS044",
    Severity.ERROR,
    "End the row with the question; the model answers while it is trained.",
    is_hard=True,
    on=Scope.ROLES,
    methods=[MethodType.REINFORCEMENT],
)
def last_not_user(roles: Sequence[str], at: str) -> Iterator[Problem]:
    """The last message is the user's.

    In reinforcement rows the model itself answers; an answer in the row belongs in a field of its own, for the grader.

    Bad (method=reinforcement):
        {"messages": [{"role": "user", "content": "1 + 1?"}], "answer": "2"}
        {"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}], "answer": "4"}
    Good (method=reinforcement):
        {"messages": [{"role": "user", "content": "2 + 2?"}], "answer": "4"}
    """
    if roles[-1] != "user":
        yield Problem(f"{at}[{len(roles) - 1}].role", f"the last message has role {roles[-1][:40]!r}")


@rule(
    "DS045",
    Severity.WARNING,
    "Add the question that the answer answers.",
    on=Scope.ROLES,
    methods=[MethodType.SUPERVISED, MethodType.DPO],
)
def no_user(roles: Sequence[str], at: str) -> Iterator[Problem]:
    """A row has a message of the user.

    Without a question the model learns to answer unasked.  Reinforcement rows end with one, or break DS044.

    Bad:
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    if "user" not in roles:
        yield Problem(at, "no message from a user", "")


@rule("DS046", Severity.WARNING, "Merge them into the first.", on=Scope.ROLES)
def many_system_messages(roles: Sequence[str], at: str) -> Iterator[Problem]:
    """There is one system message.

    System and developer messages count together; several contradict each other sooner or later.

    Bad:
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "system", "content": "Be brief and kind."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    systems = sum(role in INSTRUCTING for role in roles)
    if systems > 1:
        yield Problem(at, f"{systems} system or developer messages", "")


@rule(
    "DS049",
    Severity.NOTE,
    "Move it to the front, unless the model should learn from a later instruction.",
    on=Scope.ROLES,
)
def late_system_message(roles: Sequence[str], at: str) -> Iterator[Problem]:
    """The system message comes first.

    Most applications send it first; what is trained should look like what is asked later.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    late = next((i for i, role in enumerate(roles) if role in INSTRUCTING), 0)
    if late:
        yield Problem(f"{at}[{late}].role", f"the first {roles[late]} message is message {late + 1}")
