"""Rules about tool definitions, calls and results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from shared.core.dataset.format import DEFINITION_KEYS, OUTPUTS, Holder, Message, Row, functions_of, texts_of
from shared.core.dataset.limits import FileFacts
from shared.core.dataset.nulls import passing_schema, refused_in, schemas_in
from shared.core.dataset.rulebook import Problem, Scope, Severity, Shape, rule
from shared.core.dataset.rules.messages import (
    NAME,
    NULL_WORDS,
    RESULTS,
    decode_once,
    found,
    has_calls,
    has_parts,
)
from shared.core.json_path import below
from shared.core.json_schema import Schema
from shared.core.spec import MethodType

_PARALLEL: Final = "parallel_tool_calls"
#: Foundry's limit on tools of one request (quotas and limits, 2026-02-17).
TOOLS_MAX: Final = 128

type Defined = Mapping[str, Schema | None] | None
"""The schema of each function that is defined, by its name; None if the definitions break a rule, so that nothing is known."""


@rule(
    "DS050",
    Severity.ERROR,
    'Write {"type": "function", "function": {"name": ..., "parameters": {...}}}.',
    is_hard=True,
    on=Scope.DEFINITIONS,
)
def invalid_tools(holder: Holder, at: str) -> Iterator[Problem]:
    """Tools are function definitions.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"name": "price"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    for key in DEFINITION_KEYS:
        tools = holder.get(key)
        if tools is None:
            continue
        if not isinstance(tools, list):
            yield Problem(below(at, key), f"expected a list, {found(tools)}", None, decode_once(tools))
            continue
        for index, tool in enumerate(tools):
            if key == "tools" and not is_function(tool):
                where = below(at, f"tools[{index}]")
                yield Problem(
                    where, 'expected {"type": "function", "function": {...}}', None, decode_once(tool)
                )
            elif not isinstance(tool, dict):
                yield Problem(below(at, f"functions[{index}]"), f"expected an object, {found(tool)}")
    for path, function in functions_of(holder):
        for field, kind in (("description", str), ("parameters", dict), ("strict", bool)):
            value = function.get(field)
            if value is not None and not isinstance(value, kind):
                yield Problem(below(at, f"{path}.{field}"), f"unexpected type, {found(value)}")


def is_function(tool: Any) -> bool:
    """Whether a tool has the form of a function definition."""
    return (
        isinstance(tool, dict) and tool.get("type") == "function" and isinstance(tool.get("function"), dict)
    )


