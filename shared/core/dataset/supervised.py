"""Supervised rows: `{"messages": [..., assistant], "tools": [...]}`."""

from __future__ import annotations

from typing import Any, Final

from shared.core.dataset import rules
from shared.core.dataset.messages import Issue, check_messages, check_speakers, report_keys
from shared.core.dataset.tools import check_definitions, check_talk

KEYS: Final = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})


def check_row(row: dict[str, Any], issues: list[Issue]) -> None:
    """All rules of one supervised example; violations are appended to `issues`."""
    if not row.keys() <= KEYS:
        report_keys(row, KEYS, issues)
    defined = check_definitions(row, "", issues)
    messages = row.get("messages")
    if not check_messages(messages, "messages", issues):
        return
    assert isinstance(messages, list)
    check_speakers(messages, "messages", issues)
    check_talk(messages, "messages", defined, issues)
    check_last_is_assistant(messages, issues)
    check_weights(messages, issues)


def check_last_is_assistant(messages: list[dict[str, Any]], issues: list[Issue]) -> None:
    """Rule DS043."""
    role = messages[-1].get("role")
    if role != "assistant":
        path = f"messages[{len(messages) - 1}].role"
        issues.append(Issue(rules.LAST_NOT_ASSISTANT, path, f"the last message has role {str(role)[:40]!r}"))


def check_weights(messages: list[dict[str, Any]], issues: list[Issue]) -> None:
    """Rule DS042."""
    weights = [message.get("weight", 1) for message in messages if message.get("role") == "assistant"]
    if weights and not any(weights):
        issues.append(Issue(rules.NOTHING_TO_LEARN, "messages", "every assistant message has weight 0"))
