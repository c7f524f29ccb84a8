"""The report on a dataset: what was found, what will be trained on, what it may cost."""

from __future__ import annotations

import msgspec

from shared.core.dataset.findings import Finding
from shared.core.dataset.repair import Change
from shared.core.evaluation.outlook import Outlook
from shared.core.shown import markdown
from shared.core.spec import MethodType

_SHOWN_MAX = 50


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of rows: least, median, 95th percentile, most, mean."""

    least: int
    median: int
    p95: int
    most: int
    mean: float


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the dataset.

    Attributes:
        name: of the blob or file.
        rows: lines that are not blank.
        used_rows: rows that are trained, validated or judged on.
        repaired_rows: of these, how many were repaired.
        quarantined_rows: rows that were put aside.
        dropped_rows: exact duplicates that were left out.
        tokens: of the rows that are used.
        size_bytes: length of the file.
        sha256: of the bytes.
        content_key: identity of the rows that are used, however they are written.
        messages: by role.
        lengths: tokens of rows; None if they were not counted.
        tools: how many rows define each function.
        tool_rows: rows with tools.
        images: images in all rows.
        scripts: share of letters by script, in a sample.
        labels: rows of each answer, where answers are labels.
        system_messages: how many different ones there are.
    """

    name: str
    rows: int
    used_rows: int
    repaired_rows: int
    quarantined_rows: int
    dropped_rows: int
    tokens: int
    size_bytes: int
    sha256: str
    content_key: str
    messages: dict[str, int]
    lengths: Lengths | None
    tools: dict[str, int]
    tool_rows: int
    images: int
    scripts: dict[str, float]
    labels: dict[str, int]
    system_messages: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a dataset after it was read once.

    Attributes:
        ok: no errors: the dataset may be trained on.
        method: the method that it was checked for.
        files: by role.
        examples: training rows after the split.
        validation_examples: rows of the validation file or split.
        evaluation_examples: rows of the evaluation file or split.
        strata: rows of each part by stratum: by label, or by quarter of the lengths.
        tokens: of the training rows after the split.
        epochs: that the estimate reckons with.
        epochs_assumed: whether they are assumed, because the pipeline leaves them to Foundry.
        billable_tokens: tokens times epochs; 0 for reinforcement, which is billed by the hour.
        findings: the first 50 of each rule.
        totals: findings of each code; exact but for those that DS097 names.
        errors: how many are errors, as they are counted.
        warnings: how many are warnings, as they are counted.
        changes: the first repairs of each file, by its name.
        change_count: how many repairs there were.
        training_content_key: identity of the training rows.
        companion_keys: identity of the companions' rows, by role.
        pipeline_notes: what is worth saying about the pipeline file, a line each, with its place.
        app_version: of the app that made the report; empty in those of 0.1.0.
        grading: how answers will be graded, a sentence each: which grader decides, why, and whether it passed its self-test.
        azure: what Azure says of model, quota and limits, and what it did not say, a sentence each.
        outlook: what the comparison will be able to show; None where the dataset has errors, or no pipeline is known.
    """

    ok: bool
    method: MethodType
    files: dict[str, FileReport]
    examples: int
    validation_examples: int
    evaluation_examples: int
    strata: dict[str, dict[str, int]]
    tokens: int
    epochs: int
    epochs_assumed: bool
    billable_tokens: int
    findings: tuple[Finding, ...]
    totals: dict[str, int]
    errors: int
    warnings: int
    changes: dict[str, tuple[Change, ...]]
    change_count: int
    training_content_key: str
    companion_keys: dict[str, str]
    pipeline_notes: tuple[str, ...] = ()
    app_version: str = ""
    grading: tuple[str, ...] = ()
    outlook: Outlook | None = None
    azure: tuple[str, ...] = ()


def to_markdown(report: Report) -> str:
    """The report as a page for people."""
    verdict = "can be trained on" if report.ok else f"cannot be trained on: {report.errors} errors"
    assumed = " (assumed: the pipeline leaves them to Foundry)" if report.epochs_assumed else ""
    lines = [
        "# Dataset",
        "",
        f"The dataset {verdict}. {report.warnings} warnings.",
        "",
        "| | |",
        "|---|---:|",
        f"| Training examples | {report.examples:,} |",
        f"| Validation examples | {report.validation_examples:,} |",
        f"| Evaluation examples | {report.evaluation_examples:,} |",
        f"| Training tokens | {report.tokens:,} |",
        f"| Epochs | {report.epochs}{assumed} |",
        f"| Billable tokens | {report.billable_tokens:,} |",
        "",
        "| File | Role | Rows | Tokens | Bytes | SHA-256 |",
        "|---|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {markdown(f.name)} | {role} | {f.rows:,} | {f.tokens:,} | {f.size_bytes:,} | `{f.sha256[:12]}` |"
        for role, f in report.files.items()
    ]
    if report.outlook or report.azure:
        told = (*(report.outlook.sentences if report.outlook else ()), *report.azure)
        lines += ["", "## Before money is spent", "", *(f"- {markdown(sentence)}" for sentence in told)]
    for role, file in report.files.items():
        lines += _statistics(role, file)
    if report.strata and len(report.strata) > 1:
        lines += [
            "",
            "## Split",
            "",
            "| Stratum | Training | Validation | Evaluation |",
            "|---|---:|---:|---:|",
        ]
        lines += [
            f"| {markdown(name)} | {n['training']:,} | {n['validation']:,} | {n['evaluation']:,} |"
            for name, n in report.strata.items()
        ]
    lines += _repairs(report)
    if report.pipeline_notes:
        lines += ["", "## Pipeline file", "", *(f"- {markdown(note)}" for note in report.pipeline_notes)]
    if report.grading:
        lines += ["", "## Grading", "", *(f"- {markdown(sentence)}" for sentence in report.grading)]
    if report.findings:
        lines += ["", "## Findings", "", "| Code | Severity | How often |", "|---|---|---:|"]
        severities = {finding.code: finding.severity.value for finding in report.findings}
        lines += [
            f"| {code} | {severities.get(code, '')} | {count:,} |" for code, count in report.totals.items()
        ]
        lines += ["", "| Where | Code | Finding | Remedy |", "|---|---|---|---|"]
        lines += [_finding_line(finding) for finding in report.findings]
        total = sum(report.totals.values())
        if total > len(report.findings):
            lines += ["", f"{len(report.findings)} of {total:,} findings are shown, the first of each rule."]
    if report.app_version:
        lines += ["", f"Checked by version {report.app_version} of the app."]
    return "\n".join(lines) + "\n"


def with_grading(report: Report, findings: tuple[Finding, ...], grading: tuple[str, ...]) -> Report:
    """The report with what was found about the graders: these findings are errors."""
    totals = dict(report.totals)
    for finding in findings:
        totals[finding.code] = totals.get(finding.code, 0) + 1
    return msgspec.structs.replace(
        report,
        ok=report.ok and not findings,
        findings=(*report.findings, *findings),
        totals=totals,
        errors=report.errors + len(findings),
        grading=grading,
    )


def _statistics(role: str, file: FileReport) -> list[str]:
    lines = ["", f"## {role.capitalize()} file", ""]
    if file.lengths is not None:
        n = file.lengths
        lines.append(
            f"- tokens per row: least {n.least:,}, median {n.median:,}, 95th percentile {n.p95:,}, most {n.most:,}"
        )
    lines.append(
        "- messages: "
        + (", ".join(f"{count:,} {markdown(name)}" for name, count in file.messages.items()) or "none")
    )
    for what, count in (
        ("repaired", file.repaired_rows),
        ("in quarantine", file.quarantined_rows),
        ("left out as duplicates", file.dropped_rows),
    ):
        if count:
            lines.append(f"- {count:,} rows {what}")
    if file.system_messages:
        lines.append(f"- {file.system_messages:,} different system messages")
    if file.tools:
        shown = ", ".join(f"{markdown(name)} ({count:,})" for name, count in list(file.tools.items())[:20])
        lines.append(f"- tools in {file.tool_rows:,} rows: {shown}")
    if file.scripts:
        lines.append(
            "- scripts: " + ", ".join(f"{markdown(name)} {share:.0%}" for name, share in file.scripts.items())
        )
    if file.labels:
        lines.append(
            "- labels: "
            + ", ".join(f"{markdown(name)} ({count:,})" for name, count in list(file.labels.items())[:50])
        )
    return lines


def _repairs(report: Report) -> list[str]:
    if not report.change_count:
        return []
    lines = ["", "## Repairs", ""]
    if report.changes:
        lines += ["| Where | Code | What | Before | After |", "|---|---|---|---|---|"]
    for name, changes in report.changes.items():
        lines += [
            f"| {markdown(name)}:{c.line} | {c.code} | {markdown(f'{c.path}: ' if c.path else '')}{markdown(c.what)} "
            f"| {markdown(c.before)} | {markdown(c.after)} |"
            for c in changes[:_SHOWN_MAX]
        ]
    lines += [""] if report.changes else []
    return [*lines, f"{report.change_count:,} repairs in all; the dropped file itself is unchanged."]


def _finding_line(finding: Finding) -> str:
    what = f"{finding.path}: {finding.message}" if finding.path else finding.message
    excerpt = f" ({markdown(finding.excerpt)})" if finding.excerpt else ""
    code = f"{finding.code} {finding.severity.value}"
    return f"| {markdown(finding.place)} | {code} | {markdown(what)}{excerpt} | {markdown(finding.remedy)} |"
