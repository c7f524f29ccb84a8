"""Rules about tool definitions, calls and results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from shared.core.dataset.rulebook import Problem, Severity, rule
from shared.core.dataset.rules.messages import NAME, NULL_WORDS, Message, found

#: Foundry's limit on tools of one request (quotas and limits, 2026-02-17).
TOOLS_MAX: Final = 128

TOOL_KEYS: Final = frozenset({"type", "function"})
FUNCTION_KEYS: Final = frozenset({"name", "description", "parameters", "strict"})

type Holder = dict[str, Any]
"""A row, or the input of a preference row: what has `tools` beside its messages."""


def functions_of(holder: Holder) -> Iterator[tuple[str, dict[str, Any]]]:
    """The function definitions that are objects, each with its path below the holder."""
    for key in ("tools", "functions"):
        tools = holder.get(key)
        for index, tool in enumerate(tools if isinstance(tools, list) else ()):
            if key == "functions" and isinstance(tool, dict):
                yield f"functions[{index}]", tool
            elif isinstance(tool, dict) and isinstance(tool.get("function"), dict):
                yield f"tools[{index}].function", tool["function"]


def schemas_of(holder: Holder) -> dict[str, Any]:
    """The parameters' schema of each defined function by its name."""
    return {
        function["name"]: function.get("parameters")
        for _, function in functions_of(holder)
        if isinstance(function.get("name"), str)
    }


@rule(
    "DS050",
    Severity.ERROR,
    'Write {"type": "function", "function": {"name": ..., "parameters": {...}}}.',
    is_hard=True,
)
def invalid_tools(holder: Holder, at: str) -> Iterator[Problem]:
    """Tools are function definitions.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"name": "price"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    for key in ("tools", "functions"):
        tools = holder.get(key)
        if tools is None:
            continue
        if not isinstance(tools, list) or not tools:
            yield Problem(f"{at}{key}", f"expected a list that is not empty, {found(tools)}")
            continue
        for index, tool in enumerate(tools):
            if key == "tools" and not is_function(tool):
                yield Problem(f"{at}tools[{index}]", 'expected {"type": "function", "function": {...}}')
            elif not isinstance(tool, dict):
                yield Problem(f"{at}functions[{index}]", f"expected an object, {found(tool)}")
    for path, function in functions_of(holder):
        for field, kind in (("description", str), ("parameters", dict), ("strict", bool)):
            value = function.get(field)
            if value is not None and not isinstance(value, kind):
                yield Problem(f"{at}{path}.{field}", f"unexpected type, {found(value)}")


def is_function(tool: Any) -> bool:
    """Whether a tool has the form of a function definition."""
    return (
        isinstance(tool, dict) and tool.get("type") == "function" and isinstance(tool.get("function"), dict)
    )


@rule("DS051", Severity.ERROR, "Offer fewer tools.", is_hard=True)
def too_many_tools(holder: Holder, at: str) -> Iterator[Problem]:
    """At most 128 tools are defined.

    Bad (tools=129):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good (tools=128):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    for key in ("tools", "functions"):
        tools = holder.get(key)
        if isinstance(tools, list) and len(tools) > TOOLS_MAX:
            yield Problem(f"{at}{key}", f"{len(tools)} tools, at most {TOOLS_MAX}", "")


@rule("DS052", Severity.ERROR, "Remove one of the definitions.", is_hard=True)
def duplicate_tool(holder: Holder, at: str) -> Iterator[Problem]:
    """Each tool is defined once.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}, {"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    seen: set[str] = set()
    for path, function in functions_of(holder):
        name = function.get("name")
        if isinstance(name, str) and name in seen:
            yield Problem(f"{at}{path}.name", f"{name[:64]} is defined twice", name)
        elif isinstance(name, str):
            seen.add(name)


@rule(
    "DS074",
    Severity.ERROR,
    "Correct the schema; types are object, array, string, number, integer, boolean, null.",
)
def invalid_schema(holder: Holder, at: str) -> Iterator[Problem]:
    """The parameters of a tool are a JSON schema.

    The service refuses requests with schemas such as `{"type": "dict"}`; a model tuned on them could not be asked with the same
    tools.  References to other documents are not followed.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "dict"}}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}]}
    """
    for path, function in functions_of(holder):
        if isinstance(function.get("parameters"), dict):
            fault = Schema.of(function["parameters"]).fault
            if fault is not None:
                yield Problem(f"{at}{path}.parameters{fault[0]}", f"no valid JSON schema: {fault[1]}")


@rule(
    "DS059",
    Severity.WARNING,
    "Put `parallel_tool_calls: true|false` beside `tools`; `on_issue: {DS059: repair}` does it.",
)
def misplaced_parallel(row: Holder, holder: Holder, at: str) -> Iterator[Problem]:
    """Whether tools are called in parallel is said by a boolean beside them.

    `parallel_tool_calls` stands beside `tools`; in preference rows both stand in `input`.  Without tools it means nothing.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "parallel_tool_calls": false}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}], "parallel_tool_calls": false}
    """
    key = "parallel_tool_calls"
    if row is not holder and key in row:
        yield Problem(key, "it belongs into input, beside tools")
    messages = holder.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and key in message:
            yield Problem(f"{at}messages[{index}].{key}", "it belongs beside tools, not into a message")
    if key in holder and not isinstance(holder[key], bool):
        yield Problem(f"{at}{key}", f"expected a boolean, {found(holder[key])}", None, "Write true or false.")
    elif key in holder and not (holder.get("tools") or holder.get("functions")):
        yield Problem(f"{at}{key}", "there are no tools that it could be about")


@rule("DS058", Severity.WARNING, "Use tools and tool_calls; `on_issue: {DS058: repair}` converts them.")
def deprecated_functions(holder: Holder, at: str) -> Iterator[Problem]:
    """Tools are given as `tools`, not as `functions`.

    `functions`, `function_call` and the role `function` are OpenAI's first form of tools, deprecated since 2023.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "functions": [{"name": "price"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    if holder.get("function_call") is not None:
        yield Problem(f"{at}function_call", "deprecated form of a tool call")
    elif holder.get("role") == "function":
        yield Problem(f"{at}role", "deprecated form of a tool's result")
    elif "functions" in holder:
        yield Problem(f"{at}functions", "deprecated form of tools")


