"""The whole validation of a dataset, from bytes to report; all other code calls it here.

This is the door of the dataset rooms: what needs numpy, Hyperscan and the tokenizer is loaded when a dataset is validated, not
when the app starts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.core.dataset.findings import FindingLog
from shared.core.dataset.options import Options, Role
from shared.core.dataset.reading.blocks import TooLong, is_blank, split_blocks
from shared.core.dataset.reading.line import encode_row
from shared.core.dataset.report import Report
from shared.core.dataset.rows.check import Checks
from shared.core.dataset.summary import FileSummary, RowState, SplitPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedDataset:
    """What validation found.

    Attributes:
        report: for people and machines.
        files: all that is known about each file.
        plan: which training row goes where.
        held_out_groups: the group of each held-out row, in their order, numbered from 0 by the first row; rows that are equal,
            nearly equal or ask the same are one group.
    """

    report: Report
    files: Mapping[Role, FileSummary]
    plan: SplitPlan
    held_out_groups: array[int]


def validate(sources: Mapping[Role, tuple[str, Iterable[bytes]]], options: Options) -> ValidatedDataset:
    """Check a dataset.  Never raises on data.

    Args:
        sources: name and bytes of each file, at least of the training file.
        options: what is looked for.
    """
    # The one lazy door: these rooms import what takes a quarter of a second and 90 MB.
    from shared.core.dataset.across.duplicates import relate  # noqa: PLC0415
    from shared.core.dataset.across.reporting import build_report  # noqa: PLC0415
    from shared.core.dataset.across.split import held_out_groups, plan_split  # noqa: PLC0415
    from shared.core.dataset.file import inspect_file  # noqa: PLC0415
    from shared.core.dataset.rows.minhash import MinHasher  # noqa: PLC0415

    log, hasher = FindingLog(options.severities), MinHasher()
    files = {
        role: inspect_file(chunks, file=name, role=role, options=options, log=log, hasher=hasher)
        for role, (name, chunks) in sources.items()
    }
    groups = relate(files, options, log)
    plan = plan_split(
        files[Role.TRAINING],
        groups[Role.TRAINING],
        options,
        log,
        has_validation=Role.VALIDATION in files,
        has_evaluation=Role.EVALUATION in files,
    )
    return ValidatedDataset(
        report=build_report(files, plan, options, log),
        files=files,
        plan=plan,
        held_out_groups=held_out_groups(files, plan, groups),
    )


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """A row of the second pass.

    Attributes:
        index: of the row.
        line: where it stands.
        state: what becomes of it.
        data: the line as it is used: as it was dropped, or repaired.
    """

    index: int
    line: int
    state: RowState
    data: bytes


def prepared_rows(chunks: Iterable[bytes], summary: FileSummary, options: Options) -> Iterator[PreparedRow]:
    """The second pass over a file: each row as it is used, or put aside.

    Raises:
        IndexError: the file has more rows than the first pass saw.
    """
    checks = Checks(options)
    index = 0
    for block in split_blocks(chunks, line_bytes_max=options.limits.line_bytes_max):
        for number, line in enumerate(block.lines, start=block.first):
            if isinstance(line, bytes) and is_blank(line):
                continue
            state = RowState(summary.states[index])
            data = b"" if isinstance(line, TooLong) else line
            if state is RowState.REPAIRED:
                row = checks.judge(data, number).row
                assert row is not None, "a row that was repaired can be read"
                data = encode_row(row)
            yield PreparedRow(index, number, state, data)
            index += 1
