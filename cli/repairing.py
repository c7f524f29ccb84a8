"""What `validate` repairs, would repair, and cannot."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Final

from cli.console import counted, errors, output
from cli.files import write_repaired
from cli.hints import typed
from shared.core.dataset.options import Options
from shared.core.dataset.repair import REPAIRABLE
from shared.core.dataset.report import Report
from shared.core.dataset.rulebook import Severity
from shared.core.dataset.validate import ValidatedDataset

#: So many lines that stop a repair are named.
_STOPPING_MAX: Final = 20


def repair(path: Path, out: Path, found: ValidatedDataset, options: Options) -> None:
    """Write the repaired rows, or say what would have been repaired and what stops it.

    Raises:
        OSError: a file cannot be read or written.
    """
    if not found.report.ok:
        _say_what_stops(found.report)
        return
    count = write_repaired(path, out, found, options)
    aside = found.report.files["training"].quarantined_rows
    left_out = f", {counted(aside, 'row')} left out as the pipeline's quarantine says" if aside else ""
    repairs = f"{counted(count, 'row')}, {counted(found.report.change_count, 'repair')}{left_out}"
    errors().say(f"{repairs}: {out}")


def _say_what_stops(report: Report) -> None:
    console = errors()
    console.say(("nothing was written:", "red"), " errors are left that cannot be repaired")
    codes = Counter(change.code for changes in report.changes.values() for change in changes)
    listed = ", ".join(f"{code} ({count:,})" for code, count in sorted(codes.items()))
    more = " and more" if report.change_count > codes.total() else ""
    would = f"{counted(report.change_count, 'repair')}: {listed}{more}" if codes else "nothing"
    console.say(f"would have been repaired: {would}")
    stopping = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    for finding in stopping[:_STOPPING_MAX]:
        console.say(f"stops it: {finding.place}: {finding.code} {finding.message}")
    if report.errors > len(stopping[:_STOPPING_MAX]):
        console.say(f"... {report.errors - len(stopping[:_STOPPING_MAX]):,} more, in the report above")


def advise(given: argparse.Namespace, file: Path, report: Report) -> None:
    """Say how what can be repaired is repaired, and whether something else has to be mended first."""
    codes = [code for code in sorted(report.totals) if code in REPAIRABLE]
    if not codes:
        return
    stopping = sorted(
        {finding.code for finding in report.findings if finding.severity is Severity.ERROR} - set(REPAIRABLE)
    )
    first = f", once {', '.join(stopping)} is mended," if stopping else ""
    options: list[object] = []
    for name in ("pipeline", "method"):
        value = getattr(given, name)
        options += [f"--{name}", value] if value is not None else []
    command = typed("validate", file, *options, "--repair", file.with_name(f"{file.stem}-repaired.jsonl"))
    output().say(f"what can be repaired ({', '.join(codes)}) is repaired{first} with: {command}")