@rule(
    "DS099",
    Severity.WARNING,
    "Leave the key out, or define the tools that are called; `on_issue: {DS099: repair}` leaves it out.",
    on=Scope.DEFINITIONS,
)
def empty_tools(holder: Holder, at: str) -> Iterator[Problem]:
    """A list of tools is not empty.

    Microsoft's page on tool calls prints rows with `"tools": []`; the chat interface refuses an empty list.  It defines nothing, so
    calls in the row have no definition either.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": []}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    for key in DEFINITION_KEYS:
        if holder.get(key) == []:
            yield Problem(below(at, key), f"{key} is an empty list")


@rule("DS051", Severity.ERROR, "Offer fewer tools.", is_hard=True, on=Scope.DEFINITIONS)
def too_many_tools(holder: Holder, at: str) -> Iterator[Problem]:
    """At most 128 tools are defined.

    Bad (tools=129):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    Good (tools=128):
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    """
    for key in DEFINITION_KEYS:
        tools = holder.get(key)
        if isinstance(tools, list) and len(tools) > TOOLS_MAX:
            yield Problem(below(at, key), f"{len(tools)} tools, at most {TOOLS_MAX}", "")


@rule("DS052", Severity.ERROR, "Remove one of the definitions.", is_hard=True, on=Scope.DEFINITIONS)
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
            yield Problem(below(at, f"{path}.name"), f"{name[:64]} is defined twice", name)
        elif isinstance(name, str):
            seen.add(name)


@rule(
    "DS074",
    Severity.ERROR,
    "Correct the schema; types are object, array, string, number, integer, boolean, null.",
    on=Scope.SCHEMA,
)
def invalid_schema(schema: Schema, at: str) -> Iterator[Problem]:
    """The parameters of a tool are a JSON schema.

    The service refuses requests with schemas such as `{"type": "dict"}`; a model tuned on them could not be asked with the same
    tools.  References to other documents are not followed.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "dict"}}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}]}
    """
    if schema.fault is not None:
        yield Problem(f"{at}{schema.fault[0]}", f"not a valid JSON schema: {schema.fault[1]}")


@rule(
    "DS100",
    Severity.WARNING,
    "Write schemas without null; who has no value leaves the argument out.",
    on=Scope.FUNCTION,
)
def refused_schema(function: Row, at: str) -> Iterator[Problem]:
    """The parameters of a tool have no null.

    Foundry was seen to refuse every row with tools whose schemas have `anyOf` with null, `default: null` and `title`, as pydantic and
    MCP write them (a public run log of Microsoft's, aitour27 BRK330).  Which of the three it was is not known; no source was found
    that blames titles alone (2026-11-28), which pydantic writes for every property.  `"type": ["string", "null"]` is not meant.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"day": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null}}}}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"day": {"type": "string"}}}}}]}
    """
    parameters = function.get("parameters")
    places = [
        (path, refused_in(schema), schema) for path, schema in schemas_in(parameters, f"{at}.parameters")
    ]
    found_in = [place for place in places if place[1]]
    nameless = [place for place in places if _nulls_by_name(place[2])]
    if not found_in and not nameless:
        return
    path, _, schema = (found_in or nameless)[0]
    kinds = dict.fromkeys(kind for _, kinds, _ in found_in for kind in kinds)
    what = ", ".join([*list(kinds)[:5], *(["a property that is null"] if nameless else [])])
    passing = json.dumps(passing_schema(schema), ensure_ascii=False)
    remedy = f"Write it as {passing}." if len(passing) <= _SCHEMA_SHOWN_MAX else None
    yield Problem(path, f"Foundry was seen to refuse tool schemas like this one: {what}", None, remedy)


#: A longer schema is not written out in a remedy.
_SCHEMA_SHOWN_MAX: Final = 400


def _nulls_by_name(schema: dict[str, Any]) -> bool:
    properties = schema.get("properties")
    return isinstance(properties, dict) and None in properties.values()


@rule(
    "DS059",
    Severity.WARNING,
    "Put `parallel_tool_calls: true|false` beside `tools`; `on_issue: {DS059: repair}` does it.",
    on=Scope.HOLDER,
)
def misplaced_parallel(holder: Holder, at: str) -> Iterator[Problem]:
    """`parallel_tool_calls` is a boolean beside `tools`.

    In preference rows both stand in `input`.  Without tools the setting means nothing.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "parallel_tool_calls": false}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}], "parallel_tool_calls": false}
    """
    key = _PARALLEL
    if key in holder and not isinstance(holder[key], bool):
        yield Problem(
            below(at, key), f"expected a boolean, {found(holder[key])}", None, "Write true or false."
        )
    elif key in holder and all(holder.get(name) is None for name in DEFINITION_KEYS):
        yield Problem(below(at, key), "there are no tools, so it means nothing")


@misplaced_parallel.also(Scope.PROMPT, speaks=lambda shape: _PARALLEL in shape.keys)
def _in_messages(messages: list[Message], at: str) -> Iterator[Problem]:
    for index, message in enumerate(messages):
        if _PARALLEL in message:
            yield Problem(f"{at}[{index}].{_PARALLEL}", "it belongs beside tools, not in a message")


@misplaced_parallel.also(Scope.ROW, methods=[MethodType.DPO])
def _in_preference_row(row: Row) -> Iterator[Problem]:
    if _PARALLEL in row and isinstance(row.get("input"), dict):
        yield Problem(_PARALLEL, "it belongs in input, beside tools")


@rule(
    "DS058",
    Severity.WARNING,
    "Use tools and tool_calls; `on_issue: {DS058: repair}` converts them.",
    on=Scope.DEFINITIONS,
)
def deprecated_functions(holder: Holder, at: str) -> Iterator[Problem]:
    """Tools are given as `tools`, not as `functions`.

    `functions`, `function_call` and the role `function` are OpenAI's first form of tools, deprecated since 2023.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "functions": [{"name": "price"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    if holder.get("functions") not in (None, []):
        yield Problem(below(at, "functions"), "deprecated form of tools")


def _may_be_deprecated(shape: Shape) -> bool:
    return "function_call" in shape.keys or shape.role == "function"


@deprecated_functions.also(Scope.MESSAGE, speaks=_may_be_deprecated)
def _in_message(message: Message, at: str) -> Iterator[Problem]:
    if message.get("function_call") is not None:
        yield Problem(f"{at}.function_call", "deprecated form of a tool call")
    elif message["role"] == "function":
        yield Problem(f"{at}.role", "deprecated form of a tool's result")