def calls_of(message: Message) -> Iterator[tuple[str, dict[str, Any]]]:
    """The functions that a message calls, each with its path below the message."""
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            yield f"tool_calls[{index}].function", call["function"]
    if isinstance(message.get("function_call"), dict):
        yield "function_call", message["function_call"]


@rule("DS053", Severity.ERROR, 'Write {"id": ..., "type": "function", "function": {...}}.', is_hard=True)
def invalid_tool_call(message: Message, at: str) -> Iterator[Problem]:
    """Tool calls have id, type and function, and assistants make them.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    for key in ("tool_calls", "function_call"):
        if key in message and message["role"] != "assistant":
            yield Problem(f"{at}.{key}", f"role {message['role']} calls no tools")
            return
    legacy = message.get("function_call")
    if legacy is not None and not isinstance(legacy, dict):
        yield Problem(f"{at}.function_call", f"expected an object, {found(legacy)}")
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        yield Problem(f"{at}.tool_calls", f"expected a list that is not empty, {found(calls)}")
        return
    yield from _invalid_calls(calls, f"{at}.tool_calls")


def _invalid_calls(calls: list[Any], at: str) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, call in enumerate(calls):
        where = f"{at}[{index}]"
        if not isinstance(call, dict):
            yield Problem(where, f"expected an object, {found(call)}")
            continue
        name = call.get("id")
        if not isinstance(name, str) or not name:
            yield Problem(f"{where}.id", f"expected a call id, {found(name)}")
        elif name in ids:
            yield Problem(f"{where}.id", "the same id twice", name)
        else:
            ids.add(name)
        if call.get("type") != "function":
            yield Problem(f"{where}.type", 'expected "function"')
        if not isinstance(call.get("function"), dict):
            yield Problem(f"{where}.function", f"expected an object, {found(call.get('function'))}")


@rule("DS093", Severity.WARNING, "Leave content out, or write null without quotation marks.")
def word_null(message: Message, at: str) -> Iterator[Problem]:
    """Beside tool calls, content is not the word null.

    Exports write `"null"` or `"None"` where there was no text; it would be learned, and Azure's preprocessing was seen to fail on it
    (microsoft/azure-skills, transform_traces.py).

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "null", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    content = message.get("content")
    if isinstance(content, str) and content.strip() in NULL_WORDS:
        yield Problem(f"{at}.content", f"the text {content.strip()!r} beside tool calls")


