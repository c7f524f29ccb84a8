"""The whole validation of a dataset, from bytes to report; all other code calls it here.

This is the door of the dataset rooms: what needs numpy, Hyperscan and the tokenizer is loaded when a dataset is validated, not
when the app starts.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.core.dataset.findings import FindingLog
from shared.core.dataset.format import FORMATS
from shared.core.dataset.options import Options, Role
from shared.core.dataset.reading.blocks import TooLong, is_blank, split_blocks
from shared.core.dataset.reading.line import decode_row, encode_row
from shared.core.dataset.report import Report
from shared.core.dataset.rows.check import Checks
from shared.core.dataset.rulebook import broken
from shared.core.dataset.rules.sets import not_compared
from shared.core.dataset.summary import PARTS, FileSummary, HeldOutRow, RowState, SplitPlan
from shared.core.spec import MethodType


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedDataset:
    """What validation found.

    Attributes:
        report: for people and machines.
        files: all that is known about each file.
        plan: which training row goes where.
        held_out: the rows that models are asked, in their order; at most `max_examples` of those that are held out.
    """

    report: Report
    files: Mapping[Role, FileSummary]
    plan: SplitPlan
    held_out: tuple[HeldOutRow, ...]

    def trained_keys(self) -> array[int]:
        """Identity of each row that is trained on."""
        summary, training = self.files[Role.TRAINING], PARTS.index(Role.TRAINING)
        return array(
            "Q", itertools.compress(summary.keys, (part == training for part in self.plan.assignment))
        )


def validate(sources: Mapping[Role, tuple[str, Iterable[bytes]]], options: Options) -> ValidatedDataset:
    """Check a dataset.  Never raises on data.

    Args:
        sources: name and bytes of each file, at least of the training file.
        options: what is looked for.
    """
    # The one lazy door: these rooms import what takes a quarter of a second and 90 MB.
    from shared.core.dataset.across.duplicates import relate  # noqa: PLC0415
    from shared.core.dataset.across.reporting import build_report  # noqa: PLC0415
    from shared.core.dataset.across.split import held_out_rows, plan_split  # noqa: PLC0415
    from shared.core.dataset.file import inspect_file  # noqa: PLC0415
    from shared.core.dataset.rows.minhash import MinHasher  # noqa: PLC0415

    log = FindingLog(options.severities, counted_max=options.limits.counted_max)
    hasher = MinHasher()
    compared = {Role.TRAINING, Role.EVALUATION} if Role.EVALUATION in sources else set()
    files = {
        role: inspect_file(
            FileSummary(file=name, role=role, is_exam=role in compared),
            chunks,
            options=options,
            log=log,
            hasher=hasher,
        )
        for role, (name, chunks) in sources.items()
    }
    log.add_all(broken(not_compared, hasher.reduced_rows), file=files[Role.TRAINING].file)
    relations = relate(files, options, log)
    plan = plan_split(
        files[Role.TRAINING],
        relations.groups[Role.TRAINING],
        options,
        log,
        has_validation=Role.VALIDATION in files,
        has_evaluation=Role.EVALUATION in files,
    )
    return ValidatedDataset(
        report=build_report(files, plan, options, log),
        files=files,
        plan=plan,
        held_out=held_out_rows(files, plan, relations, options),
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

    def parsed(self) -> dict[str, Any]:
        """The row itself."""
        return decode_row(self.data)


def prepared_rows(chunks: Iterable[bytes], summary: FileSummary, options: Options) -> Iterator[PreparedRow]:
    """The second pass over a file: each row as it is used, or put aside.

    Raises:
        IndexError: the file has more rows than the first pass saw.
    """
    checks = Checks(options, guessed_to=summary.guessed_to)
    index = 0
    for block in split_blocks(chunks, line_bytes_max=options.limits.line_bytes_max):
        for number, line in enumerate(block.lines, start=block.first):
            if isinstance(line, bytes) and is_blank(line):
                continue
            if summary.has_more_rows and index >= summary.rows:
                return
            state = RowState(summary.states[index])
            data = b"" if isinstance(line, TooLong) else line
            if state is RowState.REPAIRED:
                row = checks.judge(data, number).row
                assert row is not None, "a row that was repaired can be read"
                data = encode_row(row)
            yield PreparedRow(index, number, state, data)
            index += 1


def keys_of(lines: Iterable[bytes], method: MethodType) -> Iterator[int]:
    """The identity of each prepared row, as validation gives it: equal for rows that say the same; never 0.

    Args:
        lines: a row each, in which no rule found an error.
        method: that the rows are meant for.

    Raises:
        ValueError: a line is not such a row.
    """
    from shared.core.dataset.rows.block import key_of  # noqa: PLC0415  see above

    form = FORMATS[method]
    for number, line in enumerate(lines, start=1):
        try:
            yield key_of(decode_row(line), form)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            msg = f"line {number} is not a row for {method}: {error}"
            raise ValueError(msg) from error
