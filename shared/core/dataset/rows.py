"""One line to one row, and one row to the issues that it has."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from shared.core.dataset.detect import CHAT_KEYS
from shared.core.dataset.findings import EXCERPT_READ_MAX
from shared.core.dataset.plain import Fits, Functions, count_keys
from shared.core.dataset.rulebook import Issue, broken
from shared.core.dataset.rules import images, lines, messages, methods, tools
from shared.core.dataset.rules.messages import KEYS_OF_ROLE, Message
from shared.core.dataset.scan import has_long_number
from shared.core.json_path import descend, steps_of
from shared.core.spec import MethodType

PREFERENCE_KEYS: Final = frozenset({"input", "preferred_output", "non_preferred_output"})
OUTPUTS: Final = ("preferred_output", "non_preferred_output")

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_PLAIN_KEYS: Final = frozenset({"role", "content"})
_PLAIN_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})


def parse_row(data: bytes) -> dict[str, Any] | Issue:
    """Read one line: the object on it, or why there is none.

    Refused is what two parsers could read differently: invalid UTF-8, NaN and Infinity, lone surrogates, numbers beyond 64 bits,
    duplicate keys, more than 64 levels, anything but one object.
    """
    try:
        value = _decode(data)
        canonical = _encode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
        return next(issue for rule in lines.UNREADABLE for issue in broken(rule, data))
    if not isinstance(value, dict):
        return broken(lines.not_an_object, data)[0]
    if has_long_number(data) and (wrong := broken(lines.number_range, data)):
        return wrong[0]
    brackets = data.count(b"{") + data.count(b"[")
    if brackets > lines.DEPTH_MAX and lines.depth(value) > lines.DEPTH_MAX:
        return broken(lines.too_deep, data)[0]
    # A dropped duplicate takes at least its colon with it; only an escaped colon can hide that.
    if (data.count(b":") != canonical.count(b":") or b"\\u003" in data) and (
        doubled := broken(lines.duplicate_key, data)
    ):
        return doubled[0]
    return value


def check_row(row: dict[str, Any], method: MethodType, templates: tuple[str, ...] = ()) -> list[Issue]:
    """All issues of one row.

    A rule is asked only where the keys that it is about are there; which keys these are stands beside each call.

    Args:
        row: as `parse_row` reads it.
        method: what it is meant for.
        templates: of the grader (reinforcement only).
    """
    if method is MethodType.DPO:
        return _check_preference(row)
    issues: list[Issue] = []
    if method is MethodType.SUPERVISED and not row.keys() <= CHAT_KEYS:
        issues += broken(messages.unknown_key, row, CHAT_KEYS, None)
    talk = row.get("messages")
    schemas = _check_holder(row, row, "", issues)
    if not _check_messages(talk, "messages", schemas, issues):
        return issues
    for rule in (messages.no_user, messages.many_system_messages, messages.late_system_message):
        issues += broken(rule, talk, "messages")
    if method is MethodType.SUPERVISED:
        issues += broken(messages.last_not_assistant, talk, "messages")
        issues += broken(messages.nothing_to_learn, talk, "messages")
    else:
        issues += broken(messages.last_not_user, talk, "messages")
        issues += broken(methods.unresolved_template, row, templates)
        issues += broken(methods.empty_field, row, templates)
    return issues


def _check_preference(row: dict[str, Any]) -> list[Issue]:
    issues = broken(messages.unknown_key, row, PREFERENCE_KEYS, None)
    issues += broken(methods.missing_input, row)
    given = row.get("input")
    schemas: Mapping[str, Any] = {}
    if isinstance(given, dict):
        issues += broken(messages.unknown_key, given, CHAT_KEYS, "input")
        schemas = _check_holder(row, given, "input.", issues)
        if _check_messages(given.get("messages"), "input.messages", schemas, issues):
            for rule in (messages.no_user, messages.many_system_messages, messages.late_system_message):
                issues += broken(rule, given["messages"], "input.messages")
    for key in OUTPUTS:
        output = row.get(key)
        issues += broken(methods.invalid_output, output, key)
        if isinstance(output, list) and output:
            _check_messages(output, key, schemas, issues)
    issues += broken(methods.same_outputs, row)
    return issues


class _Definitions(NamedTuple):
    """Tool definitions that were checked once."""

    issues: tuple[Issue, ...]
    schemas: Mapping[str, Any]


#: Definitions repeat from row to row.
_known_definitions: Final[dict[tuple[str, bytes], _Definitions]] = {}
_DEFINITIONS_MAX: Final = 512


def _check_holder(
    row: dict[str, Any], holder: dict[str, Any], at: str, issues: list[Issue]
) -> Mapping[str, Any]:
    """The rules of tool definitions and of what stands beside them; the schemas of the functions by name."""
    talk = holder.get("messages")
    beside = talk if isinstance(talk, list) else []
    if any("parallel_tool_calls" in place for place in (row, holder, *beside) if isinstance(place, dict)):
        issues += broken(tools.misplaced_parallel, row, holder, at)
    given = [holder.get(key) for key in ("tools", "functions")]
    if given == [None, None]:
        return {}
    key = (at, _encode(given))
    known = _known_definitions.get(key)
    if known is None:
        if len(_known_definitions) >= _DEFINITIONS_MAX:
            _known_definitions.clear()
        known = _known_definitions[key] = _check_definitions(holder, at)
    issues += known.issues
    return known.schemas


def _check_definitions(holder: dict[str, Any], at: str) -> _Definitions:
    issues: list[Issue] = []
    for rule in _DEFINITION_RULES:
        issues += broken(rule, holder, at)
    given = holder.get("tools")
    for index, tool in enumerate(given if isinstance(given, list) else ()):
        if tools.is_function(tool):
            issues += broken(messages.unknown_key, tool, tools.TOOL_KEYS, f"{at}tools[{index}]")
    for path, function in tools.functions_of(holder):
        if "name" in function:
            issues += broken(messages.unknown_key, function, tools.FUNCTION_KEYS, f"{at}{path}")
        issues += broken(messages.invalid_name, function, f"{at}{path}", is_needed=True)
    return _Definitions(tuple(issues), tools.schemas_of(holder))


@functools.lru_cache(maxsize=_DEFINITIONS_MAX)
def declared_functions(raw: bytes) -> Functions | None:
    """What the JSON of a row's `tools` defines, for `plain.read_sound`; None if anything is wrong with it."""
    row = parse_row(b'{"tools":' + raw + b"}")
    if isinstance(row, Issue) or row["tools"] is None or _check_definitions(row, "").issues:
        return None
    if any(key.endswith("\\") for key in _all_keys(row)):
        return None  # `count_keys` would not see it
    return Functions({name: _fits(schema) for name, schema in tools.schemas_of(row).items()}, count_keys(raw))