@rule(
    "DS053",
    Severity.ERROR,
    'Write {"id": ..., "type": "function", "function": {...}}.',
    is_hard=True,
    on=Scope.MESSAGE,
    speaks=has_calls,
)
def invalid_tool_call(message: Message, at: str) -> Iterator[Problem]:
    """A tool call has id, type and function, and only assistants call tools.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    for key in ("tool_calls", "function_call"):
        if message.get(key) not in (None, []) and message["role"] != "assistant":
            yield Problem(f"{at}.{key}", f"only assistants call tools, not role {message['role']}")
            return
    legacy = message.get("function_call")
    if legacy is not None and not isinstance(legacy, dict):
        yield Problem(f"{at}.function_call", f"expected an object, {found(legacy)}")
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list):
        yield Problem(f"{at}.tool_calls", f"expected a list, {found(calls)}", None, decode_once(calls))
    elif not calls:
        remedy = "Leave the key out; `on_issue: {DS053: repair}` does it."
        yield Problem(f"{at}.tool_calls", "tool_calls is an empty list", None, remedy)
    else:
        yield from _invalid_calls(calls, f"{at}.tool_calls")


def _invalid_calls(calls: list[Any], at: str) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, call in enumerate(calls):
        where = f"{at}[{index}]"
        if not isinstance(call, dict):
            yield Problem(where, f"expected an object, {found(call)}")
            continue
        if "function" not in call and "name" in call:
            yield Problem(where, "name and arguments stand in the call itself", None, _NESTED_CALL)
            continue
        name = call.get("id")
        if not isinstance(name, str) or not name:
            what = "the call id is empty" if name == "" else f"expected a call id, {_found_at(call, 'id')}"
            yield Problem(f"{where}.id", what)
        elif name in ids:
            yield Problem(f"{where}.id", "the same id twice", name)
        else:
            ids.add(name)
        if call.get("type") != "function":
            yield Problem(f"{where}.type", 'expected "function"')
        if not isinstance(call.get("function"), dict):
            yield Problem(f"{where}.function", f"expected an object, {_found_at(call, 'function')}")


_NESTED_CALL: Final = 'Write {"id": ..., "type": "function", "function": {"name": ..., "arguments": "..."}}, with arguments as a text.'


def _found_at(place: Row, key: str) -> str:
    return found(place[key]) if key in place else "found nothing"


@rule(
    "DS093",
    Severity.WARNING,
    "Leave content out; `on_issue: {DS093: repair}` does it where it is null.",
    on=Scope.MESSAGE,
    speaks=has_calls,
)
def null_content(message: Message, at: str) -> Iterator[Problem]:
    """Content beside tool calls is left out where there is none.

    Two of Microsoft's sources say that `"content": null` must be left out of training files (microsoft-foundry/fine-tuning,
    Demos/TracesDistillation; microsoft/azure-skills).  Exports also write the words `"null"` or `"None"`: these would be learned, and
    Azure's preprocessing was seen to fail on them (microsoft/azure-skills, transform_traces.py).

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "null", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    content = message.get("content")
    if not (message.get("tool_calls") or message.get("function_call")):
        return
    if content is None and "content" in message:
        yield Problem(f"{at}.content", "null beside tool calls")
    elif isinstance(content, str) and content.strip() in NULL_WORDS:
        remedy = "Leave content out, unless the model should say it."
        yield Problem(f"{at}.content", f"the text {content.strip()!r} beside tool calls", None, remedy)


