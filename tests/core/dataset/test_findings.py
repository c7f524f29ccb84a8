"""Findings are bounded, counted exactly, and show nothing private."""

import pytest

from shared.core.dataset import rules
from shared.core.dataset.findings import FindingLog, Severity, to_excerpt


def test_a_log_keeps_the_first_findings_and_counts_all():
    log = FindingLog(limit=3)
    for line in range(1, 11):
        log.add(rules.BLANK_LINE, "blank", file="f", line=line)

    assert [finding.line for finding in log.findings] == [1, 2, 3]
    assert log.totals == {"DS003": 10}
    assert log.count(Severity.WARNING) == 10


def test_a_flood_of_warnings_hides_no_error():
    log = FindingLog(limit=2)
    for line in (1, 2, 3):
        log.add(rules.BLANK_LINE, "blank", file="f", line=line)
    log.add(rules.INVALID_JSON, "broken", file="f", line=4)

    assert [finding.code for finding in log.findings] == ["DS003", "DS011"]


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("write to jane.doe@example.com now", "write to [mail] now"),
        ("card 4111 1111 1111 1111 here", "card [number] here"),
        ("key sk-abcdefghijklmnop1234", "key [key]"),
        ("a\x1b[31m\u202eb\nc", r"a\x1b[31m\u202eb\nc"),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_an_excerpt_is_short_and_masks_what_is_private(text, excerpt):
    assert to_excerpt(text) == excerpt


def test_every_rule_has_its_own_code_a_title_and_a_remedy():
    declared = [value for value in vars(rules).values() if isinstance(value, rules.Rule)]

    assert len({rule.code for rule in declared}) == len(declared) == len(rules.RULES)
    assert all(rule.title and rule.remedy.endswith((".", "`")) for rule in declared)


def test_a_finding_reads_as_code_place_message_remedy():
    log = FindingLog()
    log.add(
        rules.INVALID_CONTENT,
        "expected text, found null",
        file="t.jsonl",
        line=41,
        path="messages[2].content",
    )

    assert log.findings[0].render() == (
        "DS034 t.jsonl:41 messages[2].content: expected text, found null. Give the message text, or remove the message."
    )