def _all_keys(value: Any) -> Iterator[str]:
    """Every key in a value, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _fits(schema: Any) -> Fits:
    if schema is None:
        return lambda _: True
    return tools.Schema.of(schema).fits


def _check_messages(talk: Any, at: str, schemas: Mapping[str, Any], issues: list[Issue]) -> bool:
    """The rules of messages and of their order; whether it is a list of objects that further rules can look at."""
    wrong = broken(messages.missing_messages, talk, at) or broken(messages.too_many_messages, talk, at)
    if wrong:
        issues += wrong
        return False
    is_sound = True
    keys: set[str] = set()
    for index, message in enumerate(talk):
        if not isinstance(message, dict):
            issues += broken(messages.invalid_message, message, f"{at}[{index}]")
            is_sound = False
        elif not _is_plain(message):
            keys |= message.keys()
            _check_message(message, f"{at}[{index}]", schemas, issues)
    if is_sound and keys:
        issues += broken(images.too_many_images, talk, at)
        issues += broken(tools.unmatched_result, talk, at)
        if "tool_calls" in keys:
            issues += broken(tools.unanswered_call, talk, at)
    return is_sound


def _is_plain(message: Message) -> bool:
    """Whether a message has only a role and text, so that no rule can find anything; most are like that."""
    content = message.get("content")
    return (
        message.keys() == _PLAIN_KEYS
        and message["role"].__class__ is str
        and message["role"] in _PLAIN_ROLES
        and content.__class__ is str
        and content != ""
        and not content.isspace()
    )


_DEFINITION_RULES: Final = (
    tools.invalid_tools,
    tools.too_many_tools,
    tools.duplicate_tool,
    tools.invalid_schema,
    tools.deprecated_functions,
)
_TEXT_RULES: Final = (messages.empty_content, messages.empty_other)
_PART_RULES: Final = (
    messages.empty_content,
    messages.empty_other,
    messages.invalid_part,
    images.invalid_image,
    images.image_too_large,
    images.private_image,
    images.invalid_image_data,
)


def _check_message(message: Message, at: str, schemas: Mapping[str, Any], issues: list[Issue]) -> None:
    if wrong := broken(messages.invalid_role, message, at):
        issues += wrong
        return
    role, content = message["role"], message.get("content")
    if not message.keys() <= KEYS_OF_ROLE[role]:
        issues += broken(messages.unknown_key, message, KEYS_OF_ROLE[role], at)
    if "name" in message or role == "function":
        issues += broken(messages.invalid_name, message, at, is_needed=role == "function")
    if "weight" in message:
        issues += broken(messages.invalid_weight, message, at)
    for rule in _TEXT_RULES if isinstance(content, str) else _PART_RULES if isinstance(content, list) else ():
        issues += broken(rule, message, at)
    if not content or not isinstance(content, str | list):
        issues += broken(messages.invalid_content, message, at)
    if "tool_calls" in message or "function_call" in message:
        _check_calls(message, at, schemas, issues)
    if role == "function" or message.get("function_call") is not None:
        issues += broken(tools.deprecated_functions, message, f"{at}.")


def _check_calls(message: Message, at: str, schemas: Mapping[str, Any], issues: list[Issue]) -> None:
    issues += broken(tools.invalid_tool_call, message, at)
    issues += broken(tools.invalid_arguments, message, at)
    issues += broken(tools.word_null, message, at)
    for path, function in tools.calls_of(message):
        issues += broken(messages.invalid_name, function, f"{at}.{path}", is_needed=True)
    issues += broken(tools.undefined_tool, message, at, schemas)
    issues += broken(tools.arguments_off_schema, message, at, schemas)


def encode_row(row: dict[str, Any]) -> bytes:
    """A row as one line, keys in the order in which they were given."""
    return msgspec.json.encode(row)


def with_excerpt(issue: Issue, row: dict[str, Any]) -> Issue:
    """An issue with what is to be shown of its row: what lies at its path, if the rule names nothing else."""
    if issue.problem.excerpt is not None:
        return issue
    shown = _excerpt_at(row, issue.problem.path)[: EXCERPT_READ_MAX + 1]  # one more says that it goes on
    return issue._replace(problem=issue.problem._replace(excerpt=shown))


def _excerpt_at(row: Any, path: str | None) -> str:
    """What lies at a JSON path of a row, as text; of the whole row, or of the nearest thing that is there."""
    value, _ = descend(row, steps_of(path or ""))
    return value if isinstance(value, str) else _encode(value).decode()
