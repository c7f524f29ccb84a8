"""Rules that the messages of every method share."""

from __future__ import annotations

import difflib
import re
from typing import Any, Final, NamedTuple

from shared.core.dataset import rules
from shared.core.dataset.findings import Rule, to_excerpt
from shared.core.dataset.json_rows import json_kind

MESSAGES_MAX: Final = 2048
IMAGES_MAX: Final = 64
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_ROLE_WORDS: Final = {
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
}
_KEYS: Final = frozenset({"role", "content", "name"})
KEYS_OF_ROLE: Final = {
    "system": _KEYS,
    "developer": _KEYS,
    "user": _KEYS,
    "assistant": _KEYS | {"weight", "tool_calls", "function_call", "refusal"},
    "tool": _KEYS | {"tool_call_id"},
    "function": _KEYS,
}
_IMAGE_URL: Final = re.compile(
    r"https://[^\s]{1,8192}|data:image/(?:jpeg|jpg|png|webp);base64,[A-Za-z0-9+/=]+"
)


class Issue(NamedTuple):
    """A violation in one row, before it is known where the row stands."""

    rule: Rule
    path: str | None
    message: str
    excerpt: str | None = None
    remedy: str | None = None


def found(value: Any) -> str:
    """What was found, for the end of a sentence."""
    return f"found {json_kind(value)}"


def check_messages(messages: Any, path: str, issues: list[Issue]) -> bool:
    """Check a list of messages one by one; whether it is a list of objects that further rules can look at."""
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else json_kind(messages)
        issues.append(Issue(rules.MISSING_MESSAGES, path, f"expected a list of messages, found {what}"))
        return False
    if len(messages) > MESSAGES_MAX:
        issues.append(Issue(rules.TOO_MANY_MESSAGES, path, f"{len(messages)} messages"))
        return False
    sound = True
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            issues.append(
                Issue(rules.INVALID_MESSAGE, f"{path}[{index}]", f"expected an object, {found(message)}")
            )
            sound = False
        else:
            _check_message(message, f"{path}[{index}]", issues)
    if sound:
        _check_image_count(messages, path, issues)
    return sound


def _check_message(message: dict[str, Any], path: str, issues: list[Issue]) -> None:
    role = message.get("role")
    if not isinstance(role, str) or role not in KEYS_OF_ROLE:
        _report_role(message, role, path, issues)
        return
    if not message.keys() <= KEYS_OF_ROLE[role]:
        _report_unknown_keys(message, role, path, issues)
    if "name" in message or role == "function":
        _check_name(message.get("name"), path, issues)
    if "weight" in message and role == "assistant":
        _check_weight(message["weight"], path, issues)
    content = message.get("content")
    if isinstance(content, str):
        if not content or content.isspace():
            _report_empty(message, role, path, issues)
    elif isinstance(content, list) and content:
        _check_parts(content, role, f"{path}.content", issues)
    elif content is not None or not may_lack_content(message):
        what = (
            "nothing"
            if "content" not in message
            else "an empty list"
            if content == []
            else json_kind(content)
        )
        text = f"expected text or a list of parts, found {what}"
        issues.append(Issue(rules.INVALID_CONTENT, f"{path}.content", text))


def may_lack_content(message: dict[str, Any]) -> bool:
    """Whether an assistant message says what it says by other means than content."""
    return message.get("role") == "assistant" and any(
        message.get(key) for key in ("tool_calls", "function_call", "refusal")
    )


