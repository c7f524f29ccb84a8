"""Bounds of files, rows and jobs, and what the rules about a file hold against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.core.models import EXAMPLE_TOKENS_MAX
from shared.core.schema_work import Work

#: Longer lines are passed over without being kept.
LINE_BYTES_MAX: Final = 16 * 1024 * 1024
#: Foundry starts no job with fewer examples.
TRAINING_EXAMPLES_MIN: Final = 10
#: Foundry's limit on tokens of the training file times epochs (quotas and limits, 2026-02-17).
JOB_TOKENS_MAX: Final = 2_000_000_000
#: Foundry's limit on examples with images (how-to-fine-tuning-vision-content.md).
IMAGE_EXAMPLES_MAX: Final = 50_000
#: A flood of findings must neither take for ever nor fill the memory.
COUNTED_MAX: Final = 100_000
#: A row takes some hundred bytes of memory, whatever is in it.
ROWS_MAX: Final = 2_000_000
#: Foundry shows `auto` as -1 and does not publish the number it picks; this is the usual outcome.
EPOCHS_ASSUMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of files.

    Attributes:
        example_tokens_max: longest example, in tokens.
        line_bytes_max: longest line that is read.
        file_bytes_max: largest file.
        upload_bytes_warn: size above which a file gets a warning (DS005).
        job_tokens_max: most tokens of a job, epochs counted.
        image_examples_max: most examples with images in a file.
        rows_max: most rows of a file; later ones are not looked at.
        counted_max: findings of each rule that are counted, and rows of a file that are put aside.
    """

    example_tokens_max: int = EXAMPLE_TOKENS_MAX
    line_bytes_max: int = LINE_BYTES_MAX
    file_bytes_max: int = 512 * 1024 * 1024
    upload_bytes_warn: int = 150_000_000
    job_tokens_max: int = JOB_TOKENS_MAX
    image_examples_max: int = IMAGE_EXAMPLES_MAX
    rows_max: int = ROWS_MAX
    counted_max: int = COUNTED_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known about a file after it was read; rules about a file get this.

    Attributes:
        rows: lines that are not blank.
        size_bytes: length of the file.
        has_error: whether an error was found in it.
        images: images in all rows.
        image_examples: rows with images.
        spaced_rows: rows that have texts with white space around them.
        first_spaced_line: where the first of them stands; 0 for none.
        slot_values: how many different values the slots of the grader have; counted up to 2.
        compared_rows: rows in which all slots have a value, of those without errors.
        quarantined_rows: rows that were put aside.
        quarantine_max_share: part of the rows that may be put aside.
        limits: what bounds them.
        model: that is tuned; None if no pipeline file names it.
        has_more_rows: whether there are more rows than are looked at.
        schemas: what was not done with the schemas of tools; None if nothing was.
    """

    rows: int
    size_bytes: int
    has_error: bool
    images: int
    image_examples: int
    spaced_rows: int
    first_spaced_line: int
    slot_values: Mapping[str, int]
    quarantined_rows: int
    quarantine_max_share: float
    limits: Limits
    compared_rows: int = 0
    model: str | None = None
    has_more_rows: bool = False
    schemas: Work | None = None


def epochs_of(hyperparameter: float | str | None) -> tuple[int, bool]:
    """Epochs to reckon with, and whether they are assumed because the pipeline leaves them to Foundry."""
    if isinstance(hyperparameter, str) or hyperparameter is None:
        return EPOCHS_ASSUMED, True
    return int(hyperparameter), False
