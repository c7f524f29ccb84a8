"""Training rows that give way to a frozen set: they are put aside, so that every candidate meets the set as something new."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

from shared.core.dataset.across.balance import log_broken
from shared.core.dataset.findings import FindingLog
from shared.core.dataset.limits import FileFacts
from shared.core.dataset.options import Options, Role
from shared.core.dataset.rulebook import broken
from shared.core.dataset.rules import sets
from shared.core.dataset.summary import FileSummary, RowState, is_used


def put_aside(
    files: Mapping[Role, FileSummary],
    groups: array[int],
    links: Sequence[tuple[int, int]],
    options: Options,
    log: FindingLog,
) -> None:
    """Put rows into quarantine whose group belongs together with a row of the set (DS094), and limit their share (DS092).

    Args:
        files: the training file, and the set as evaluation file.
        groups: the key of each training row's group.
        links: rows of both that belong together; of a group at least one.
        options: which share may be put aside.
        log: takes the findings.
    """
    training, frozen = files[Role.TRAINING], files[Role.EVALUATION]
    like: dict[int, int] = {}
    for row, item in links:
        like[groups[row]] = min(item, like.get(groups[row], item))
    before = len(training.quarantine)
    for row in range(training.rows):
        if groups[row] not in like or not is_used(training.states[row]):
            continue
        line, place = training.lines[row], (frozen.file, frozen.lines[like[groups[row]]])
        log_broken(sets.of_the_frozen_set, log, training, row, *place)
        reasons = FindingLog()
        reasons.add_all(broken(sets.of_the_frozen_set, *place), file=training.file, line=line)
        training.states[row] = RowState.QUARANTINED
        training.quarantine[row] = reasons.findings
        training.forget(row)
    if not broken(
        sets.quarantine_too_large, _facts(training, before, options)
    ):  # else it was reported already
        facts = _facts(training, len(training.quarantine), options)
        log.add_all(broken(sets.quarantine_too_large, facts), file=training.file)


def _facts(training: FileSummary, quarantined: int, options: Options) -> FileFacts:
    """What DS092 looks at."""
    return FileFacts(
        rows=training.rows,
        size_bytes=training.size_bytes,
        has_error=False,
        images=0,
        image_examples=0,
        spaced_rows=0,
        first_spaced_line=0,
        slot_values={},
        quarantined_rows=quarantined,
        quarantine_max_share=options.quarantine_max_share,
        limits=options.limits,
    )