def _report_role(message: dict[str, Any], role: Any, path: str, issues: list[Issue]) -> None:
    """Rule DS033."""
    if "role" not in message:
        remedy = "This looks like ShareGPT: rename from/value to role/content." if "from" in message else None
        issues.append(Issue(rules.INVALID_ROLE, f"{path}.role", "role is missing", None, remedy))
        return
    if not isinstance(role, str):
        issues.append(Issue(rules.INVALID_ROLE, f"{path}.role", f"expected a string, {found(role)}"))
        return
    lower = role.strip().lower()
    near = [_ROLE_WORDS[lower]] if lower in _ROLE_WORDS else difflib.get_close_matches(lower[:40], ROLES, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    issues.append(Issue(rules.INVALID_ROLE, f"{path}.role", f"unknown role{guess}", role))


def _report_unknown_keys(message: dict[str, Any], role: str, path: str, issues: list[Issue]) -> None:
    """Rules DS031 and, for a weight that no assistant carries, DS041."""
    for key in message.keys() - KEYS_OF_ROLE[role]:
        if key == "weight":
            issues.append(
                Issue(rules.INVALID_WEIGHT, f"{path}.weight", f"a weight on a message of role {role}")
            )
        elif key in {"tool_calls", "function_call"}:
            issues.append(Issue(rules.INVALID_TOOL_CALL, f"{path}.{key}", f"role {role} calls no tools"))
        else:
            issues.append(
                Issue(rules.UNKNOWN_KEY, path, f"key {to_excerpt(key)!r} is not known for role {role}")
            )


def _check_name(name: Any, path: str, issues: list[Issue]) -> None:
    """Rule DS040."""
    if not isinstance(name, str):
        issues.append(Issue(rules.INVALID_NAME, f"{path}.name", f"expected a string, {found(name)}"))
    elif not NAME.fullmatch(name):
        issues.append(Issue(rules.INVALID_NAME, f"{path}.name", "not a valid name", name))


def _check_weight(weight: Any, path: str, issues: list[Issue]) -> None:
    """Rule DS041: 0 or 1, as an integer."""
    if isinstance(weight, bool) or not isinstance(weight, int) or weight not in {0, 1}:
        issues.append(
            Issue(rules.INVALID_WEIGHT, f"{path}.weight", f"expected 0 or 1, found {str(weight)[:20]}")
        )


def _report_empty(message: dict[str, Any], role: str, path: str, issues: list[Issue]) -> None:
    """Rules DS035 and DS036."""
    if may_lack_content(message):
        return
    rule = rules.EMPTY_CONTENT if role in {"user", "assistant"} else rules.EMPTY_OTHER
    issues.append(Issue(rule, f"{path}.content", "expected non-empty text, found white space or nothing"))


def _check_parts(parts: list[Any], role: str, path: str, issues: list[Issue]) -> None:
    """Rules DS037 and DS038, and an empty text part as DS035."""
    for index, part in enumerate(parts):
        where = f"{path}[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            if not part["text"].strip() and len(parts) == 1:
                issues.append(Issue(rules.EMPTY_CONTENT, f"{where}.text", "expected non-empty text"))
        elif kind == "image_url":
            _check_image(part.get("image_url"), role, where, issues)
        elif kind == "text":
            issues.append(
                Issue(rules.INVALID_PART, f"{where}.text", f"expected a string, {found(part.get('text'))}")
            )
        elif isinstance(part, dict):
            text = f"type {to_excerpt(str(kind))!r}" if kind is not None else "no type"
            issues.append(
                Issue(rules.INVALID_PART, where, f"expected a text or image_url part, found {text}")
            )
        else:
            issues.append(Issue(rules.INVALID_PART, where, f"expected an object, {found(part)}"))


def _check_image(image: Any, role: str, path: str, issues: list[Issue]) -> None:
    """Rule DS038."""
    url = image.get("url") if isinstance(image, dict) else None
    if role != "user":
        issues.append(Issue(rules.INVALID_IMAGE, path, f"an image in a message of role {role}"))
    elif not isinstance(url, str):
        issues.append(
            Issue(rules.INVALID_IMAGE, f"{path}.image_url", 'expected {"url": ...}, ' + found(image))
        )
    elif not _IMAGE_URL.fullmatch(url):
        issues.append(
            Issue(rules.INVALID_IMAGE, f"{path}.image_url.url", "neither an https nor an image data URL", url)
        )
    elif image.get("detail", "auto") not in {"low", "high", "auto"}:
        issues.append(Issue(rules.INVALID_IMAGE, f"{path}.image_url.detail", "detail is low, high or auto"))


def count_images(messages: list[dict[str, Any]]) -> int:
    """Images of an example."""
    count = 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            count += sum(1 for part in content if isinstance(part, dict) and part.get("type") == "image_url")
    return count


def _check_image_count(messages: list[dict[str, Any]], path: str, issues: list[Issue]) -> None:
    """Rule DS039."""
    count = count_images(messages)
    if count > IMAGES_MAX:
        issues.append(Issue(rules.TOO_MANY_IMAGES, path, f"{count} images"))


def check_speakers(messages: list[dict[str, Any]], path: str, issues: list[Issue]) -> None:
    """Rules DS045 and DS046: somebody asks, and one system message sets the scene."""
    roles = [message.get("role") for message in messages]
    if "user" not in roles:
        issues.append(Issue(rules.NO_USER, path, "no message from a user"))
    systems = roles.count("system") + roles.count("developer")
    if systems > 1:
        issues.append(Issue(rules.MANY_SYSTEM_MESSAGES, path, f"{systems} system or developer messages"))


def report_keys(row: dict[str, Any], known: frozenset[str], issues: list[Issue]) -> None:
    """Rule DS031 for the row itself."""
    for key in sorted(row.keys() - known):
        near = difflib.get_close_matches(key[:40], known, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        issues.append(Issue(rules.UNKNOWN_KEY, None, f"key {to_excerpt(key)!r} is not known{guess}"))
