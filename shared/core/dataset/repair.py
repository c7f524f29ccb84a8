"""Safe repairs of rows: what is meant stays the same, how it is written becomes right.  The original is never changed.

One function for each rule code, which changes a copy of the row and lists what it did.  Byte order marks and blank lines are
left out when the prepared file is written; exact duplicates are dropped by `shared.core.dataset.across.duplicates`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from shared.core.dataset.findings import PATH_CHARS_MAX, to_excerpt
from shared.core.dataset.format import (
    CHAT_KEYS,
    DEFINITION_KEYS,
    FORMATS,
    INSTRUCTING,
    KEYS_OF_ROLE,
    ROLE_WORDS,
    ROLES,
    Holder,
    Message,
    Row,
    RowFormat,
)
from shared.core.dataset.nulls import drop_nulls
from shared.core.dataset.rules.messages import PLACED_KEYS, SPEAKING_KEYS, Guesses, may_lack_content
from shared.core.dataset.rules.tools import joined_text, object_within
from shared.core.json_path import below
from shared.core.shown import quoted
from shared.core.spec import MethodType


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One repair.

    Attributes:
        line: 1-based.
        code: of the rule that asked for it.
        path: JSON path in the row; None if the row or line as a whole was left out.
        what: what was done.
        before: the beginning of what stood there, redacted.
        after: the beginning of what stands there now, redacted.
    """

    line: int
    code: str
    path: str | None
    what: str
    before: str = ""
    after: str = ""


class _Step(msgspec.Struct):
    path: str
    what: str
    before: Any = None
    after: Any = None


type Repair = Callable[[Row, RowFormat], Iterator[_Step]]