@rule("DS054", Severity.ERROR, r'Write "arguments": "{\"symbol\": \"MSFT\"}".', is_hard=True, on=Scope.CALL)
def invalid_arguments(function: Row, at: str, _schemas: Defined) -> Iterator[Problem]:
    r"""Arguments are a JSON object in a string.

    The model writes them as text, so they are learned as text; text that is not JSON teaches calls that fail.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "symbol: MSFT"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{\"symbol\": \"MSFT\"}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    arguments, where = function.get("arguments"), f"{at}.arguments"
    if not isinstance(arguments, str):
        is_object = isinstance(arguments, dict)
        remedy = "Encode the object as a string: json.dumps(arguments)." if is_object else None
        if arguments is None:
            remedy = _NO_ARGUMENTS
        yield Problem(where, f"expected a string, {_found_at(function, 'arguments')}", None, remedy)
        return
    if not arguments.strip():
        yield Problem(where, "expected a JSON object, found an empty text", arguments, _NO_ARGUMENTS)
        return
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        yield Problem(where, _argument_fault(arguments), arguments)
        return
    if isinstance(value, str) and object_within(value) is not None:
        remedy = "Encode the object once: json.dumps(arguments); `on_issue: {DS054: repair}` does it."
        yield Problem(where, "the JSON object is encoded more than once", arguments, remedy)
    elif not isinstance(value, dict):
        yield Problem(where, f"expected a JSON object, {found(value)}", arguments)


#: Of arguments of a function that has none.
_NO_ARGUMENTS: Final = 'Write "{}" if there are none.'
#: So often JSON may have been encoded; each time doubles the backslashes.
_ENCODED_MAX: Final = 5


def object_within(text: str) -> str | None:
    """The JSON object that a text is, or that is encoded in it as a text, once or more often; None if there is none."""
    for _ in range(_ENCODED_MAX):
        try:
            value = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if not isinstance(value, str):
            return text if isinstance(value, dict) else None
        text = value
    return None


def _argument_fault(arguments: str) -> str:
    try:
        json.loads(arguments)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg}, at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "not JSON: a number or nesting out of range"
    return "not strict JSON"


@rule("DS073", Severity.WARNING, "Correct the arguments, or the schema in `tools`.", on=Scope.CALL)
def arguments_off_schema(function: Row, at: str, schemas: Defined) -> Iterator[Problem]:
    r"""Arguments fit the declared JSON schema.

    A missing or misspelt argument is learned as it stands.  Arguments whose check would take more than a million steps are not
    held against their schema (DS095).

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{\"symbol\": \"MSFT\"}"}}]}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]}}}]}
    """
    schema = schemas.get(function["name"]) if schemas and isinstance(function.get("name"), str) else None
    if schema is None or not isinstance(function.get("arguments"), str):
        return
    try:
        value = msgspec.json.decode(function["arguments"])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return
    fault = schema.violation(value, function["arguments"]) if isinstance(value, dict) else None
    if fault is not None:
        yield Problem(f"{at}.arguments", fault, function["arguments"])


@rule(
    "DS095",
    Severity.NOTE,
    "Nothing needs to be done; a simpler schema, or a pattern without look-around, would be checked.",
    on=Scope.FILE,
)
def unchecked_schemas(file: FileFacts) -> Iterator[Problem]:
    """Tool schemas are checked as a whole.

    Arguments are not held against a schema (DS073) where that may take more than a million steps, where the schema is larger than
    256 KB or leads to itself in a circle, or where the schemas before it took all steps that a file of this size has.  Patterns
    run in an engine that never goes back, so those with look-around or references back are not checked, nor those that would
    become too large; the rest of the schema is.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"symbol": {"pattern": "^(?=M)"}}}}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price", "parameters": {"type": "object", "properties": {"symbol": {"pattern": "^M"}}}}}]}
    """
    work = file.schemas
    if work is None:
        return
    if work.passed_over:
        message = (
            f"the arguments of {work.passed_over:,} calls were not held against their schema, first on line"
        )
        yield Problem(None, f"{message} {work.first_passed_over}")
    if work.unchecked:
        pattern, line = next(iter(work.unchecked.items()))
        message = f"{len(work.unchecked):,} patterns of tool schemas were not checked, first on line {line}"
        yield Problem(None, message, pattern)


@rule(
    "DS101",
    Severity.WARNING,
    "Write the text itself; `on_issue: {DS101: repair}` joins the parts.",
    on=Scope.MESSAGE,
    speaks=lambda shape: has_parts(shape) and shape.role in RESULTS,
)
def result_in_parts(message: Message, at: str) -> Iterator[Problem]:
    """The result of a tool is a text, not a list of parts.

    OpenAI's service was seen to refuse the list: "message 3, key content: Input should be a valid string" (community.openai.com,
    965584).  Its schema of messages allows a list of text parts, and so do we.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "410"}]}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "a", "content": "410"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    if message["role"] in RESULTS and joined_text(message) is not None:
        yield Problem(f"{at}.content", "a list of text parts where a text is expected")


def joined_text(message: Message) -> str | None:
    """The texts of a content that is a list of nothing but text parts, a line each; None of any other content."""
    content = message.get("content")
    if not isinstance(content, list) or not content:
        return None
    texts = [text for _, text in texts_of(message)]
    is_text = len(texts) == len(content) and all(part.get("type") == "text" for part in content)
    return "\n".join(texts) if is_text else None


