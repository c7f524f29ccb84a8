"""Whether labels, lengths and system messages are balanced."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from shared.core.dataset.across.columns import column_of, used_rows
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.rulebook import Rule, broken
from shared.core.dataset.rules import sets
from shared.core.dataset.summary import FileSummary

_MAJORITY: Final = 0.9
_SYSTEM_ROWS_MIN: Final = 20


def log_broken(
    rule: Rule, log: FindingLog, summary: FileSummary, row: int | None, *facts: Any, **named: Any
) -> None:
    """Ask a rule and log what it finds, at a row or about the whole file."""
    line = None if row is None else summary.lines[row]
    log.add_all(broken(rule, *facts, **named), file=summary.file, line=line)


def report_balance(training: FileSummary, log: FindingLog) -> None:
    """Rules DS089, DS090 and DS091."""
    used = used_rows(training)
    log_broken(sets.label_imbalance, log, training, None, labels_of(training), len(used))
    tokens = np.sort(column_of(training.tokens)[used])
    tokens = tokens[tokens > 0]
    share = tokens[len(tokens) - len(tokens) // 100 :].sum() / max(int(tokens.sum()), 1)
    log_broken(sets.length_imbalance, log, training, None, len(tokens), float(share))
    if len(used) < _SYSTEM_ROWS_MIN:
        return

    systems = column_of(training.systems)[used]
    counts = np.bincount(systems)
    common = int(counts.argmax())
    majority = int(counts[common])
    if _MAJORITY * len(used) <= majority < len(used):
        line = training.lines[int(used[np.flatnonzero(systems == common)[0]])]
        for position in np.flatnonzero(systems != common).tolist():
            missing = not systems[position]
            row = int(used[position])
            log_broken(
                sets.inconsistent_system, log, training, row, line, len(used), majority, is_missing=missing
            )


def labels_of(summary: FileSummary) -> dict[str, int]:
    """How many rows have each short answer, if answers repeat so much that they are labels; else nothing."""
    if not summary.label_names:
        return {}
    numbers = column_of(summary.labels)[used_rows(summary)]
    names = summary.label_names
    if not len(numbers) or not numbers.min() or numbers.max() > len(names):
        return {}
    counts = np.bincount(numbers, minlength=len(names) + 1)
    labels = {name: int(counts[number]) for number, name in enumerate(names, start=1) if counts[number]}
    return labels if sets.are_labels(labels, len(numbers)) else {}
