"""The report: numbers after the split, a page for people, JSON for machines."""

import msgspec
import pytest

from shared.core.dataset.report import Report, to_markdown
from tests.core.dataset.rows import ANSWER, USER, chat, lines, many, validated


def report_of(data: bytes, *, epochs=3, companion: bytes | None = None, **options) -> Report:
    companions = {} if companion is None else {"validation": companion}
    return validated(data, companions=companions, epochs=epochs, **options).report


def test_tokens_are_those_of_the_training_rows_after_the_split():
    report = report_of(many(100))

    assert report.ok
    assert (report.examples, report.validation_examples, report.evaluation_examples) == (80, 10, 10)
    assert 0 < report.tokens < report.files["training"].tokens
    assert report.billable_tokens == 3 * report.tokens
    assert not report.epochs_assumed
    assert report_of(many(100), epochs="auto").epochs_assumed


def test_notes_about_the_pipeline_file_stand_in_the_page():
    report = report_of(many(20))
    noted = msgspec.structs.replace(
        report, pipeline_notes=("pipelines/p.yaml:1:8: model: <new> is not known.",)
    )

    assert "## Pipeline file" not in to_markdown(report)
    assert "## Pipeline file\n\n- pipelines/p.yaml:1:8: model: \\<new\\> is not known.\n" in to_markdown(
        noted
    )


def test_a_companion_counts_and_shared_rows_are_warned_about():
    report = report_of(many(100), companion=many(5))

    assert (report.examples, report.validation_examples) == (90, 5)
    assert set(report.companion_keys) == {"validation"}
    assert report.totals == {"DS008": 5}
    assert (report.ok, report.warnings) == (True, 5)


def said(question, answer):
    return chat({"role": "user", "content": question}, {"role": "assistant", "content": answer})


@pytest.mark.parametrize("order", [("validation", "evaluation"), ("evaluation", "validation")])
def test_evaluation_rows_are_looked_for_in_the_validation_file_too(order):
    long = "Summarise: " + " ".join(f"word{i} and {i * 7919} more of it" for i in range(20))
    files = {
        "validation": lines(said("Same?", "Yes"), said("Which?", "One"), said(long, "Short")),
        "evaluation": lines(
            said("Which?", "Other"), said("New?", "No"), said("Same?", "Yes"), said(long + " now", "Short")
        ),
    }
    report = validated(many(30), companions={role: files[role] for role in order}).report

    assert [(f.code, f.file, f.line) for f in report.findings] == [
        ("DS087", "evaluation.jsonl", 1),
        ("DS008", "evaluation.jsonl", 3),
        ("DS086", "evaluation.jsonl", 4),
    ]
    assert "line 1 of validation.jsonl, so scores on it prove less" in report.findings[1].message


def test_a_report_survives_json():
    report = report_of(many(20) + b"{\n", companion=many(3))

    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    assert not report.ok


def test_the_page_escapes_what_the_dataset_says():
    report = report_of(lines(*[chat({**USER, "role": "<b>|`x`[a](b)"}, ANSWER)] * 12))

    page = to_markdown(report)

    assert "cannot be trained on" in page
    assert "<b>" not in page
    assert "| DS033 error |" in page
    assert all(line.replace("\\|", "").count("|") in {0, 3, 4, 5, 6, 7} for line in page.splitlines())