@rule("DS054", Severity.ERROR, r'Write "arguments": "{\"symbol\": \"MSFT\"}".', is_hard=True)
def invalid_arguments(message: Message, at: str) -> Iterator[Problem]:
    r"""Arguments are a JSON object in a string.

    The model writes them as text, so they are learned as text; text that is no JSON teaches calls that fail.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "symbol: MSFT"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{\"symbol\": \"MSFT\"}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    for path, function in calls_of(message):
        arguments = function.get("arguments")
        where = f"{at}.{path}.arguments"
        if not isinstance(arguments, str):
            remedy = (
                "Encode the object as a string: json.dumps(arguments)."
                if isinstance(arguments, dict)
                else None
            )
            yield Problem(where, f"expected a string, {found(arguments)}", None, remedy)
            continue
        try:
            value = msgspec.json.decode(arguments)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            yield Problem(where, _argument_fault(arguments), arguments)
            continue
        if not isinstance(value, dict):
            yield Problem(where, f"expected a JSON object, {found(value)}", arguments)


def _argument_fault(arguments: str) -> str:
    try:
        json.loads(arguments)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg}, at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "not JSON: a number or nesting out of range"
    return "not strict JSON"


@rule("DS073", Severity.WARNING, "Correct the arguments, or the schema in `tools`.")
def arguments_off_schema(message: Message, at: str, schemas: Mapping[str, Any]) -> Iterator[Problem]:
    r"""Arguments fit the declared JSON schema.

    A missing or misspelt argument is learned as it stands.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{\"symbol\": \"MSFT\"}"}}]}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}}}]}
    """
    for path, function in calls_of(message):
        schema = schemas.get(function["name"]) if isinstance(function.get("name"), str) else None
        if not isinstance(schema, dict) or not isinstance(function.get("arguments"), str):
            continue
        try:
            value = msgspec.json.decode(function["arguments"])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        fault = Schema.of(schema).violation(value) if isinstance(value, dict) else None
        if fault is not None:
            yield Problem(f"{at}.{path}.arguments", fault, function["arguments"])


@rule("DS055", Severity.WARNING, "Define the tool in `tools`, or correct its name.")
def undefined_tool(message: Message, at: str, schemas: Mapping[str, Any]) -> Iterator[Problem]:
    """Called tools are defined.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "prize", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    for path, function in calls_of(message):
        name = function.get("name")
        if isinstance(name, str) and NAME.fullmatch(name) and name not in schemas:
            known = f"defined are {', '.join(sorted(schemas)[:5])}" if schemas else "none is defined"
            yield Problem(f"{at}.{path}.name", f"{name} is not defined; {known[:120]}")


@rule("DS056", Severity.ERROR, "Set tool_call_id to the id of a call of the message before.", is_hard=True)
def unmatched_result(messages: list[Message], at: str) -> Iterator[Problem]:
    """A tool message answers an open call.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "a", "content": "410"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "a", "content": "410"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        if message.get("role") != "tool":
            waiting = _ids(message)
            continue
        call = message.get("tool_call_id")
        if isinstance(call, str) and call in waiting:
            waiting.discard(call)
            continue
        text = "tool_call_id is missing" if call is None else "tool_call_id names no open call"
        yield Problem(f"{at}[{index}].tool_call_id", text, call if isinstance(call, str) else "")


@rule("DS057", Severity.WARNING, "Add the tool message, or remove the call.")
def unanswered_call(messages: list[Message], at: str) -> Iterator[Problem]:
    """Every call is answered before the talk goes on.

    Calls at the very end are what the model shall learn; calls in the middle need their results.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        if message.get("role") == "tool":
            waiting.discard(str(message.get("tool_call_id")))
            continue
        if waiting:
            yield Problem(
                f"{at}[{index}]", f"{len(waiting)} calls of earlier messages have no tool message", ""
            )
        waiting = _ids(message)


def _ids(message: Message) -> set[str]:
    calls = message.get("tool_calls")
    if message.get("role") != "assistant" or not isinstance(calls, list):
        return set()
    return {
        call["id"]
        for call in calls
        if isinstance(call, dict) and isinstance(call.get("id"), str) and call["id"]
    }


class Schema:
    """A JSON schema, compiled; schemas repeat from row to row, so the last ones are kept."""

    _kept: Final[dict[bytes, Schema]] = {}
    _KEPT_MAX: Final = 512

    def __init__(self, schema: dict[str, Any]) -> None:
        import jsonschema_rs  # noqa: PLC0415  6 MB, loaded for tools only

        self._validator: Any = None
        self.fits: Callable[[Any], bool] = lambda _: True
        self.fault: tuple[str, str] | None = None
        try:
            self._validator = jsonschema_rs.validator_for(schema, retriever=_refuse)
            self.fits = self._validator.is_valid
        except (ValueError, RecursionError) as error:
            path = "".join(
                f"[{k}]" if isinstance(k, int) else f".{k}" for k in getattr(error, "instance_path", ())
            )
            self.fault = (path, str(getattr(error, "message", error)).split("\n")[0][:200])

    @classmethod
    def of(cls, schema: dict[str, Any]) -> Schema:
        """The compiled schema, made once for equal schemas."""
        key = msgspec.json.encode(schema)
        if key not in cls._kept:
            if len(cls._kept) >= cls._KEPT_MAX:
                cls._kept.clear()
            cls._kept[key] = cls(schema)
        return cls._kept[key]

    def violation(self, value: Any) -> str | None:
        """The first thing in a value that the schema forbids; None if there is none, or the schema itself is broken."""
        if self.fits(value):
            return None
        error = next(self._validator.iter_errors(value), None)
        return None if error is None else str(error.message)[:200]


def _refuse(uri: str) -> Any:
    """Nothing is fetched for a dataset."""
    msg = f"a reference to another document: {uri[:100]}"
    raise ValueError(msg)