@rule("DS055", Severity.WARNING, "Define the tool in `tools`, or correct its name.", on=Scope.CALL)
def undefined_tool(function: Row, at: str, schemas: Defined) -> Iterator[Problem]:
    """Every tool that is called is defined.

    Looked at where the definitions themselves break no rule.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "prize", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    name = function.get("name")
    if schemas is not None and isinstance(name, str) and NAME.fullmatch(name) and name not in schemas:
        known = f"defined are {', '.join(sorted(schemas)[:5])}" if schemas else "none is defined"
        yield Problem(f"{at}.name", f"{name} is not defined; {known[:120]}")


@rule(
    "DS056",
    Severity.ERROR,
    "Set tool_call_id to the id of a call of the message before.",
    is_hard=True,
    on=Scope.TALK,
    speaks=lambda shape: shape.role == "tool",
)
def unmatched_result(messages: list[Message], at: str) -> Iterator[Problem]:
    """A tool message answers an open call.

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "a", "content": "410"}, {"role": "assistant", "content": "Hello"}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "a", "content": "410"}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    waiting: set[str] = set()
    late: set[str] = set()  # the conversation went on without their results, which DS057 reports
    for index, message in enumerate(messages):
        if message.get("role") != "tool":
            late |= waiting
            waiting = _ids(message)
            continue
        call = message.get("tool_call_id")
        if isinstance(call, str) and call in waiting | late:
            waiting.discard(call)
            late.discard(call)
            continue
        text = "tool_call_id is missing" if call is None else "tool_call_id is not the id of an open call"
        yield Problem(f"{at}[{index}].tool_call_id", text, call if isinstance(call, str) else "")


@rule(
    "DS057",
    Severity.ERROR,
    "Add the tool message, or remove the call.",
    is_hard=True,
    on=Scope.TALK,
    speaks=has_calls,
)
def unanswered_call(messages: list[Message], at: str) -> Iterator[Problem]:
    """Every call is answered before the conversation goes on.

    Calls at the very end are what the model should learn; calls in the middle need their results, and so do those at the end of
    the `input` of a preference row.  The service refuses the file:
    "contains invalid schema" (microsoft-foundry/fine-tuning#23).

    Bad:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}, {"role": "assistant", "content": "Hello"}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    Good:
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "price", "arguments": "{}"}}]}], "tools": [{"type": "function", "function": {"name": "price"}}]}
    """
    waiting: set[str] = set()
    is_answered_otherwise = False  # by a tool message with another id, which DS056 reports
    for index, message in enumerate(messages):
        if message.get("role") == "tool":
            call = str(message.get("tool_call_id"))
            is_answered_otherwise = is_answered_otherwise or call not in waiting
            waiting.discard(call)
            continue
        if waiting and not is_answered_otherwise:
            calls = (
                "a call of an earlier message has"
                if len(waiting) == 1
                else f"{len(waiting)} calls of earlier messages have"
            )
            yield Problem(f"{at}[{index}]", f"{calls} no tool message", "")
        waiting, is_answered_otherwise = _ids(message), False


@unanswered_call.also(Scope.ROW, methods=[MethodType.DPO])
def _at_the_end_of_input(row: Row) -> Iterator[Problem]:
    """The conversation goes on in the outputs: a call at the end of what is asked has its results nowhere."""
    holder = row.get("input")
    talk = holder.get("messages") if isinstance(holder, dict) else None
    if not isinstance(talk, list) or not talk:
        return
    waiting: set[str] = set()
    for message in reversed(talk):
        if not isinstance(message, dict) or message.get("role") != "tool":
            waiting = _ids(message) - waiting if isinstance(message, dict) else set()
            break
        waiting.add(str(message.get("tool_call_id")))
    first = [output[0] for output in map(row.get, OUTPUTS) if isinstance(output, list) and output]
    if waiting and all(isinstance(message, dict) and message.get("role") == "assistant" for message in first):
        calls = "a call has" if len(waiting) == 1 else f"{len(waiting)} calls have"
        yield Problem(f"input.messages[{len(talk) - 1}]", f"{calls} no tool message before the outputs", "")


def _ids(message: Message) -> set[str]:
    calls = message.get("tool_calls")
    if message.get("role") != "assistant" or not isinstance(calls, list):
        return set()
    return {
        call["id"]
        for call in calls
        if isinstance(call, dict) and isinstance(call.get("id"), str) and call["id"]
    }
