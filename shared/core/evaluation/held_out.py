"""The held-out examples of a dataset that was just validated."""

from __future__ import annotations

from collections.abc import Iterable

from shared.core.dataset.options import Options, Role
from shared.core.dataset.validate import ValidatedDataset
from shared.core.evaluation.more_groups import Source, SourceKind
from shared.core.evaluation.prospect import ExamAhead


def exam_of(
    found: ValidatedDataset, options: Options, known_to_champion: Iterable[int] | None = ()
) -> ExamAhead:
    """What will be asked.

    Args:
        found: by validation.
        options: what it was validated for.
        known_to_champion: places of examples that today's champion was trained on; None if that is not known.
    """
    rows, to_champion = found.held_out, known_to_champion
    is_file = Role.EVALUATION in found.files
    role = Role.EVALUATION if is_file else Role.TRAINING
    return ExamAhead(
        groups=[row.group for row in rows],
        source=Source(
            kind=_kind(options, is_file=is_file), rows=found.files[role].used_rows, dataset=options.dataset
        ),
        to_candidate=frozenset(row.group for row in rows if row.is_trained_on),
        to_champion=None if to_champion is None else frozenset(rows[place].group for place in to_champion),
        must_pass={place: row.line for place, row in enumerate(rows) if row.line in options.must_pass},
    )


def _kind(options: Options, *, is_file: bool) -> SourceKind:
    if not is_file:
        return "split"
    return "set" if options.has_frozen_set else "file"
