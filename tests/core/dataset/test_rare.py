"""What is rare in files: rules that are turned up or off, rows that two rules speak of."""

import pytest

from shared.core.dataset.options import Action, Options, severities_of, templates_of
from shared.core.dataset.repair import REPAIRS, repair_row
from shared.core.dataset.report import to_markdown
from shared.core.dataset.rulebook import Severity
from shared.core.dataset.rules import RULES, lines, messages
from shared.core.dataset.summary import RowState
from shared.core.pipeline.file import parse_pipeline
from shared.core.spec import MethodType
from tests.core.dataset.rows import ANSWER, TOOL, USER, chat, inspect, many, validated
from tests.core.dataset.rows import lines as as_lines


def asked(number, answer="4", **fields):
    return chat(
        {"role": "user", "content": f"What is {number} + {number * 7}?"},
        {**ANSWER, "content": answer},
        **fields,
    )


def test_more_system_messages_than_are_counted_apart_are_one(monkeypatch):
    monkeypatch.setattr("shared.core.dataset.rows.numbering._SYSTEMS_MAX", 2)
    rows_ = [chat({"role": "system", "content": f"Be {n}."}, USER, ANSWER) for n in range(4)]
    summary, _ = inspect(as_lines(*rows_))

    assert list(summary.systems)[:2] == [1, 2]
    assert len(set(list(summary.systems)[2:])) == 1


def test_a_strict_rule_set_makes_each_warning_an_error():
    severities = severities_of("strict", {})

    assert severities
    assert set(severities) == {code for code, rule in RULES.items() if rule.severity is Severity.WARNING}
    assert set(severities.values()) == {Severity.ERROR}


def test_a_minimal_rule_set_keeps_what_the_service_refuses_and_what_the_pipeline_names():
    soft = next(code for code, rule in RULES.items() if not rule.is_hard)
    severities = severities_of("minimal", {soft: "note"})

    assert severities.pop(soft) is Severity.NOTE
    assert set(severities) == {code for code, rule in RULES.items() if not rule.is_hard} - {soft}
    assert set(severities.values()) == {None}


@pytest.mark.parametrize(
    ("grader", "templates"),
    [
        ("{{item.answer}}", ("{{item.answer}}",)),
        ("no template", ()),
        ({"input": "{{a}}", "source": "{{code}}", "graders": [{"x": "{{b}}"}, 3]}, ("{{a}}", "{{b}}")),
        (None, ()),
    ],
)
def test_templates_are_found_wherever_they_stand(grader, templates):
    assert templates_of(grader) == templates


def test_a_row_that_was_set_aside_is_not_reported_as_a_duplicate_too():
    bad = chat({"role": "user", "content": "Mail ada@contoso.com about 1 + 7"}, ANSWER)
    near = chat({"role": "user", "content": "Mail ada@contoso.com about 1 + 7 " + "now " * 30}, ANSWER)
    close = chat({"role": "user", "content": "Mail ada@contoso.com about 1 + 7 " + "now " * 31}, ANSWER)
    data = many(20) + as_lines(bad, bad, near, close)
    assert {"DS007", "DS082", "DS085"} <= validated(data).report.totals.keys()
    kept = validated(
        data,
        severities={"DS082": Severity.ERROR},
        default_action=Action.QUARANTINE,
        quarantine_max_share=0.5,
    ).report

    assert kept.files["training"].quarantined_rows == 4
    assert "DS007" not in kept.totals
    assert "DS085" not in kept.totals


def test_more_changes_than_are_listed_are_counted(monkeypatch):
    monkeypatch.setattr("shared.core.dataset.across.duplicates._CHANGES_MAX", 1)
    data = many(12) + many(3)
    found = validated(data, actions={"DS007": Action.REPAIR})
    (summary,) = found.files.values()

    assert (summary.change_count, len(summary.changes)) == (3, 1)


def test_answers_that_are_labels_are_counted_in_the_report():
    data = as_lines(*(asked(number, "yes" if number % 3 else "no") for number in range(60)))

    assert "- labels: yes (40), no (20)" in to_markdown(validated(data).report).replace(
        "no (20), yes (40)", "yes (40), no (20)"
    )


def test_claudes_format_is_named():
    _, log = inspect(as_lines(*[{"system": "Be brief.", "messages": [USER, ANSWER]}] * 12))

    assert any("Claude format" in finding.message for finding in log.findings)


def test_letters_and_digits_too_short_for_an_iban_are_none():
    _, log = inspect(as_lines(chat({"role": "user", "content": "Order DE12 3456 7890 please"}, ANSWER)))

    assert "DS082" not in log.totals


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        (lines.line_too_long, (10, 10)),
        (lines.blank_line, (b"{}",)),
        (lines.lone_surrogate, (b"\xff",)),
        (lines.duplicate_key, (b"{",)),
        (lines.duplicate_key, (b"[" * 100_000,)),
        (messages.invalid_message, ({"role": "user"}, "messages[0]")),
        (messages.invalid_name, ({"role": "user"}, "messages[0]")),
        (messages.invalid_weight, ({"role": "user"}, "messages[0]")),
    ],
)
def test_a_rule_is_silent_about_what_it_is_not_about(rule, facts):
    assert list(rule(*facts)) == []


def test_a_line_that_no_other_rule_explains_is_not_strict_json():
    assert [problem.message for problem in lines.invalid_json(b"{}")] == ["not strict JSON"]


def test_a_file_of_another_kind_stays_one_however_long_it_is():
    """Its first row says so; sound rows that stand blocks below are no training data either."""
    preference = {
        "input": {"messages": [USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{**ANSWER, "content": "5"}],
    }
    summary, log = inspect(as_lines(preference) + many(9000))

    assert summary.rows == 9001
    assert {RowState(state) for state in summary.states[-5000:]} == {RowState.BAD}
    assert sum(log.totals.values()) == log.count(Severity.ERROR) == 1


def test_a_copy_that_is_left_out_is_not_reported_as_a_near_duplicate_too():
    def near(extra):
        words = " ".join(f"word{number}" for number in range(200))
        return chat({"role": "user", "content": f"{words} {extra}"}, ANSWER)

    data = many(20) + as_lines(near("then"), near("when"), near("when"))
    reported = validated(data).report.totals
    repaired = validated(data, actions={"DS007": Action.REPAIR}).report.totals

    assert (reported["DS007"], reported["DS085"]) == (1, 2)
    assert "DS007" not in repaired
    assert repaired["DS085"] == 1


def test_options_are_as_the_pipeline_says():
    text = (
        "model: gpt-4.1\n"
        "method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}\n"
        "dataset: {on_issue: repair, rules: {DS082: error}}\n"
    )
    options = Options.of(parse_pipeline(text, name="p").spec)

    assert (options.method, options.epochs) == (MethodType.SUPERVISED, 2)
    assert options.default_action is Action.REPAIR
    assert options.severities["DS082"] is Severity.ERROR


def test_a_misplaced_setting_that_is_not_a_setting_goes_away():
    row = chat({**USER, "parallel_tool_calls": "yes"}, ANSWER, tools=[TOOL])
    repaired, changes = repair_row(row, {"DS059"}, MethodType.SUPERVISED, 1, REPAIRS)

    assert repaired == chat(USER, ANSWER, tools=[TOOL])
    assert [change.code for change in changes] == ["DS059"]