def repair_row(
    row: Row, codes: Container[str], method: MethodType, line: int, known: Mapping[str, Repair]
) -> tuple[Row, list[Change]]:
    """A repaired copy of a row, and what was changed.

    Args:
        row: as `parse_row` reads it.
        codes: of the rules whose violations are to be repaired.
        method: what the row is meant for.
        line: where it stands.
        known: the repairs by the code of their rule, as `repairs_of` gives them for a file.
    """
    repaired = msgspec.to_builtins(row)  # a tenth of the time that copying takes
    repairs = [("DS031", _null_keys)] if NULLS in codes else []
    changes = [
        Change(
            line=line,
            code=code,
            path=quoted(step.path, PATH_CHARS_MAX),
            what=step.what,
            before=_shown(step.before),
            after=_shown(step.after),
        )
        for code, repair in [*repairs, *((code, repair) for code, repair in known.items() if code in codes)]
        for step in list(repair(repaired, FORMATS[method]))
    ]
    return repaired, changes


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return to_excerpt(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _null_keys(row: Row, form: RowFormat) -> Iterator[_Step]:
    """Keys that hold nothing go; of a row only their number is told, since exports write them everywhere."""
    if count := drop_nulls(row, form):
        yield _Step("", f"{count} keys with null left out" if count > 1 else "a key with null left out")


def _null_content(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS093: content that is null goes, beside calls."""
    for at, message in _messages(row, form):
        is_calling = message.get("tool_calls") or message.get("function_call")
        if is_calling and "content" in message and message["content"] is None:
            del message["content"]
            yield _Step(f"{at}.content", "null beside tool calls left out", "null")


def _empty_content(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS034: content that is an empty list goes where a message needs none."""
    for at, message in _messages(row, form):
        if message.get("content") == [] and may_lack_content(message):
            del message["content"]
            yield _Step(f"{at}.content", "empty list left out", "[]")


def _empty_lists(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS099: lists of tools without tools go."""
    for at, holder in [*_holders(row, form), *((("", row),) if form.holder_key else ())]:
        for key in DEFINITION_KEYS:
            if holder.get(key) == []:
                del holder[key]
                yield _Step(below(at, key), "empty list left out", "[]")


def _empty_calls(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS053: lists of calls without calls go."""
    for at, message in _messages(row, form):
        if message.get("tool_calls") == []:
            del message["tool_calls"]
            yield _Step(f"{at}.tool_calls", "empty list left out", "[]")


def _result_texts(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS101: results that are lists of text parts become texts."""
    for at, message in _messages(row, form):
        text = joined_text(message) if message.get("role") in ("tool", "function") else None
        if text is not None:
            before, message["content"] = message["content"], text
            yield _Step(f"{at}.content", "parts joined to a text", before, text)


def _holders(row: Row, form: RowFormat) -> Iterator[tuple[str, Holder]]:
    holder = form.holder(row)
    if isinstance(holder, dict):
        yield form.holder_key, holder


def _messages(row: Row, form: RowFormat) -> Iterator[tuple[str, Message]]:
    for at, talk in form.talks(row):
        for index, message in enumerate(talk):
            if isinstance(message, dict):
                yield f"{at}[{index}]", message


def _known_role(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS033: roles in other letters, with white space, or by another name."""
    for at, message in _messages(row, form):
        role = message.get("role")
        plain = role.strip().lower() if isinstance(role, str) else ""
        better = ROLE_WORDS.get(plain, plain)
        if better != role and better in ROLES:
            message["role"] = better
            yield _Step(f"{at}.role", "role renamed", role, better)


def _tools(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS058: functions become tools, function calls tool calls, their results tool messages."""
    for at, holder in _holders(row, form):
        functions = holder.get("functions")
        if isinstance(functions, list) and "tools" not in holder:
            holder["tools"] = [{"type": "function", "function": function} for function in functions]
            del holder["functions"]
            yield _Step(below(at, "functions"), "functions became tools", functions, holder["tools"])
    for at, talk in form.talks(row):
        waiting: str | None = None
        for index, message in enumerate(talk):
            if not isinstance(message, dict):
                continue
            where = f"{at}[{index}]"
            if isinstance(message.get("function_call"), dict) and "tool_calls" not in message:
                call = message.pop("function_call")
                waiting = f"call_{index}"
                message["tool_calls"] = [{"id": waiting, "type": "function", "function": call}]
                yield _Step(
                    f"{where}.function_call", "function_call became tool_calls", call, message["tool_calls"]
                )
            elif message.get("role") == "function" and waiting is not None:
                before = dict(message)
                message.pop("name", None)
                message |= {"role": "tool", "tool_call_id": waiting}
                waiting = None
                yield _Step(where, "function message became a tool message", before, message)


def _arguments(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS054: arguments given as an object become the string that holds it; those encoded twice are decoded once."""
    for at, message in _messages(row, form):
        calls = message.get("tool_calls")
        for index, call in enumerate(calls if isinstance(calls, list) else ()):
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                continue
            given, where = function.get("arguments"), f"{at}.tool_calls[{index}].function.arguments"
            if isinstance(given, dict):
                function["arguments"] = msgspec.json.encode(given).decode()
                yield _Step(where, "object written as a string", given, function["arguments"])
            elif isinstance(given, str) and (text := object_within(given)) not in (None, given):
                function["arguments"] = text
                yield _Step(where, "decoded: it was encoded more than once", given, text)


def _parallel(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS059: the setting moves beside the tools, or goes where there are none."""
    key = "parallel_tool_calls"
    for at, holder in _holders(row, form):
        places = [(key, row)] if row is not holder and key in row else []
        places += [(f"{where}.{key}", message) for where, message in _messages(row, form) if key in message]
        for path, place in places:
            value = place.pop(key)
            if isinstance(value, bool) and key not in holder:
                holder[key] = value
            yield _Step(path, "moved beside tools", value, holder.get(key))
        if key in holder and not (holder.get("tools") or holder.get("functions")):
            yield _Step(below(at, key), "removed: there are no tools", holder.pop(key))


def _weights(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS041: weights written as 0.0, 1.0, true, false or text become 0 or 1; others than assistants lose theirs."""
    for at, message in _messages(row, form):
        if "weight" not in message:
            continue
        weight = message["weight"]
        if message.get("role") != "assistant":
            del message["weight"]
            yield _Step(f"{at}.weight", "removed: only assistants have one", weight)
        elif not isinstance(weight, list | dict) and str(weight).strip().lower() in _WEIGHTS:
            message["weight"] = _WEIGHTS[str(weight).strip().lower()]
            if weight.__class__ is not int:
                yield _Step(f"{at}.weight", "written as an integer", weight, message["weight"])


_WEIGHTS: Final = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}


def _surrounding_space(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS048: white space around texts goes."""
    for at, message in _messages(row, form):
        if is_spaced(message):
            content, message["content"] = message["content"], message["content"].strip()
            yield _Step(f"{at}.content", "white space removed", content, message["content"])


def is_spaced(message: Any) -> bool:
    """Whether white space surrounds the text of a message."""
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, str) and bool(stripped := content.strip()) and stripped is not content


def _empty_other(row: Row, form: RowFormat) -> Iterator[_Step]:
    """DS036: empty system messages go; tool results stay, for their calls wait for them."""
    for at, talk in form.talks(row):
        for index in range(len(talk) - 1, -1, -1):
            message = talk[index]
            if (
                isinstance(message, dict)
                and message.get("role") in INSTRUCTING
                and isinstance(message.get("content"), str)
                and not message["content"].strip()
            ):
                yield _Step(f"{at}[{index}]", "empty message removed", talk.pop(index))


def _unknown_keys(row: Row, form: RowFormat, guesses: Guesses | None = None) -> Iterator[_Step]:
    """DS031: unknown keys go, unless they look like a misspelt known one; of each place the first 20.

    The tools of a preference row move into its input, and those of a message beside the messages.
    """
    guesses = guesses or Guesses()
    messages = [*_messages(row, form)]
    for at, holder in _holders(row, form):
        places = [(str(key), row, key) for key in DEFINITION_KEYS if row is not holder and key in row]
        places += [
            (f"{where}.{key}", message, key)
            for where, message in messages
            for key in DEFINITION_KEYS
            if key in message
        ]
        for path, place, key in places:
            if holder.get(key) in (None, place[key]):
                holder[key] = place.pop(key)
                yield _Step(path, f"moved into {at or 'the row'}", None, holder[key])
    if guesses.are_over:
        return
    for at, holder in _holders(row, form) if form.holder_key else ():
        yield from _drop(holder, guesses.strangers(holder, CHAT_KEYS, _PLACED_IN_ROW), at)
    if not form.has_fields:
        yield from _drop(row, guesses.strangers(row, form.keys, _PLACED_IN_ROW), "")
    for at, message in messages:
        role = message.get("role")
        if isinstance(role, str) and role in KEYS_OF_ROLE:
            yield from _drop(message, guesses.strangers(message, KEYS_OF_ROLE[role], _PLACED_IN_MESSAGE), at)


#: What other repairs move, and what is not dropped where tools are defined twice.
_PLACED_IN_ROW: Final = frozenset({"parallel_tool_calls", *DEFINITION_KEYS}) | SPEAKING_KEYS
_PLACED_IN_MESSAGE: Final = PLACED_KEYS | _PLACED_IN_ROW


def _drop(holder: Row, keys: list[str], at: str) -> Iterator[_Step]:
    for key in keys:
        yield _Step(below(at, key), "unknown key removed", holder.pop(key))


#: Stands for the repair of keys that hold nothing, which no rule asks for; it goes with DS031.
NULLS: Final = "nulls"

#: In this order: what a later one looks at may have been made right by an earlier one.
REPAIRS: Final[Mapping[str, Repair]] = {
    "DS033": _known_role,
    "DS031": _unknown_keys,
    "DS099": _empty_lists,
    "DS053": _empty_calls,
    "DS058": _tools,
    "DS054": _arguments,
    "DS093": _null_content,
    "DS034": _empty_content,
    "DS101": _result_texts,
    "DS059": _parallel,
    "DS041": _weights,
    "DS036": _empty_other,
    "DS048": _surrounding_space,
}


def repairs_of(guesses: Guesses) -> Mapping[str, Repair]:
    """The repairs of a file, of whose unknown keys so much is known."""
    return {**REPAIRS, "DS031": partial(_unknown_keys, guesses=guesses)}


#: Codes that `on_issue: repair` can do something about: rows above, and what is left out as a whole.
REPAIRABLE: Final = frozenset({*REPAIRS, "DS003", "DS007"})
