"""Rules about tool definitions, calls and results."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from shared.core.dataset import rules
from shared.core.dataset.findings import to_excerpt
from shared.core.dataset.messages import NAME, Issue, found

TOOLS_MAX: Final = 128


def check_definitions(row: dict[str, Any], path: str, issues: list[Issue]) -> frozenset[str] | None:
    """Check `tools`, legacy `functions` and `parallel_tool_calls` of a row (or of a preference row's input).

    Returns:
        The names that are defined; None if no tools are there at all.
    """
    names: list[str] = []
    is_defined = False
    for key in ("tools", "functions"):
        if (tools := row.get(key)) is None:
            continue
        is_defined = True
        where = f"{path}{key}"
        if not isinstance(tools, list) or not tools:
            issues.append(
                Issue(rules.INVALID_TOOLS, where, f"expected a list that is not empty, {found(tools)}")
            )
            continue
        if len(tools) > TOOLS_MAX:
            issues.append(Issue(rules.TOO_MANY_TOOLS, where, f"{len(tools)} tools"))
        for index, tool in enumerate(tools):
            name = _check_definition(tool, key, f"{where}[{index}]", issues)
            if name in names:
                issues.append(Issue(rules.DUPLICATE_TOOL, f"{where}[{index}]", f"{name} is defined twice"))
            if name is not None:
                names.append(name)
    if not isinstance(row.get("parallel_tool_calls", False), bool):
        text = f"expected a boolean, {found(row['parallel_tool_calls'])}"
        issues.append(
            Issue(rules.INVALID_TOOLS, f"{path}parallel_tool_calls", text, None, "Write true or false.")
        )
    return frozenset(names) if is_defined else None


def _check_definition(tool: Any, key: str, path: str, issues: list[Issue]) -> str | None:
    """Rule DS050 for one definition; its name if it has one."""
    function = tool
    if key == "tools":
        if (
            not isinstance(tool, dict)
            or tool.get("type") != "function"
            or not isinstance(tool.get("function"), dict)
        ):
            issues.append(
                Issue(rules.INVALID_TOOLS, path, 'expected {"type": "function", "function": {...}}')
            )
            return None
        function, path = tool["function"], f"{path}.function"
    if not isinstance(function, dict):
        issues.append(Issue(rules.INVALID_TOOLS, path, f"expected an object, {found(function)}"))
        return None
    name = function.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        excerpt = name if isinstance(name, str) else None
        issues.append(Issue(rules.INVALID_NAME, f"{path}.name", "a function needs a valid name", excerpt))
        return None
    for field, kind in (("description", str), ("parameters", dict), ("strict", bool)):
        value = function.get(field)
        if value is not None and not isinstance(value, kind):
            issues.append(Issue(rules.INVALID_TOOLS, f"{path}.{field}", f"unexpected type, {found(value)}"))
    return name


def check_talk(
    messages: list[dict[str, Any]], path: str, defined: frozenset[str] | None, issues: list[Issue]
) -> None:
    """Check calls against definitions and results against calls, in the order of the talk."""
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        where = f"{path}[{index}]"
        if message.get("role") == "tool":
            _check_result(message, where, open_calls, issues)
            continue
        if open_calls:
            text = f"{len(open_calls)} calls of earlier messages have no tool message"
            issues.append(Issue(rules.UNANSWERED_CALL, where, text))
            open_calls = set()
        if message.get("role") == "assistant" and ("tool_calls" in message or "function_call" in message):
            open_calls = _check_calls(message, where, defined, issues)


def _check_result(message: dict[str, Any], path: str, open_calls: set[str], issues: list[Issue]) -> None:
    """Rule DS056."""
    call = message.get("tool_call_id")
    if isinstance(call, str) and call in open_calls:
        open_calls.discard(call)
        return
    text = "tool_call_id is missing" if call is None else "tool_call_id names no open call"
    issues.append(
        Issue(rules.UNMATCHED_RESULT, f"{path}.tool_call_id", text, call if isinstance(call, str) else None)
    )


def _check_calls(
    message: dict[str, Any], path: str, defined: frozenset[str] | None, issues: list[Issue]
) -> set[str]:
    """Rules DS053 to DS055 for the calls of one message; the ids that now wait for an answer."""
    legacy = message.get("function_call")
    if legacy is not None:
        _check_function(legacy, f"{path}.function_call", defined, issues)
    calls = message.get("tool_calls")
    if calls is None:
        return set()
    where = f"{path}.tool_calls"
    if not isinstance(calls, list) or not calls:
        issues.append(
            Issue(rules.INVALID_TOOL_CALL, where, f"expected a list that is not empty, {found(calls)}")
        )
        return set()
    ids: set[str] = set()
    for index, call in enumerate(calls):
        at = f"{where}[{index}]"
        if not isinstance(call, dict):
            issues.append(Issue(rules.INVALID_TOOL_CALL, at, f"expected an object, {found(call)}"))
            continue
        name = call.get("id")
        if not isinstance(name, str) or not name:
            issues.append(Issue(rules.INVALID_TOOL_CALL, f"{at}.id", f"expected a call id, {found(name)}"))
        elif name in ids:
            issues.append(Issue(rules.INVALID_TOOL_CALL, f"{at}.id", "the same id twice", name))
        else:
            ids.add(name)
        if call.get("type") != "function":
            issues.append(Issue(rules.INVALID_TOOL_CALL, f"{at}.type", 'expected "function"'))
        _check_function(call.get("function"), f"{at}.function", defined, issues)
    return ids


def _check_function(function: Any, path: str, defined: frozenset[str] | None, issues: list[Issue]) -> None:
    if not isinstance(function, dict):
        issues.append(Issue(rules.INVALID_TOOL_CALL, path, f"expected an object, {found(function)}"))
        return
    name = function.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        excerpt = name if isinstance(name, str) else None
        issues.append(
            Issue(rules.INVALID_NAME, f"{path}.name", "a call needs a valid function name", excerpt)
        )
    elif defined is None or name not in defined:
        known = f"defined are {', '.join(sorted(defined)[:5])}" if defined else "none is defined"
        issues.append(
            Issue(rules.UNDEFINED_TOOL, f"{path}.name", f"{name} is not defined; {to_excerpt(known)}")
        )
    _check_arguments(function.get("arguments"), f"{path}.arguments", issues)


def _check_arguments(arguments: Any, path: str, issues: list[Issue]) -> None:
    """Rule DS054: arguments are a string that holds a JSON object."""
    if not isinstance(arguments, str):
        remedy = (
            "Encode the object as a string: json.dumps(arguments)." if isinstance(arguments, dict) else None
        )
        text = f"expected a string, {found(arguments)}"
        issues.append(Issue(rules.INVALID_ARGUMENTS, path, text, None, remedy))
        return
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        issues.append(Issue(rules.INVALID_ARGUMENTS, path, _argument_fault(arguments), arguments))
        return
    if not isinstance(value, dict):
        issues.append(
            Issue(rules.INVALID_ARGUMENTS, path, f"expected a JSON object, {found(value)}", arguments)
        )


def _argument_fault(arguments: str) -> str:
    try:
        json.loads(arguments)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg}, at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "not JSON: a number or nesting out of range"
    return "not strict JSON"
