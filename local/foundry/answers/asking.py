"""What both ways to ask a model share: reading the request, and the reply, cut to length and counted."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from local.foundry.answers.answering import Models
from local.foundry.common import tokens
from local.foundry.common.errors import ServiceError
from local.foundry.common.rows import prompt_text
from local.foundry.learning.skills import Candidate, lead, shaped

#: Documented limits of Azure's inference API.
_TOOLS_MAX: Final = 128
_MESSAGES_MAX: Final = 2048
#: Finds the pieces in which a text is streamed: words with the space around them.
PIECES: Final = re.compile(r"\s*\S+\s*$|\s*\S+")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks of a model.

    Attributes:
        messages: the conversation, in the shape of chat completions.
        tools: functions that may be called: name, description, parameters.
        choice: `none`, `auto`, `required`, or the name of the function that must be called.
        schema: the schema of the JSON that the answer must be, if any.
        limit: the most tokens that the answer may have.
        stops: the answer ends before the first of these texts.
    """

    messages: list[dict[str, Any]]
    tools: tuple[dict[str, Any], ...] = ()
    choice: str = "auto"
    schema: dict[str, Any] | None = None
    limit: int | None = None
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a model.

    Attributes:
        message: an assistant message in the shape of chat completions.
        reason: `stop`, `length`, `tool_calls` or `content_filter`.
        asked: number of tokens of the conversation.
        said: number of tokens of the message, and of the reasoning before it.
        reasoning: how many of them are reasoning.
        filtered: what a content filter found in the message, if it took it.
    """

    message: dict[str, Any]
    reason: str
    asked: int
    said: int
    reasoning: int = 0
    filtered: dict[str, Any] | None = None


def refused(message: str, param: str, code: str = "invalid_request_error") -> ServiceError:
    """An error 400 about one parameter."""
    return ServiceError(400, code, message, param)


def check_messages(messages: object) -> list[dict[str, Any]]:
    """The messages of a request.

    Raises:
        ServiceError: 400, if they are not a list of objects, or if a tool call is not an object.
    """
    if not isinstance(messages, list) or not messages or not are_objects(messages):
        raise refused("'messages' is a required property", "messages")
    if len(messages) > _MESSAGES_MAX:
        raise refused(f"Invalid 'messages': at most {_MESSAGES_MAX} are taken.", "messages")
    for number, message in enumerate(messages):
        calls = message.get("tool_calls") or []
        if not are_objects(calls) or not are_objects([call.get("function") for call in calls]):
            param = f"messages.[{number}].tool_calls"
            raise refused(f"Invalid value for '{param}'.", param)
    return list(messages)


def are_objects(found: object) -> bool:
    """Whether something is a list of objects."""
    return isinstance(found, list) and all(isinstance(item, dict) for item in found)


def read_tools(given: object, *, is_nested: bool) -> tuple[dict[str, Any], ...]:
    """The functions that a request offers; in chat completions they are nested in `function`.

    Raises:
        ServiceError: 400.
    """
    if given is None:
        return ()
    if not isinstance(given, list) or not are_objects(given) or len(given) > _TOOLS_MAX:
        raise refused(f"Invalid 'tools': expected a list of at most {_TOOLS_MAX} objects.", "tools")
    found = []
    for number, tool in enumerate(given):
        function = tool.get("function") if is_nested else tool
        if tool.get("type") != "function" or not isinstance(function, dict) or not function.get("name"):
            param = f"tools[{number}]"
            raise refused(f"Invalid value for '{param}': expected a function with a name.", param)
        found.append({key: function.get(key) for key in ("name", "description", "parameters")})
    return tuple(found)


def read_choice(given: object, tools: tuple[dict[str, Any], ...]) -> str:
    """`none`, `auto`, `required`, or the name of the function that must be called.

    Raises:
        ServiceError: 400.
    """
    choice: object = given or "auto"
    if isinstance(choice, dict):
        function = choice.get("function")
        choice = function.get("name") if isinstance(function, dict) else choice.get("name")
    allowed = {"none", "auto", "required", *(tool["name"] for tool in tools)}
    if not isinstance(choice, str) or choice not in allowed:
        raise refused(f"Invalid value for 'tool_choice': {given!r}.", "tool_choice")
    if choice not in {"auto", "none"} and not tools:
        raise refused(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
            "tool_choice",
        )
    return choice


def read_count(body: dict[str, Any], key: str, *, least: int = 1, most: int | None = None) -> int | None:
    """A whole number of a request.

    Raises:
        ServiceError: 400.
    """
    found = body.get(key)
    if found is None:
        return None
    if type(found) is not int or found < least or (most is not None and found > most):
        bound = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise refused(f"Invalid value for '{key}': expected a whole number {bound}.", key)
    return found


def check_number(body: dict[str, Any], key: str, low: float, high: float) -> None:
    """Refuse a parameter that is not a number within its bounds.

    Raises:
        ServiceError: 400.
    """
    found = body.get(key)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if found is not None and not (is_number and low <= found <= high):
        raise refused(f"Invalid value for '{key}': expected a number from {low:g} to {high:g}.", key)


def is_reasoning(model: str) -> bool:
    """Whether a model, or the one that it was tuned from, reasons: such models take no sampling parameters."""
    return model.startswith(("o1", "o3", "o4", "gpt-5"))


def reply(models: Models, model: str, ask: Ask) -> Reply:
    """The reply of a model; always the same one for the same question."""
    can_call = bool(ask.tools) and ask.choice != "none"
    message = models.answer(model, ask.messages, can_call=can_call, schema=ask.schema)
    if can_call and ask.choice != "auto" and not message.get("tool_calls"):
        message = _call(ask)
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    if reason == "stop":
        text = _stopped(str(message["content"]), ask.stops)
        if ask.limit is not None and tokens.count(text) > ask.limit:
            text, reason = _cut(text, ask.limit), "length"
        message = message | {"content": text}
    return Reply(message, reason, tokens.of_messages(ask.messages), tokens.of_answer(message))


def _call(ask: Ask) -> dict[str, Any]:
    """A call of the function that must be called, its arguments filled from the question as far as possible."""
    tool = next((tool for tool in ask.tools if tool["name"] == ask.choice), ask.tools[0])
    said = Candidate("repeat", lead(prompt_text(ask.messages)))
    arguments = shaped(said, tool["parameters"]) if isinstance(tool["parameters"], dict) else json.dumps({})
    function = {"name": tool["name"], "arguments": arguments}
    call = {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _stopped(text: str, stops: tuple[str, ...]) -> str:
    return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]


def _cut(text: str, limit: int) -> str:
    """The longest beginning of a text that ends with a whole word and has at most so many tokens."""
    words = text.split(" ")
    lengths = [tokens.count(" ".join(words[:number])) for number in range(len(words))]
    return " ".join(words[: max(number for number, length in enumerate(lengths) if length <= limit)])
