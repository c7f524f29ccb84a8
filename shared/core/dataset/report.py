"""The report on a dataset: what was found, what will be trained on, what it may cost."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from shared.core.dataset import tokens
from shared.core.dataset.findings import Finding, FindingLog, Severity
from shared.core.dataset.inspect import FileSummary, Role
from shared.core.dataset.split import SplitPlan, check_overlap
from shared.core.pipeline_types import MethodType


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the dataset."""

    name: str
    rows: int
    tokens: int
    size_bytes: int
    sha256: str
    content_key: str
    messages: dict[str, int]
    tool_rows: int
    images: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a dataset after it was read once.

    Attributes:
        ok: no errors: the dataset may be trained on.
        method: the method that it was checked for.
        files: by role.
        examples: training rows after the split.
        validation_examples: rows of the validation file or split.
        evaluation_examples: rows of the evaluation file or split.
        tokens: of the training rows after the split.
        epochs: that the estimate reckons with.
        epochs_assumed: whether they are assumed, because the pipeline leaves them to Foundry.
        billable_tokens: tokens times epochs; 0 for reinforcement, which is billed by the hour.
        findings: the first 200, errors before others when there are more.
        totals: findings of each code, exact.
        errors: how many findings are errors, exact.
        warnings: how many are warnings, exact.
        training_content_key: identity of the training rows.
        companion_keys: identity of the companions' rows, by role.
    """

    ok: bool
    method: MethodType
    files: dict[str, FileReport]
    examples: int
    validation_examples: int
    evaluation_examples: int
    tokens: int
    epochs: int
    epochs_assumed: bool
    billable_tokens: int
    findings: tuple[Finding, ...]
    totals: dict[str, int]
    errors: int
    warnings: int
    training_content_key: str
    companion_keys: dict[str, str]


def build_report(
    summaries: Mapping[Role, FileSummary],
    plan: SplitPlan,
    *,
    method: MethodType,
    epochs: float | str | None,
    log: FindingLog,
) -> Report:
    """Make the report of a dataset, after the rules that look at all files together (DS008, DS071).

    Args:
        summaries: of the training file and of the companions that are there, all inspected with one seed.
        plan: the split of the training file.
        method: of the pipeline.
        epochs: the hyperparameter `n_epochs`, a number or `auto`.
        log: with all findings.
    """
    training = summaries[Role.TRAINING]
    epochs_counted, is_assumed = tokens.epochs_of(epochs)
    trained = plan.tokens[Role.TRAINING]
    companions = {role: s for role, s in summaries.items() if role is not Role.TRAINING}
    tokens.check_job_size(trained, epochs_counted, file=training.file, log=log)
    for companion in companions.values():
        check_overlap(training, companion, log)
    counts = plan.counts | {role: summary.rows for role, summary in companions.items()}
    errors = log.count(Severity.ERROR)
    return Report(
        ok=errors == 0,
        method=method,
        files={role.value: _file_report(summary) for role, summary in summaries.items()},
        examples=counts[Role.TRAINING],
        validation_examples=counts[Role.VALIDATION],
        evaluation_examples=counts[Role.EVALUATION],
        tokens=trained,
        epochs=epochs_counted,
        epochs_assumed=is_assumed,
        billable_tokens=0 if method is MethodType.REINFORCEMENT else trained * epochs_counted,
        findings=log.findings,
        totals=log.totals,
        errors=errors,
        warnings=log.count(Severity.WARNING),
        training_content_key=training.content_key,
        companion_keys={role.value: summary.content_key for role, summary in companions.items()},
    )


def _file_report(summary: FileSummary) -> FileReport:
    return FileReport(
        name=summary.file,
        rows=summary.rows,
        tokens=summary.tokens,
        size_bytes=summary.size_bytes,
        sha256=summary.sha256,
        content_key=summary.content_key,
        messages=dict(summary.roles),
        tool_rows=summary.tool_rows,
        images=summary.images,
    )


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
        f"| {_escape(f.name)} | {role} | {f.rows:,} | {f.tokens:,} | {f.size_bytes:,} | `{f.sha256[:12]}` |"
        for role, f in report.files.items()
    ]
    if report.findings:
        lines += ["", "## Findings", "", "| Where | Code | Finding | Remedy |", "|---|---|---|---|"]
        lines += [_finding_line(finding) for finding in report.findings]
        total = sum(report.totals.values())
        if total > len(report.findings):
            lines += ["", f"{len(report.findings)} of {total:,} findings are shown."]
    return "\n".join(lines) + "\n"


def _finding_line(finding: Finding) -> str:
    where = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    what = f"{finding.path}: {finding.message}" if finding.path else finding.message
    excerpt = f" (`{_escape(finding.excerpt).replace('`', ' ')}`)" if finding.excerpt else ""
    code = f"{finding.code} {finding.severity.value}"
    return f"| {_escape(where)} | {code} | {_escape(what)}{excerpt} | {_escape(finding.remedy)} |"


def _escape(text: str) -> str:
    """Text that neither ends a table cell nor becomes HTML or a link."""
    for char, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("[", "\\["), ("\n", " ")):
        text = text.replace(char, safe)
    return text
