"""Reinforcement rows: `{"messages": [..., user], ...fields that graders read}`."""

from __future__ import annotations

from typing import Any, Final

from shared.core.dataset import rules
from shared.core.dataset.messages import Issue, check_messages, check_speakers
from shared.core.dataset.tools import check_definitions, check_talk

KEYS: Final = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})


def check_row(row: dict[str, Any], issues: list[Issue]) -> None:
    """All rules of one reinforcement prompt; violations are appended to `issues`."""
    defined = check_definitions(row, "", issues)
    messages = row.get("messages")
    if not check_messages(messages, "messages", issues):
        return
    assert isinstance(messages, list)
    check_speakers(messages, "messages", issues)
    check_talk(messages, "messages", defined, issues)
    role = messages[-1].get("role")
    if role != "user":
        path = f"messages[{len(messages) - 1}].role"
        issues.append(Issue(rules.LAST_NOT_USER, path, f"the last message has role {str(role)[:40]!r}"))


def extra_fields(row: dict[str, Any]) -> frozenset[str]:
    """The fields besides the chat: what templates of graders see as `item.*`."""
    return frozenset(row.keys() - KEYS)


def check_fields(fields: frozenset[str], expected: frozenset[str], issues: list[Issue]) -> None:
    """Rule DS063: rows have the fields of the first row."""
    missing, more = sorted(expected - fields), sorted(fields - expected)
    if missing:
        issues.append(
            Issue(rules.OTHER_FIELDS, None, f"field {missing[0][:60]!r} of the first row is missing")
        )
    if more:
        issues.append(Issue(rules.OTHER_FIELDS, None, f"field {more[0][:60]!r} is not in the first row"))
