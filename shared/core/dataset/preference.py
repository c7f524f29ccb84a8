"""Preference rows: `{"input": {"messages": ...}, "preferred_output": ..., "non_preferred_output": ...}`."""

from __future__ import annotations

from typing import Any, Final

from shared.core.dataset import rules
from shared.core.dataset.messages import Issue, check_messages, found, report_keys
from shared.core.dataset.tools import check_definitions, check_talk

KEYS: Final = frozenset({"input", "preferred_output", "non_preferred_output"})
INPUT_KEYS: Final = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})
_OUTPUT_ROLES: Final = frozenset({"assistant", "tool"})


def check_row(row: dict[str, Any], issues: list[Issue]) -> None:
    """All rules of one preference pair; violations are appended to `issues`."""
    if not row.keys() <= KEYS:
        report_keys(row, KEYS, issues)
    given = row.get("input")
    defined = None
    if not isinstance(given, dict):
        issues.append(Issue(rules.MISSING_INPUT, "input", f"expected an object, {found(given)}"))
    else:
        if not given.keys() <= INPUT_KEYS:
            report_keys(given, INPUT_KEYS, issues)
        defined = check_definitions(given, "input.", issues)
        messages = given.get("messages")
        if check_messages(messages, "input.messages", issues):
            assert isinstance(messages, list)
            check_talk(messages, "input.messages", defined, issues)
    for key in ("preferred_output", "non_preferred_output"):
        _check_output(row.get(key), key, defined, issues)
    if row.get("preferred_output") is not None and row.get("preferred_output") == row.get(
        "non_preferred_output"
    ):
        issues.append(Issue(rules.SAME_OUTPUTS, "preferred_output", "both outputs are the same"))


def _check_output(output: Any, key: str, defined: frozenset[str] | None, issues: list[Issue]) -> None:
    """Rule DS061 and the rules of messages."""
    if not isinstance(output, list) or not output:
        text = f"expected a list of messages, {found(output)}"
        issues.append(Issue(rules.INVALID_OUTPUT, key, text))
        return
    if not check_messages(output, key, issues):
        return
    roles = {message.get("role") for message in output}
    if "assistant" not in roles:
        issues.append(Issue(rules.INVALID_OUTPUT, key, "no assistant message"))
    if other := sorted(str(role)[:40] for role in roles - _OUTPUT_ROLES):
        issues.append(
            Issue(rules.INVALID_OUTPUT, key, f"only assistant and tool may speak here, not {other[0]}")
        )
    check_talk(output, key, defined, issues)
