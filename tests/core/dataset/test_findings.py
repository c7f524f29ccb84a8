"""Findings are bounded, counted exactly, and show nothing private."""

import pytest

from shared.core.dataset.findings import FindingLog, to_excerpt
from shared.core.dataset.rulebook import Problem, Severity
from shared.core.dataset.rules import RULES

BLANK = RULES["DS003"]


def test_a_log_keeps_the_first_findings_of_each_rule_and_counts_all():
    log = FindingLog(limit=3)
    for line in range(1, 11):
        log.add(BLANK, Problem(None, "blank"), file="f", line=line)
    log.add(RULES["DS011"], Problem(None, "broken"), file="f", line=11)

    assert [finding.line for finding in log.findings] == [1, 2, 3, 11]
    assert log.totals == {"DS003": 10, "DS011": 1}
    assert (log.count(Severity.WARNING), log.count(Severity.ERROR)) == (10, 1)


def test_a_pipeline_changes_severities_and_turns_rules_off():
    log = FindingLog({"DS003": Severity.ERROR, "DS048": None})
    log.add(BLANK, Problem(None, "blank"), file="f")
    log.add(RULES["DS048"], Problem(None, "spaces"), file="f")

    assert (log.totals, log.count(Severity.ERROR)) == ({"DS003": 1}, 1)


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("write to jane.doe@example.com now", "write to [mail] now"),
        ("card 4111 1111 1111 1111 here", "card [number] here"),
        ("key sk-abcdefghijklmnop1234", "key [key]"),
        ("call +49 (30) 1234 5678", "call [number]"),
        ("AccountKey=abcdefghijkl==;x", "AccountKey=[key];x"),
        ("a\x1b[31m\u202eb\nc", r"a\x1b[31m\u202eb\nc"),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_an_excerpt_is_short_and_masks_what_is_private(text, excerpt):
    assert to_excerpt(text) == excerpt


def test_a_finding_reads_as_code_place_message_remedy():
    log = FindingLog()
    log.add(
        RULES["DS034"], Problem("messages[2].content", "expected text, found null"), file="t.jsonl", line=41
    )

    assert log.findings[0].render() == (
        "DS034 t.jsonl:41 messages[2].content: expected text, found null. Give the message text, or remove the message."
    )
