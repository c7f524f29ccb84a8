"""The whole validation of a dataset, from bytes to report; everything else asks for it here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.core.dataset.examine import judge_row
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.inspect import inspect_file
from shared.core.dataset.options import Depth, Options, Role
from shared.core.dataset.reader import TooLong, is_blank, split_blocks
from shared.core.dataset.relations import relate
from shared.core.dataset.report import Report, build_report
from shared.core.dataset.rows import encode_row
from shared.core.dataset.sharing import Sharing, StartProcesses
from shared.core.dataset.sketch import Sketcher
from shared.core.dataset.split import SplitPlan, plan_split, unsplit
from shared.core.dataset.summary import FileSummary, RowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What validation found.

    Attributes:
        report: for people and machines.
        files: all that is known of each file.
        plan: which training row goes where.
    """

    report: Report
    files: Mapping[Role, FileSummary]
    plan: SplitPlan


def validate(
    sources: Mapping[Role, tuple[str, Iterable[bytes]]],
    options: Options,
    *,
    processes: StartProcesses | None = None,
    workers: int = 1,
) -> Validation:
    """Check a dataset.  Never raises on data.

    Args:
        sources: name and bytes of each file, at least of the training file.
        options: what is looked for.
        processes: starts processes to share the work with; None to do without.
        workers: how many processes share the work, this one included.
    """
    log, sketcher = FindingLog(options.severities), Sketcher()
    sharing = None if processes is None else Sharing(processes, workers - 1, options)
    files = {
        role: inspect_file(
            chunks,
            file=name,
            role=role,
            options=options,
            log=log,
            sketcher=sketcher,
            sharing=sharing,
        )
        for role, (name, chunks) in sources.items()
    }
    training = files[Role.TRAINING]
    if options.depth is Depth.STRUCTURE:
        plan = unsplit(training)
    else:
        plan = plan_split(
            training,
            relate(files, options, log),
            options,
            log,
            has_validation=Role.VALIDATION in files,
            has_evaluation=Role.EVALUATION in files,
        )
    return Validation(report=build_report(files, plan, options, log), files=files, plan=plan)


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
    index = 0
    for block in split_blocks(chunks, line_bytes_max=options.limits.line_bytes_max):
        for number, line in enumerate(block.lines, start=block.first):
            if isinstance(line, bytes) and is_blank(line):
                continue
            state = RowState(summary.states[index])
            data = b"" if isinstance(line, TooLong) else line
            if state is RowState.REPAIRED:
                row, _, _ = judge_row(data, number, options)
                assert row is not None
                data = encode_row(row)
            yield PreparedRow(index, number, state, data)
            index += 1
