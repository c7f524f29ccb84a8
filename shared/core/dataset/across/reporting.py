"""The report of a dataset from what is known about its files."""

from __future__ import annotations

from collections.abc import Mapping

from shared.core.dataset.across.balance import labels_of
from shared.core.dataset.across.statistics import lengths_of
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.limits import epochs_of
from shared.core.dataset.options import Options, Role
from shared.core.dataset.report import FileReport, Report
from shared.core.dataset.rulebook import Severity, broken
from shared.core.dataset.rules import sets
from shared.core.dataset.summary import FileSummary, RowState, SplitPlan
from shared.core.spec import MethodType


def build_report(
    summaries: Mapping[Role, FileSummary], plan: SplitPlan, options: Options, log: FindingLog
) -> Report:
    """Make the report of a dataset, after the rule about the size of the job (DS071).

    Args:
        summaries: of the training file and of the companions that are there.
        plan: the split of the training file.
        options: what was looked for.
        log: with all findings.
    """
    training = summaries[Role.TRAINING]
    epochs, is_assumed = epochs_of(options.epochs)
    trained = plan.tokens[Role.TRAINING]
    log.add_all(
        broken(sets.job_too_large, trained, epochs, options.limits.job_tokens_max), file=training.file
    )
    log.add_all(broken(sets.counting_stopped, log.stopped, log.counted_max), file=training.file)
    companions = {role: s for role, s in summaries.items() if role is not Role.TRAINING}
    counts = plan.counts | {role: summary.used_rows for role, summary in companions.items()}
    errors = log.count(Severity.ERROR)
    return Report(
        ok=errors == 0,
        method=options.method,
        files={role.value: _file_report(summary) for role, summary in summaries.items()},
        examples=counts[Role.TRAINING],
        validation_examples=counts[Role.VALIDATION],
        evaluation_examples=counts[Role.EVALUATION],
        strata={name: {role.value: n for role, n in parts.items()} for name, parts in plan.strata.items()},
        tokens=trained,
        epochs=epochs,
        epochs_assumed=is_assumed,
        billable_tokens=0 if options.method is MethodType.REINFORCEMENT else trained * epochs,
        findings=log.findings,
        totals=log.totals,
        errors=errors,
        warnings=log.count(Severity.WARNING),
        changes={summary.file: tuple(summary.changes) for summary in summaries.values() if summary.changes},
        change_count=sum(summary.change_count for summary in summaries.values()),
        training_content_key=training.content_key,
        companion_keys={role.value: summary.content_key for role, summary in companions.items()},
    )


def _file_report(summary: FileSummary) -> FileReport:
    return FileReport(
        name=summary.file,
        rows=summary.rows,
        used_rows=summary.used_rows,
        repaired_rows=summary.states.count(RowState.REPAIRED),
        quarantined_rows=len(summary.quarantine),
        dropped_rows=summary.states.count(RowState.DROPPED),
        tokens=summary.used_tokens,
        size_bytes=summary.size_bytes,
        sha256=summary.sha256,
        content_key=summary.content_key,
        messages=dict(summary.roles),
        lengths=lengths_of(summary.tokens),
        tools=dict(summary.tools),
        tool_rows=summary.tool_rows,
        images=summary.images,
        scripts=dict(summary.scripts),
        labels=labels_of(summary),
        system_messages=len({number for number in summary.systems if number}),
    )
